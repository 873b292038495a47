package deployment

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn"
)

var contacts = Contacts{
	Authn: "127.0.0.1:7401", NATS: "tls://127.0.0.1:7407", Issuer: "https://id.example.com", Audience: "shop",
}

// create makes a deployment as `doorward init --share` does.
func create(t *testing.T, l Layout, shares string) FirstKeys {
	t.Helper()
	_, err := l.Prepare(time.Now())
	must(t, err)
	keys, err := l.FirstKeys(t.Context(), authnConfig(l, shares), contacts.Audience)
	must(t, err)
	_, err = l.WriteEnv(keys, contacts)
	must(t, err)
	must(t, l.Share(shares, "", keys, contacts))
	return keys
}

func authnConfig(l Layout, shares string) authn.Config {
	cfg := authn.DefaultConfig()
	cfg.Issuer, cfg.DataDir, cfg.KeysDir, cfg.Certs = contacts.Issuer, ShareData(shares, "authn"), l.Keys(), l.Certs()
	return cfg
}

func TestMadeAgainADeploymentIsTheSame(t *testing.T) {
	l, shares := Layout{Dir: t.TempDir()}, t.TempDir()
	first := create(t, l, shares)
	before := contents(t, l.Dir, shares)
	again := create(t, l, shares)
	if diff := cmp.Diff(before, contents(t, l.Dir, shares)); diff != "" {
		t.Error(diff)
	}
	if first.Application.Reveal() != again.Application.Reveal() || first.Operator.Reveal() != again.Operator.Reveal() {
		t.Error("the second time there are other keys")
	}
}

func TestWhatWasMadeForDevelopmentIsNotCompletedForProduction(t *testing.T) {
	for name, development := range map[string]bool{"a developer's": true, "a deployment's": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := Layout{Dir: dir, Development: development}.Prepare(time.Now())
			must(t, err)
			before := contents(t, dir)
			_, err = Layout{Dir: dir, Development: !development}.Prepare(time.Now())
			if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "--dir") {
				t.Errorf("Prepare = %v", err)
			}
			if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestKeysSayWhatTheyWereMadeFor(t *testing.T) {
	for name, development := range map[string]bool{"development": true, "production": false} {
		t.Run(name, func(t *testing.T) {
			l := Layout{Dir: t.TempDir(), Development: development}
			_, err := l.Prepare(time.Now())
			must(t, err)
			cfg := authnConfig(l, t.TempDir())
			cfg.MailKey, cfg.NATS.Seed, cfg.Development = l.MailKey(), bus.SeedFile(l.NATS(), bus.Authn), development
			_, err = l.FirstKeys(t.Context(), cfg, contacts.Audience)
			must(t, err)
			files := []string{filepath.Join(l.Keys(), "authn.key"), l.MailKey(), l.MailKey() + seal.PublicSuffix}
			for _, identity := range bus.Names() {
				files = append(files, bus.SeedFile(l.NATS(), identity))
			}
			for _, file := range files {
				if err := secret.RefuseDevelopment(file, "init"); errors.Is(err, secret.ErrDevelopment) != development {
					t.Errorf("%s: %v", file, err)
				}
			}
		})
	}
}

func TestEachShareHoldsItsOwnFilesAlone(t *testing.T) {
	l, shares := Layout{Dir: t.TempDir()}, t.TempDir()
	create(t, l, shares)
	want := []string{
		"application/app.env", "application/certs/ca.pem", "application/nats/sdk.nk",
		"authn/certs/authn.key", "authn/certs/authn.pem", "authn/certs/ca.pem",
		"authn/data/authn.db", "authn/keys/authn.key", "authn/keys/mail/1.key.pub", "authn/nats/authn.nk",
		"nats/certs/ca.pem", "nats/certs/nats.key", "nats/certs/nats.pem", "nats/nats.conf",
		"notify/certs/ca.pem", "notify/certs/notify.key", "notify/certs/notify.pem", "notify/keys/mail/1.key", "notify/nats/notify.nk",
		"operator/certs/ca.pem", "operator/certs/operator.key", "operator/certs/operator.pem", "operator/nats/operator.nk", "operator/operator.env",
		"portal/certs/ca.pem", "portal/certs/portal.key", "portal/certs/portal.pem",
		"risk/certs/ca.pem", "risk/certs/risk.key", "risk/certs/risk.pem", "risk/nats/risk.nk",
	}
	var have []string
	for path := range contents(t, shares) {
		name, err := filepath.Rel(shares, path)
		must(t, err)
		have = append(have, filepath.ToSlash(name))
	}
	slices.Sort(have)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}

// The seed for events is given to who asks for it: a backend that only verifies tokens has no use for everybody's sign-ins.
func TestOnlyASubscriberGetsTheSeedForEvents(t *testing.T) {
	l := Layout{Dir: t.TempDir()}
	for _, asked := range []bool{false, true} {
		shares, at := t.TempDir(), contacts
		keys := create(t, l, shares)
		at.Subscriber = asked
		_, err := l.WriteEnv(keys, at)
		must(t, err)
		must(t, l.Share(shares, "", keys, at))
		_, laid := contents(t, shares)[filepath.Join(shares, "application", "nats", "subscriber.nk")]
		if laid != asked {
			t.Errorf("asked: %t; the seed is laid: %t", asked, laid)
		}
		for _, file := range []string{l.AppEnv(), shares + "/application/app.env"} {
			env, err := ReadEnv(file)
			must(t, err)
			if named := env.Get("DOORWARD_EVENTS_SEED") != ""; named != asked {
				t.Errorf("asked: %t; %s names the seed: %t", asked, filepath.Base(file), named)
			}
		}
	}
}

func TestWhatIsMadeIsItsOwnersAlone(t *testing.T) {
	l, shares := Layout{Dir: filepath.Join(t.TempDir(), "d")}, filepath.Join(t.TempDir(), "s")
	create(t, l, shares)
	for _, root := range []string{l.Dir, shares} {
		must(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || path == root || strings.HasPrefix(path, l.NATS()) && strings.HasSuffix(path, ".pub") {
				return err
			}
			info, err := entry.Info()
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			return err
		}))
	}
}

