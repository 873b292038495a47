package config_test

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/config"
)

type smtpConfig struct {
	Host     string `koanf:"host" doc:"mail relay"`
	Port     uint16 `koanf:"port" doc:"its port"`
	Password string `koanf:"password" doc:"for the relay" secret:"true"`
}

func (c smtpConfig) Validate() config.Faults {
	if c.Host != "" && c.Port == 0 {
		return config.Faults{{Key: "port", Problem: "must be given with a host"}}
	}
	return nil
}

type processConfig struct {
	Shared
	Name    string         `koanf:"name" doc:"what it is called"`
	Drain   time.Duration  `koanf:"drain" doc:"time to stop"`
	Debug   bool           `koanf:"debug" doc:"more logging"`
	Rate    float64        `koanf:"rate" doc:"calls a second"`
	Origins []string       `koanf:"origins" doc:"who may embed"`
	Limits  []int          `koanf:"limits" doc:"a list of numbers"`
	Proxy   netip.Prefix   `koanf:"proxy" doc:"trusted proxies"`
	Peers   []netip.Prefix `koanf:"peers" doc:"more of them"`
	SMTP    smtpConfig     `koanf:"smtp"`
	Wired   func()         `koanf:"-"`
}

// Shared is embedded without a tag: its keys stand at the top.
type Shared = sharedKeys

type sharedKeys struct {
	LogLevel string `koanf:"log_level" doc:"least severe level"`
}

func (c processConfig) Validate() config.Faults {
	if c.Drain < 0 {
		return config.Faults{{Key: "drain", Problem: "must not be negative"}}
	}
	return nil
}

func defaults() processConfig {
	c := processConfig{Name: "authn", Drain: 10 * time.Second, Origins: []string{"a", "b", "c"}}
	c.LogLevel = "info"
	c.SMTP.Port = 25
	return c
}

func write(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "doorward.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t testing.TB, file string, env []string, flags map[string]string) (*config.Loaded[processConfig], error) {
	t.Helper()
	opts := config.Options[processConfig]{Defaults: defaults(), Env: env, Flags: flags, IgnoreEnv: []string{"DOORWARD_API_KEY"}}
	if file != "" {
		opts.File = write(t, file)
	}
	return config.Load(opts)
}

func TestLaterSourcesWin(t *testing.T) {
	l, err := load(t,
		"name: from-file\ndrain: 1s\nsmtp:\n  host: file.example\n  port: 587\norigins: [x]\n",
		[]string{"DOORWARD_DRAIN=2s", "DOORWARD_SMTP_HOST=env.example", "HOME=/root"},
		map[string]string{"smtp.host": "flag.example"})
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.Name, want.Drain, want.Origins = "from-file", 2*time.Second, []string{"x"}
	want.SMTP.Host, want.SMTP.Port = "flag.example", 587
	if diff := cmp.Diff(want, l.Value, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.AllowUnexported(processConfig{}), cmp.Comparer(func(a, b func()) bool { return a == nil && b == nil })); diff != "" {
		t.Errorf("value (-want +got):\n%s", diff)
	}
	sources := map[string]string{}
	for _, e := range l.Entries() {
		sources[e.Key], _, _ = strings.Cut(e.Source, " /")
	}
	for key, want := range map[string]string{
		"name": "file", "drain": "env DOORWARD_DRAIN", "smtp.host": "flag --set smtp.host", "smtp.port": "file", "log_level": "default",
	} {
		if sources[key] != want {
			t.Errorf("source of %s = %q, want %q", key, sources[key], want)
		}
	}
}

func TestValuesOfEachTypeFromFileAndText(t *testing.T) {
	check := func(t *testing.T, l *config.Loaded[processConfig], err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		c := l.Value
		if c.Name != "n" || c.Drain != 250*time.Millisecond || !c.Debug || c.Rate != 1.5 || c.SMTP.Port != 65535 ||
			c.Proxy != netip.MustParsePrefix("10.0.0.0/8") || c.LogLevel != "warn" {
			t.Errorf("value = %+v", c)
		}
		if diff := cmp.Diff([]string{"a", "b"}, c.Origins); diff != "" {
			t.Errorf("origins:\n%s", diff)
		}
		if diff := cmp.Diff([]int{1, 2}, c.Limits); diff != "" {
			t.Errorf("limits:\n%s", diff)
		}
		if len(c.Peers) != 2 || c.Peers[1] != netip.MustParsePrefix("2001:db8::/32") {
			t.Errorf("peers = %v", c.Peers)
		}
	}
	t.Run("file", func(t *testing.T) {
		l, err := load(t, `
name: n
drain: 250ms
debug: true
rate: 1.5
log_level: warn
origins: [a, b]
limits: [1, 2]
proxy: 10.0.0.0/8
peers: [10.0.0.0/8, "2001:db8::/32"]
smtp: {port: 65535}
`, nil, nil)
		check(t, l, err)
	})
	t.Run("environment", func(t *testing.T) {
		l, err := load(t, "", []string{
			"DOORWARD_NAME=n", "DOORWARD_DRAIN=250ms", "DOORWARD_DEBUG=true", "DOORWARD_RATE=1.5", "DOORWARD_LOG_LEVEL=warn",
			"DOORWARD_ORIGINS=a, b", "DOORWARD_LIMITS=1,2", "DOORWARD_PROXY=10.0.0.0/8",
			"DOORWARD_PEERS=10.0.0.0/8,2001:db8::/32", "DOORWARD_SMTP_PORT=65535",
		}, nil)
		check(t, l, err)
	})
}

