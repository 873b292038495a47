package portal_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/doorward/doorward/services/portal"
)

// An intruder who wants to keep the owner from answering asks for pages without pause.
func TestAFloodDoesntKeepOwnersFromAnswering(t *testing.T) {
	s := start(t, func(cfg *portal.Config) { cfg.TrustedProxies = trusted("127.0.0.0/8") })
	from := func(r *http.Request, address string) page {
		r.Header.Set("X-Forwarded-For", address)
		return s.do(t, r)
	}
	const most = 500
	var flood page
	for range most {
		if flood = from(s.request(t, http.MethodGet, "/contain/dlv_x/guess", ""), "198.51.100.7"); flood.status == http.StatusTooManyRequests {
			break
		}
	}
	if flood.status != http.StatusTooManyRequests {
		t.Fatalf("after %d pages one network still gets %d", most, flood.status)
	}
	if seconds, err := strconv.Atoi(flood.header.Get("Retry-After")); err != nil || seconds < 1 {
		t.Errorf("Retry-After %q", flood.header.Get("Retry-After"))
	}
	described, _ := s.notify.asked()
	if got := from(s.request(t, http.MethodGet, goodPath, ""), "203.0.113.9"); got.status != http.StatusOK {
		t.Errorf("the owner gets %d", got.status)
	}
	if got := from(s.form(t, goodPath, "answer=no", nil), "203.0.113.9"); got.status != http.StatusOK {
		t.Errorf("the owner's answer gets %d", got.status)
	}
	if after, confirmed := s.notify.asked(); after != described+1 || confirmed != 1 {
		t.Errorf("notify was asked %d times more and told %d times", after-described, confirmed)
	}
}