func TestSharesFollowWhatIsRenewed(t *testing.T) {
	l, shares := Layout{Dir: t.TempDir()}, t.TempDir()
	create(t, l, shares)
	must(t, os.Remove(filepath.Join(l.Certs(), "risk.pem")))
	create(t, l, shares)
	for _, name := range []string{"certs/risk.pem", "certs/risk.key"} {
		want, err := os.ReadFile(filepath.Join(l.Dir, name))
		must(t, err)
		have, err := os.ReadFile(filepath.Join(shares, "risk", name))
		must(t, err)
		if string(want) != string(have) {
			t.Errorf("risk still has its old %s", name)
		}
	}
}

func TestEnvFilesNameWhereTheirReadersFindThings(t *testing.T) {
	l, shares := Layout{Dir: t.TempDir()}, t.TempDir()
	keys := create(t, l, shares)
	tests := map[string]struct {
		filesAt, file, want string
	}{
		"where they were made":       {"", l.AppEnv(), l.Certs() + "/ca.pem"},
		"in the application's share": {"", shares + "/application/app.env", shares + "/application/certs/ca.pem"},
		"in the operator's share":    {"", shares + "/operator/operator.env", shares + "/operator/certs/ca.pem"},
		"in a copy":                  {"some/copy", shares + "/application/app.env", "some/copy/certs/ca.pem"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			must(t, l.Share(shares, test.filesAt, keys, contacts))
			env, err := ReadEnv(test.file)
			must(t, err)
			if got := env.Get("DOORWARD_CA"); got != test.want {
				t.Errorf("DOORWARD_CA is %s, want %s", got, test.want)
			}
		})
	}
}

func TestKeysThatAreGoneAreNotMadeAgain(t *testing.T) {
	l, shares := Layout{Dir: t.TempDir()}, t.TempDir()
	create(t, l, shares)
	must(t, os.Remove(l.OperatorEnv()))
	_, err := l.FirstKeys(t.Context(), authnConfig(l, shares), contacts.Audience)
	if err == nil || !strings.Contains(err.Error(), "put it back, or make new keys with the operator's certificate") {
		t.Errorf("FirstKeys = %v", err)
	}
}

func TestAudienceOfTheFirstApplicationStays(t *testing.T) {
	l, shares := Layout{Dir: t.TempDir()}, t.TempDir()
	create(t, l, shares)
	_, err := l.FirstKeys(t.Context(), authnConfig(l, shares), "another")
	if err == nil || !strings.Contains(err.Error(), `"shop", and stays it`) {
		t.Errorf("FirstKeys = %v", err)
	}
}

func TestContactsThatLeadNowhereAreRefused(t *testing.T) {
	tests := map[string]struct {
		spoil func(*Contacts)
		key   string
	}{
		"no port":                 {func(c *Contacts) { c.Authn = "id.example.com" }, "authn"},
		"no server":               {func(c *Contacts) { c.NATS = "127.0.0.1:7407" }, "nats"},
		"no audience":             {func(c *Contacts) { c.Audience = " " }, "audience"},
		"a line break":            {func(c *Contacts) { c.Audience = "shop\nexport PATH=/" }, "audience"},
		"an inbox without scheme": {func(c *Contacts) { c.Inbox = "127.0.0.1:7406" }, "inbox"},
	}
	if faults := contacts.Validate(); len(faults) > 0 {
		t.Errorf("good ones are refused: %v", faults)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := contacts
			test.spoil(&c)
			if faults := c.Validate(); len(faults) != 1 || faults[0].Key != test.key {
				t.Errorf("Validate = %v, want %s alone", faults, test.key)
			}
		})
	}
}

func TestNATSIsReachedWithoutTLSOnThisMachineAlone(t *testing.T) {
	for url, want := range map[string]bool{
		"nats://127.0.0.1:7407": false, "nats://localhost:7407": false, "tls://127.0.0.1:7407": true, "nats://nats.internal:4222": true,
		"nats://127.0.0.1:1,nats://10.0.0.1:1": true,
	} {
		c := contacts
		c.NATS = url
		env := c.application(FirstKeys{}, "/d")
		if got := env.Get("DOORWARD_NATS_CA") == "/d/certs/ca.pem"; got != want {
			t.Errorf("%s with TLS: %v, want %v", url, got, want)
		}
		if got := env.Get("DOORWARD_NATS_SERVER_NAME") == "nats"; got != want {
			t.Errorf("%s by the name of NATS's certificate: %v, want %v", url, got, want)
		}
		if got := env.Get("DOORWARD_NATS_SEED"); got != bus.SeedFile("/d/nats", bus.SDK) {
			t.Errorf("the seed is at %s", got)
		}
	}
}

// contents are all files below some directories. What a store holds isn't looked at: it is opened, or isn't.
func contents(t *testing.T, roots ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, root := range roots {
		must(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path) //nolint:gosec // in the test's own directories
			found[path] = string(text)
			return err
		}))
	}
	return found
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
