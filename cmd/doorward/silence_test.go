package main

import (
	"context"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/doorward/doorward/cmd/doorward/internal/story"
	"github.com/doorward/doorward/internal/telemetry"
	doorward "github.com/doorward/doorward/sdk"
)

// planted are secrets, and what names people, by what they are.
type planted map[string]string

func (p planted) tokens(whose string, g doorward.Grant) {
	p[whose+"'s session token"], p[whose+"'s refresh token"] = g.SessionToken.Reveal(), g.RefreshToken.Reveal()
	p[whose+"'s device secret"] = g.DeviceSecret.Reveal()
}

// TestNothingThatIsShownHoldsASecret plays the story, then does wrong what can be done wrong with a secret in hand, at every door. It searches all that
// the suite shows: its log at debug level, the errors on the wire, metrics, spans as they left, and the debug pages.
func TestNothingThatIsShownHoldsASecret(t *testing.T) {
	o := observe(t)
	debug := o.debug()
	w, known := o.world(), planted{}
	must(t, story.Play(t.Context(), w))
	o.files(known)
	wire := o.misuse(w, known)
	pages := debug()
	families, err := o.registry.Gather()
	must(t, err)
	o.stop()

	for what, text := range map[string]string{
		"the log": o.log.String(), "an error on the wire": wire, "a metric": metricsText(families), "a span": o.spans.text(t), "a debug page": pages,
	} {
		if text == "" {
			t.Errorf("%s wasn't looked at", what)
		}
		for name, secret := range known {
			if secret == "" || len(secret) < 6 {
				t.Errorf("the test didn't learn %s", name)
			} else if holds(text, secret) {
				t.Errorf("%s holds %s", what, name)
			}
		}
		for name, shape := range shapes {
			if found := shape.FindString(text); found != "" {
				t.Errorf("%s holds %s: %s", what, name, found)
			}
		}
	}
}

// holds looks for a secret as a whole: six digits within a longer number are no code.
func holds(text, secret string) bool {
	for at := 0; ; at++ {
		next := strings.Index(text[at:], secret)
		if next < 0 {
			return false
		}
		at += next
		before, after := text[:at], text[at+len(secret):]
		if (before == "" || !isWord(before[len(before)-1])) && (after == "" || !isWord(after[0])) {
			return true
		}
	}
}

