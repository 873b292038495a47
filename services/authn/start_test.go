package authn_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/config"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn"
)

// open makes a service that isn't run, and returns why it can't be made.
func (w *world) open() error {
	w.Helper()
	s, err := authn.New(w.Context(), w.cfg, authn.Deps{Logger: w.logger, Registerer: prometheus.NewRegistry(), Now: w.clock.now})
	if err == nil {
		w.must(s.Close())
	}
	return err
}

func (w *world) keyFile() string { return filepath.Join(w.cfg.KeysDir, "authn.key") }

func TestMasterKeyIsMadeOnPurposeAlone(t *testing.T) {
	w := prepareWorld(t)
	w.must(os.RemoveAll(w.cfg.KeysDir))
	err := w.open()
	if !errors.Is(err, authn.ErrNoKey) || !strings.Contains(err.Error(), "doorward authn bootstrap") {
		t.Errorf("without a key: %v, want what to run", err)
	}
	if _, err := os.Stat(w.keyFile()); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a key was made all the same: %v", err)
	}
	w.cfg.Development = true
	w.must(w.open())
	if err := secret.RefuseDevelopment(w.keyFile(), ""); !errors.Is(err, secret.ErrDevelopment) {
		t.Errorf("production would take the key: %v", err)
	}
	info, err := os.Stat(w.keyFile())
	w.must(err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v", info.Mode())
	}
}

// TestALostMasterKeyIsntReplaced: a new one beside data that was made under the old would look like a start, and be a loss.
func TestALostMasterKeyIsntReplaced(t *testing.T) {
	w := prepareWorld(t)
	w.must(w.open()) // makes the first signing key
	w.must(os.Remove(w.keyFile()))
	w.cfg.Development = true
	if err := w.open(); !errors.Is(err, authn.ErrNoKey) || !strings.Contains(err.Error(), "backup") {
		t.Errorf("err = %v, want ErrNoKey with what to do", err)
	}
	if _, err := authn.Bootstrap(t.Context(), w.cfg, "notes"); !errors.Is(err, authn.ErrNoKey) {
		t.Errorf("bootstrap: %v, want ErrNoKey", err)
	}
	_, err := secret.CreateKey(w.keyFile())
	w.must(err)
	if err := w.open(); err == nil || !strings.Contains(err.Error(), "another key file") {
		t.Errorf("with another key: %v", err)
	}
}

func TestBootstrapIsDoneOnce(t *testing.T) {
	w := prepareWorld(t)
	before, err := os.ReadFile(w.keyFile())
	w.must(err)
	second, err := authn.Bootstrap(t.Context(), w.cfg, "notes")
	if !errors.Is(err, authn.ErrBootstrapped) || !second.OperatorKey.IsZero() {
		t.Errorf("again: %v", err)
	}
	after, err := os.ReadFile(w.keyFile())
	w.must(err)
	if !slices.Equal(before, after) {
		t.Error("the key was replaced")
	}
	w.nats.start()
	w.start()
	if _, err := authn.Bootstrap(t.Context(), w.cfg, "notes"); !errors.Is(err, boltdb.ErrLocked) {
		t.Errorf("beside a running authn: %v, want ErrLocked", err)
	}
}

func TestStartSaysWhatIsMissing(t *testing.T) {
	tests := map[string]struct {
		damage func(*world)
		want   string
	}{
		"certificates":  {func(w *world) { w.cfg.Certs = w.TempDir() }, "doorward certs"},
		"mail key":      {func(w *world) { w.cfg.MailKey = "nowhere" }, "public sealing key"},
		"NATS identity": {func(w *world) { w.cfg.NATS.Seed = "nowhere" }, "identity"},
		"NATS CA":       {func(w *world) { w.cfg.NATS.CA = "nowhere" }, "CA of NATS"},
		"exposed key":   {func(w *world) { w.must(os.Chmod(w.keyFile(), 0o644)) }, "chmod 600"},
		"an issuer":     {func(w *world) { w.cfg.Issuer = "" }, "issuer"},
	}
	w := prepareWorld(t)
	good := w.cfg
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			w.cfg = good
			w.must(os.Chmod(w.keyFile(), 0o600))
			c.damage(w)
			if err := w.open(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("err = %v, want one that says %q", err, c.want)
			}
		})
	}
	w.cfg = good
	w.must(os.Chmod(w.keyFile(), 0o600))
	w.must(w.open()) // nothing of the failed starts is left open
}

