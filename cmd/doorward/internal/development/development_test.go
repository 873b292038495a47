package development

import (
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/cmd/doorward/internal/suite"
	"github.com/doorward/doorward/internal/porttest"
)

// A start that fails half way leaves nothing listening, so that the next one finds its ports free.
func TestAFailedStartLetsGoOfItsPorts(t *testing.T) {
	base, release, err := porttest.Claim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = release() })
	var config net.ListenConfig
	listen := func(offset int) (net.Listener, error) {
		return config.Listen(t.Context(), "tcp", Ports{Base: base}.address(offset))
	}
	other, err := listen(portPortal) // the last that is opened
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(t.Context(), Config{
		Dir: t.TempDir(), Ports: Ports{Base: base},
		Process: suite.Process{Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Now: time.Now},
	})
	if err == nil {
		t.Fatal("a suite started without its portal's port")
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	for offset := portAuthn; offset <= portLast; offset++ {
		listener, err := listen(offset)
		if err != nil {
			t.Errorf("port base+%d is still taken: %v", offset, err)
			continue
		}
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
}
