package production

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/cmd/doorward/internal/suite"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn"
)

// made is a deployment's directory as `doorward init` makes it, or `doorward dev`.
func made(t *testing.T, development bool) deployment.Layout {
	t.Helper()
	l := deployment.Layout{Dir: filepath.Join(t.TempDir(), "d"), Development: development}
	_, err := l.Prepare(time.Now())
	must(t, err)
	cfg := authn.DefaultConfig()
	cfg.Issuer, cfg.Development = "https://id.example.com", development
	cfg.DataDir, cfg.KeysDir, cfg.Certs = l.Data(), l.Keys(), l.Certs()
	cfg.MailKey, cfg.NATS.Seed = l.MailKey()+seal.PublicSuffix, bus.SeedFile(l.NATS(), bus.Authn)
	_, err = l.FirstKeys(t.Context(), cfg, "shop")
	must(t, err)
	return l
}

// refusal is why production doesn't start on a directory, which it must leave as it is.
func refusal(t *testing.T, cfg Config) error {
	t.Helper()
	before := contents(t, cfg.Dir)
	all, err := New(t.Context(), cfg, process())
	if err == nil {
		all.Close()
		t.Fatal("it would have started")
	}
	if diff := cmp.Diff(before, contents(t, cfg.Dir)); diff != "" {
		t.Errorf("the directory was changed:\n%s", diff)
	}
	return err
}

func process() suite.Process {
	return suite.Process{Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Now: time.Now}
}

// on is a deployment in a directory, at ports that are free.
func on(dir string) Config {
	cfg := good()
	cfg.Dir = dir
	cfg.Authn.Listen, cfg.Risk.Listen, cfg.Notify.Listen, cfg.Portal.Listen, cfg.NATS.Listen =
		"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	return cfg
}

func TestEachPieceMadeForDevelopmentIsRefused(t *testing.T) {
	production, developers := made(t, false), made(t, true)
	pieces := []string{"keys/authn.key", "keys/mail/1.key", "keys/mail/1.key.pub"}
	for _, name := range bus.Names() {
		pieces = append(pieces, "nats/"+string(name)+".nk")
	}
	for _, piece := range append(pieces, "certs") {
		t.Run(piece, func(t *testing.T) {
			mine, kept := filepath.Join(production.Dir, piece), filepath.Join(t.TempDir(), "kept")
			must(t, os.Rename(mine, kept))
			must(t, os.Rename(filepath.Join(developers.Dir, piece), mine))
			err := refusal(t, on(production.Dir))
			must(t, os.Rename(mine, filepath.Join(developers.Dir, piece)))
			must(t, os.Rename(kept, mine))
			if !errors.Is(err, ErrUnfit) {
				t.Fatalf("err = %v, want ErrUnfit", err)
			}
			if piece == "certs" {
				piece = "certs/ca.pem"
			}
			says(t, err, filepath.Join(production.Dir, piece)+" "+secret.ErrDevelopment.Error(), "doorward init")
		})
	}
	t.Run("all of them", func(t *testing.T) {
		err := refusal(t, on(developers.Dir))
		for _, piece := range append(pieces, "certs/ca.pem") {
			says(t, err, filepath.Join(developers.Dir, piece)+" "+secret.ErrDevelopment.Error())
		}
	})
}

func TestWhatIsMissingIsNamedWithTheCommandThatMakesIt(t *testing.T) {
	nothing := on(filepath.Join(t.TempDir(), "none"))
	all := []string{"keys/mail/1.key", "keys/mail/1.key.pub", "keys/authn.key", "data/authn.db", "certs/ca.pem"}
	for _, name := range deployment.Names() {
		all = append(all, "certs/"+name+".pem", "certs/"+name+".key")
	}
	for _, name := range bus.Names() {
		all = append(all, "nats/"+string(name)+".nk")
	}
	err := refusal(t, nothing)
	says(t, err, all...)
	says(t, err, "doorward init --dir "+nothing.Dir+" --issuer https://id.example.com --audience ")

	l := made(t, false)
	must(t, os.Remove(bus.SeedFile(l.NATS(), bus.Risk)))
	must(t, os.Remove(filepath.Join(l.Certs(), "portal.pem")))
	err = refusal(t, on(l.Dir))
	says(t, err, "it lacks certs/portal.pem, nats/risk.nk: doorward init")
}

func TestWhatHasToComeFromItsBackupIsNamedWithTheCommandThatBringsIt(t *testing.T) {
	l := made(t, false)
	must(t, os.Remove(filepath.Join(l.Data(), "authn.db")))
	err := refusal(t, on(l.Dir))
	says(t, err, "authn.db is gone: restore it: doorward restore authn --from … --dir "+l.Dir)
	if strings.Contains(err.Error(), "doorward init") {
		t.Errorf("it leads back to init, which can't make it: %v", err)
	}
	must(t, os.Remove(filepath.Join(l.Keys(), "authn.key"))) // with env files that hold API keys
	must(t, os.WriteFile(l.AppEnv(), nil, 0o600))
	says(t, refusal(t, on(l.Dir)), "authn.key is gone", "authn.db is gone: restore it")
}

func TestEverythingThatIsWrongIsToldAtOnce(t *testing.T) {
	l := made(t, false)
	must(t, os.Remove(filepath.Join(l.Keys(), "authn.key"))) // and its store is there
	must(t, os.Chmod(bus.SeedFile(l.NATS(), bus.Notify), 0o644))
	must(t, os.WriteFile(l.MailKey(), []byte("no key\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(l.Certs(), "risk.pem"), []byte("no certificate\n"), 0o600))
	cfg := on(l.Dir)
	cfg.SMTP.Username, cfg.SMTP.PasswordFile = "doorward", filepath.Join(l.Dir, "no.password")
	err := refusal(t, cfg)
	says(t, err, "authn.key is gone", "bring it back from its backup", "notify.nk can be read by others; run chmod 600", "1.key: the file doesn't hold",
		"risk.pem", "smtp.password_file: ", "no.password")
}

func TestDirectoryThatAnotherProcessUsesIsLeftAlone(t *testing.T) {
	cfg := on(made(t, false).Dir)
	other, err := bolt.Open(cfg.authnStore(), 0o600, &bolt.Options{Timeout: time.Second})
	must(t, err)
	err = refusal(t, cfg)
	must(t, other.Close())
	if !errors.Is(err, boltdb.ErrLocked) {
		t.Errorf("err = %v, want ErrLocked", err)
	}
}

func TestStartThatFailsLeavesNothingListening(t *testing.T) {
	cfg := on(made(t, false).Dir)
	cfg.Portal.TLSCert, cfg.Portal.TLSKey = "no.pem", "no.key" // the last that is looked at
	if _, err := New(t.Context(), cfg, process()); err == nil || !strings.Contains(err.Error(), "tls_cert") {
		t.Fatalf("New = %v, want the certificate named", err)
	}
	cfg.Portal.TLSCert, cfg.Portal.TLSKey = "", ""
	all, err := New(t.Context(), cfg, process()) // with stores and streams that nobody holds any more
	must(t, err)
	all.Close()
}

// says demands that an error has texts in it.
func says(t *testing.T, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("it doesn't say %q: %v", text, err)
		}
	}
}

// contents are all files below a directory, which may not be there.
func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	files := os.DirFS(root)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		found[path] = string(text)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return found
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
