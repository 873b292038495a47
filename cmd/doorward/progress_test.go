package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

func TestTheBarSaysHowFarItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var screen bytes.Buffer
		b := &bar{to: &screen, terminal: true, what: "authn", unit: bytesText, began: time.Now()}
		b.at(512, 2048)
		b.at(513, 2048) // too soon to be worth drawing
		time.Sleep(10 * time.Second)
		b.at(1024, 2048)
		b.at(2048, 2048)
		b.end()
		got := strings.Split(strings.TrimPrefix(screen.String(), "\r"), "\r")
		want := []string{
			"authn    [######..................]  25 %  512 B of 2.0 KiB\x1b[K",
			"authn    [############............]  50 %  1.0 KiB of 2.0 KiB, about 10s left\x1b[K",
			"authn    [########################] 100 %  2.0 KiB of 2.0 KiB\x1b[K",
			"\x1b[K",
		}
		if !slices.Equal(got, want) {
			t.Errorf("the terminal got %q", got)
		}
	})
}

func TestTheBarCountsWhatHasNoKnownEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var screen bytes.Buffer
		b := &bar{to: &screen, terminal: true, what: "import", unit: bytesText, began: time.Now()}
		b.at(1024, 0)
		b.at(1025, 0)
		if got := screen.String(); got != "\rimport   1.0 KiB\x1b[K" {
			t.Errorf("the terminal got %q", got)
		}
	})
}

// Where there is no terminal, minutes without a word look like a command that hangs.
func TestLongStepsWriteALineNowAndThenWhereThereIsNoTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := streams{err: &log}.bar("rounds", thousands)
		for second := range int64(61) {
			b.at(second, 120)
			time.Sleep(time.Second)
		}
		b.end()
		const want = "rounds: 15 of 120, 12 %, 15s so far, about 1m45s left\n" +
			"rounds: 30 of 120, 25 %, 30s so far, about 1m30s left\n" +
			"rounds: 45 of 120, 38 %, 45s so far, about 1m15s left\n" +
			"rounds: 60 of 120, 50 %, 1m0s so far, about 1m0s left\n"
		if got := log.String(); got != want {
			t.Errorf("the log got:\n%s", got)
		}
	})
}

func TestStepsOfHoursAreSomeDozensOfLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := streams{err: &log}.bar("judged", thousands)
		longest, said := time.Duration(0), time.Now()
		for range 4 * 60 * 60 {
			time.Sleep(time.Second)
			before := log.Len()
			b.at(1, 0)
			if log.Len() > before {
				longest, said = max(longest, time.Since(said)), time.Now()
			}
		}
		if n := strings.Count(log.String(), "\n"); n < 20 || n > 80 || longest > 25*time.Minute {
			t.Errorf("%d lines, %s apart at most:\n%s", n, longest, log.String())
		}
		if !strings.Contains(log.String(), "judged: 1, 15s so far\n") {
			t.Errorf("of what has no known end:\n%s", log.String())
		}
	})
}

func TestShortStepsWriteNothingWhereThereIsNoTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := streams{err: &log}.bar("authn", bytesText)
		b.at(0, 2)
		time.Sleep(lineEvery - time.Second)
		b.at(1, 2)
		time.Sleep(lineEvery) // the result follows at once
		b.at(2, 2)
		b.end()
		if log.Len() > 0 {
			t.Errorf("a file got %q", log.String())
		}
	})
}

// slowSweep judges a page in half a minute, and finds nobody.
type slowSweep struct {
	authnv1.RestrictionServiceClient
	pages int
}

func (s *slowSweep) SweepUsers(context.Context, *authnv1.SweepUsersRequest, ...grpc.CallOption) (*authnv1.SweepUsersResponse, error) {
	time.Sleep(30 * time.Second)
	answer := &authnv1.SweepUsersResponse{Judged: 200}
	if s.pages--; s.pages > 0 {
		answer.NextPageToken = "more"
	}
	return answer, nil
}

func TestASweepThatFindsNobodySaysHowFarItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, log bytes.Buffer
		c := restrictSweepCmd{DryRun: true, noted: noted{JSON: true}}
		judged, found, err := c.sweep(t.Context(), streams{out: &out, err: &log}, &slowSweep{pages: 2})
		if err != nil || judged != 400 || found != 0 || out.Len() > 0 || log.String() != "judged: 200, 30s so far\njudged: 400, 1m0s so far\n" {
			t.Errorf("judged %d, found %d, %v; out %q, log %q", judged, found, err, out.String(), log.String())
		}
	})
}

func TestBytesAreSaidInTheirUnit(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536 << 10: "1.5 MiB", 1 << 62: "4.0 EiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d bytes are %s, want %s", n, got, want)
		}
	}
}
