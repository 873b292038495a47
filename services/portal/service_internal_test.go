package portal

import (
	"log/slog"
	"net/http"
	"testing"
	"time"
)

// A browser that is slow, silent or never ends must not hold a connection for long.
func TestServerBoundsEveryPartOfARequest(t *testing.T) {
	server := newServer(http.NotFoundHandler(), nil, slog.New(slog.DiscardHandler))
	for name, bound := range map[string]time.Duration{
		"header": server.ReadHeaderTimeout, "request": server.ReadTimeout, "answer": server.WriteTimeout, "idling": server.IdleTimeout,
	} {
		if bound <= 0 || bound > time.Minute {
			t.Errorf("%s may take %v", name, bound)
		}
	}
	if server.MaxHeaderBytes <= 0 || server.MaxHeaderBytes > 64<<10 {
		t.Errorf("headers of %d bytes", server.MaxHeaderBytes)
	}
	// The time to write begins with the request: notify's time and the body's come out of it.
	if server.WriteTimeout <= server.ReadTimeout+notifyTimeout {
		t.Errorf("an answer may take %v, but reading %v and notify %v", server.WriteTimeout, server.ReadTimeout, notifyTimeout)
	}
}
