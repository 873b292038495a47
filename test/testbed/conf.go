package testbed

import (
	"path/filepath"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// StartNATS runs a NATS server of its own until the test ends, by a configuration file such as doorward init makes, with TLS and the certificate named nats of
// a directory of certificates. Port 0 takes any that is free. It returns the server's URL. The file reads the environment, so the test can't be parallel.
func StartNATS(t *testing.T, conf, certs string, port int) string {
	t.Helper()
	t.Setenv("DOORWARD_NATS_STORE", t.TempDir())
	t.Setenv("DOORWARD_NATS_CERT", filepath.Join(certs, "nats.pem"))
	t.Setenv("DOORWARD_NATS_KEY", filepath.Join(certs, "nats.key"))
	options, err := server.ProcessConfigFile(conf)
	must(t, err)
	if port == 0 {
		port = server.RANDOM_PORT
	}
	options.Host, options.Port, options.HTTPPort = "127.0.0.1", port, 0
	options.NoLog, options.NoSigs = true, true
	s, err := server.NewServer(options)
	must(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(Patience) {
		t.Fatalf("the server with %s isn't ready", conf)
	}
	return "tls://" + s.Addr().String()
}
