package suite

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/test/ports"
)

// A start that fails half way leaves nothing listening, so that the next one finds its ports free.
func TestAFailedStartLetsGoOfItsPorts(t *testing.T) {
	base, release, err := ports.Claim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = release() })
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "operator.env"), 0o700); err != nil { // where a file belongs
		t.Fatal(err)
	}
	_, err = New(t.Context(), Config{
		Dir: dir, Ports: Ports{Base: base}, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Now: time.Now,
	})
	if err == nil {
		t.Fatal("a suite started without its operator's env file")
	}
	for offset := portAuthn; offset <= portLast; offset++ {
		var config net.ListenConfig
		listener, err := config.Listen(t.Context(), "tcp", Ports{Base: base}.address(offset))
		if err != nil {
			t.Errorf("port base+%d is still taken: %v", offset, err)
			continue
		}
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
}
