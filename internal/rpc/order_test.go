package rpc

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestServerInterceptorsStandInTheirOrder(t *testing.T) {
	s := &Server{metrics: &metrics{}, log: &callLog{}}
	var got []string
	for _, i := range s.chain(ServerConfig{Now: time.Now}) {
		got = append(got, i.name)
	}
	want := []string{"request_id", "metrics", "log", "fault", "recovery", "end_streams", "access", "validate"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestClientInterceptorsStandInTheirOrder(t *testing.T) {
	for bare, want := range map[bool][]string{
		false: {"fault", "request_id", "budget"},
		true:  {"request_id", "budget"},
	} {
		var got []string
		for _, i := range clientChain(time.Second, bare) {
			got = append(got, i.name)
			if i.unary == nil || i.stream == nil {
				t.Errorf("%s doesn't cover unary calls and streams alike", i.name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("order, bare status %v (-want +got):\n%s", bare, diff)
		}
	}
}

func TestRequestIDsThatCouldForgeALogLineAreNotTaken(t *testing.T) {
	for given, want := range map[string]bool{
		"req_06dk3v":                        true,
		"0123456789abcdef0123456789ABCDEF":  true,
		"short":                             false,
		"":                                  false,
		"line\nbreak-in-it":                 false,
		"spaces are out":                    false,
		"quote\"quote\"":                    false,
		"ümlaut-ümlaut":                     false,
		string(make([]byte, 65)):            false,
		"a23456789b23456789c23456789d23456": true,
	} {
		if got := wellFormed(given); got != want {
			t.Errorf("wellFormed(%q) = %v, want %v", given, got, want)
		}
	}
}