func TestDevelopmentMaterialNeedsToBeAllowed(t *testing.T) {
	w := prepareWorld(t)
	w.cfg.Certs = filepath.Join(w.TempDir(), "certs")
	_, err := certs.Create(w.cfg.Certs, []string{"authn"}, certs.Options{Now: time.Now(), Development: true})
	w.must(err)
	for _, file := range []string{w.keyFile(), w.cfg.MailKey, w.cfg.NATS.Seed} {
		key, err := os.ReadFile(file)
		w.must(err)
		w.must(secret.ReplaceFile(file, secret.ForDevelopment.On(key)))
	}
	all := []string{"ca.pem", w.keyFile(), w.cfg.MailKey, w.cfg.NATS.Seed}
	w.refusesDevelopment(w.open(), all)
	_, err = authn.Bootstrap(t.Context(), w.cfg, "notes")
	w.refusesDevelopment(err, all[1:])
	w.cfg.Development = true
	w.must(w.open())
}

// refusesDevelopment demands that an error names all of the files.
func (w *world) refusesDevelopment(err error, files []string) {
	w.Helper()
	if !errors.Is(err, secret.ErrDevelopment) {
		w.Errorf("err = %v, want ErrDevelopment", err)
		return
	}
	for _, file := range files {
		if !strings.Contains(err.Error(), file) {
			w.Errorf("%s isn't named in: %v", file, err)
		}
	}
}

func TestHealthFollowsTheService(t *testing.T) {
	w := newWorld(t)
	health := healthpb.NewHealthClient(w.withKey("").conn)
	w.eventually("it is serving", func() bool {
		r, err := health.Check(t.Context(), &healthpb.HealthCheckRequest{})
		return err == nil && r.GetStatus() == healthpb.HealthCheckResponse_SERVING
	})
}

func TestConfigNamesAllFaultsAtOnce(t *testing.T) {
	loaded, err := config.Load(config.Options[authn.Config]{Defaults: authn.DefaultConfig(), Env: []string{"DOORWARD_ISSUER=https://id.example.com"}})
	if err != nil || loaded.Value.Listen != "127.0.0.1:7401" {
		t.Errorf("the defaults with an issuer: %v", err)
	}
	_, err = config.Load(config.Options[authn.Config]{
		Defaults: authn.DefaultConfig(),
		Env: []string{
			"DOORWARD_LISTEN=7401", "DOORWARD_RISK=", "DOORWARD_KEYS_DIR=.doorward/certs/", "DOORWARD_HASH_WORKERS=-1",
			"DOORWARD_NATS_URL=nats://nats.example.com:4222", "DOORWARD_NATS_SEED=",
			"DOORWARD_BREACH_RANGE_HOST=http://hibp.example.com",
		},
	})
	var faults config.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("err = %v, want faults", err)
	}
	keys := keysOf(faults)
	slices.Sort(keys)
	want := []string{"breach.range_host", "hash_workers", "issuer", "keys_dir", "listen", "nats.ca", "nats.seed", "risk"}
	if !slices.Equal(keys, want) {
		t.Errorf("faults at %v, want %v", keys, want)
	}
}

func TestIssuerIsAnAddressWithoutDoubt(t *testing.T) {
	for issuer, good := range map[string]bool{
		"https://id.example.com": true, "https://id.example.com:8443": true, "http://127.0.0.1:7401": true, "http://localhost:7404": true,
		"http://id.example.com": false, "https://id.example.com/": false, "https://id.example.com/x": false, "id.example.com": false,
		"https://ada@id.example.com": false, "https://id.example.com?x": false, "": false, "https://": false,
	} {
		cfg := authn.DefaultConfig()
		cfg.Issuer = issuer
		if got := len(cfg.Validate()) == 0; got != good {
			t.Errorf("issuer %q is good = %t, want %t", issuer, got, good)
		}
	}
}

func keysOf(faults config.Faults) []string {
	var keys []string
	for _, f := range faults {
		keys = append(keys, f.Key)
	}
	return keys
}