func isWord(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// shapes find the secrets of the story, which the test never saw.
var shapes = map[string]*regexp.Regexp{
	"a session token": regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}\.`),
	"a token or key":  regexp.MustCompile(`\b(ats|cnt|dvs|dwk|rft)_[A-Za-z0-9_-]{6}`),
	"an nkey's seed":  regexp.MustCompile(`SU[A-Z2-7]{56}`),
	"a private key":   regexp.MustCompile(`PRIVATE KEY`),
	"a password hash": regexp.MustCompile(`\$argon2`),
	"a mail address":  regexp.MustCompile(`@example\.com`),
}

// files are the secrets on disk: seeds and key files.
func (o *observed) files(known planted) {
	o.Helper()
	for _, pattern := range []string{"nats/*.nk", "keys/*.key", "keys/mail/*.key"} {
		files, err := filepath.Glob(filepath.Join(o.dir, pattern))
		must(o.T, err)
		if len(files) == 0 {
			o.Errorf("no file is named %s", pattern)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			must(o.T, err)
			for line := range strings.Lines(string(text)) {
				if line = strings.TrimSpace(line); len(line) > 40 {
					known[filepath.Base(file)+": "+line[:4]+"…"] = line
				}
			}
		}
	}
	known["the application's key"] = o.suite.AppEnv().Get("DOORWARD_API_KEY")
}

// misuse does what fails, and returns what was answered.
func (o *observed) misuse(w story.World, known planted) string {
	o.Helper()
	ctx := o.Context()
	var answers strings.Builder
	fails := func(what string, err error) {
		o.Helper()
		if err == nil {
			o.Errorf("%s didn't fail", what)
			return
		}
		answers.WriteString(err.Error() + "\n")
	}
	ada := signUp(ctx, o.T, w)
	known["the address"], known["the password"] = ada.email, ada.password
	known.tokens("Ada", ada.grant)
	maps.Copy(known, planted{
		"a wrong password": "wrong-0pen-sesame-9431", "a wrong code": "907152", "an address that is none": "ada.9431 at nowhere.example",
		"a wrong refresh token": "planted-refresh-9431", "a wrong session token": "planted-session-9431", "a wrong contain-token": "planted-contain-9431",
		"a wrong API key": "planted-key-9431", "a forged request id": "planted id 9431", "a short password": "s3cret",
	})

	a, err := w.Doorward.SignIn(ctx, ada.email, doorward.From{IP: w.Away.IP, UserAgent: "planted-agent-9431"})
	must(o.T, err)
	must(o.T, a.Password(ctx, known["a wrong password"]))
	fails("a code instead of a password", a.Code(ctx, known["a wrong code"]))
	must(o.T, a.Password(ctx, ada.password))
	must(o.T, a.SendCode(ctx))
	must(o.T, a.Code(ctx, known["a wrong code"]))
	b, err := w.Doorward.SignUp(ctx, "new."+ada.email, ada.from())
	must(o.T, err)
	fails("a short password", b.NewPassword(ctx, known["a short password"]))
	_, err = w.Doorward.SignIn(ctx, known["an address that is none"], ada.from())
	fails("an address that is none", err)
	_, err = w.Doorward.Refresh(ctx, doorward.SecretOf(known["a wrong refresh token"]), ada.from())
	fails("a wrong refresh token", err)
	fails("a wrong session token", w.Guarded.Call(ctx, doorward.SecretOf(known["a wrong session token"])))
	forged := metadata.AppendToOutgoingContext(ctx, "x-request-id", known["a forged request id"])
	_, err = w.Doorward.SignIn(forged, known["an address that is none"], ada.from())
	fails("a forged request id", err)
	fails("a wrong key", o.wrongKey(ctx, known["a wrong API key"], ada))
	for _, place := range o.suite.Addresses() {
		if place.Name == "portal" {
			answers.WriteString(fetch(o.T, w.Inbox.HTTP, place.Address+"/contain/dlv_0000000000/"+known["a wrong contain-token"]))
		}
	}
	return answers.String()
}

// wrongKey calls authn as an application with a key that is none.
func (o *observed) wrongKey(ctx context.Context, key string, u user) error {
	env := o.suite.AppEnv()
	client, err := doorward.New(doorward.Config{
		Address: env.Get("DOORWARD_ADDRESS"), APIKey: doorward.SecretOf(key), CAFile: env.Get("DOORWARD_CA"), ServerName: env.Get("DOORWARD_SERVER_NAME"),
	})
	must(o.T, err)
	defer client.Close()
	_, err = client.SignIn(ctx, u.email, u.from())
	return err
}

// debug opens the debug listener, and returns what reads its pages.
func (o *observed) debug() (pages func() string) {
	o.Helper()
	d, err := telemetry.NewDebug(o.Context(), telemetry.DebugConfig{
		Address: "127.0.0.1:0", Gatherer: o.registry, Healthy: o.suite.AwaitServing, Logger: o.logger,
	})
	must(o.T, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(o.Context()))
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	o.Cleanup(func() { cancel(); must(o.T, <-ended) })
	return func() string {
		var all strings.Builder
		client := &http.Client{Timeout: patience}
		for _, path := range []string{"/metrics", "/healthz", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1"} {
			all.WriteString(fetch(o.T, client, "http://"+d.Addr().String()+path))
		}
		return all.String()
	}
}

func fetch(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	must(t, err)
	response, err := client.Do(request)
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return string(body)
}

func metricsText(families []*dto.MetricFamily) string {
	var lines []string
	for _, f := range families {
		wire, _ := proto.Marshal(f)
		lines = append(lines, string(wire))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