func TestWrongValuesAreRefused(t *testing.T) {
	for file, problem := range map[string]string{
		"smtp: {port: 70000}":      "smtp.port",
		"smtp: {port: -1}":         "smtp.port",
		"smtp: {port: 1.5}":        "smtp.port",
		"drain: 10":                "with its unit",
		"drain: -1s":               "must not be negative",
		"debug: 1":                 "true or false",
		"debug: yes please":        "true or false",
		"rate: fast":               "a number",
		"name: 010":                "put it in quotes",
		"name:":                    "has no value",
		"origins: {a: b}":          "origins.a",
		"origins: 5":               "a list",
		"limits: [1, two]":         "item 2",
		"proxy: everywhere":        "isn't a valid netip.Prefix",
		"smtp: 5":                  "is a section",
		"smtp: {host: h, port: 0}": "must be given with a host",
		"nmae: typo":               "nmae",
		"smtp: {hots: typo}":       "smtp.hots",
		"name: a\nname: b":         "already defined",
		"- a list":                 "doorward.yaml",
		"name: [unclosed":          "doorward.yaml",
	} {
		_, err := load(t, file, nil, nil)
		var faults config.Faults
		if !errors.As(err, &faults) || len(faults) != 1 || !strings.Contains(err.Error(), problem) {
			t.Errorf("%q: %v; want one fault with %q", file, err, problem)
		}
	}
}

func TestAllFaultsAreReportedAtOnceWithTheirSource(t *testing.T) {
	_, err := load(t, "nmae: typo\ndrain: soon\nsmtp: {host: h}\n",
		[]string{"DOORWARD_DEBUG=maybe", "DOORWARD_SMTP_PROT=1", "DOORWARD_SMTP_PORT=0"},
		map[string]string{"rate": "fast", "port-base": "1"})
	var faults config.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("err = %v, want Faults", err)
	}
	got := map[string]string{}
	for _, f := range faults {
		got[f.Key], _, _ = strings.Cut(f.Source, " /")
	}
	want := map[string]string{
		"nmae": "file", "drain": "file", "debug": "env DOORWARD_DEBUG", "DOORWARD_SMTP_PROT": "environment",
		"rate": "flag --set rate", "port-base": "flag --set port-base", "smtp.port": "env DOORWARD_SMTP_PORT",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	for key := range want {
		if !strings.Contains(err.Error(), key+": ") {
			t.Errorf("the text lacks %s: %v", key, err)
		}
	}
}

func TestVariablesOfOthersAreLeftAlone(t *testing.T) {
	if _, err := load(t, "", []string{"DOORWARD_API_KEY=sk_1", "DOORWARDEN=x", "PATH=/bin", "="}, nil); err != nil {
		t.Error(err)
	}
}

func TestEmptySectionIsNoFault(t *testing.T) {
	for _, file := range []string{"smtp:\n  # host: later\n", "smtp: {}\n", "", "# nothing\n"} {
		if _, err := load(t, file, nil, nil); err != nil {
			t.Errorf("%q: %v", file, err)
		}
	}
}

func TestMissingFileIsAFault(t *testing.T) {
	_, err := config.Load(config.Options[processConfig]{File: filepath.Join(t.TempDir(), "none.yaml")})
	if err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("err = %v, want one that names the file", err)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	const planted = "hunter2"
	l, err := load(t, "smtp: {password: "+planted+"}", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := l.Print(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), planted) || !strings.Contains(out.String(), "smtp.password = [redacted]") {
		t.Errorf("Print:\n%s", out.String())
	}

	_, err = load(t, "smtp: {password: ["+planted+"]}", nil, nil)
	if err == nil || strings.Contains(err.Error(), planted) {
		t.Errorf("err = %v, want a fault without the value", err)
	}
}

func TestPrintShowsEachKeyWithItsSource(t *testing.T) {
	l, err := load(t, "", []string{"DOORWARD_ORIGINS=a,b c"}, map[string]string{"drain": "3s"})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := l.Print(&out); err != nil {
		t.Fatal(err)
	}
	want := `log_level = info  (default)
name = authn  (default)
drain = 3s  (flag --set drain)
debug = false  (default)
rate = 0  (default)
origins = [a, "b c"]  (env DOORWARD_ORIGINS)
limits = []  (default)
proxy = "invalid Prefix"  (default)
peers = []  (default)
smtp.host = ""  (default)
smtp.port = 25  (default)
smtp.password = [not set]  (default)
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("Print (-want +got):\n%s", diff)
	}
}

func TestStructsThatCannotBeConfiguredAreOurMistake(t *testing.T) {
	type untagged struct{ Name string }
	type pointer struct {
		Name *string `koanf:"name"`
	}
	type ambiguous struct {
		A struct {
			B string `koanf:"b"`
		} `koanf:"a"`
		AB string `koanf:"a_b"`
	}
	var faults config.Faults
	if _, err := config.Load(config.Options[untagged]{}); err == nil || errors.As(err, &faults) {
		t.Errorf("no tag: %v", err)
	}
	if _, err := config.Load(config.Options[pointer]{}); err == nil || errors.As(err, &faults) {
		t.Errorf("pointer: %v", err)
	}
	if _, err := config.Load(config.Options[ambiguous]{}); err == nil || errors.As(err, &faults) {
		t.Errorf("two keys for one variable: %v", err)
	}
	if _, err := config.Load(config.Options[int]{}); err == nil {
		t.Error("no struct: nil")
	}
}
