package e2e_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/doorward/doorward/test/deployment"
)

// sixDigits finds the code in a mail.
var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

// shapes are what secrets look like that the test can't know: those of the demo, and what never leaves a service.
var shapes = map[string]*regexp.Regexp{
	"a session token":  regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.`),
	"a token or key":   regexp.MustCompile(`\b(ats|cnt|dvs|dwk|rft)_[A-Za-z0-9_-]{6}`),
	"an nkey's seed":   regexp.MustCompile(`\bSU[A-Z2-7]{56}\b`),
	"a private key":    regexp.MustCompile(`PRIVATE KEY`),
	"a password hash":  regexp.MustCompile(`\$argon2`),
	"a mail address":   regexp.MustCompile(`[\w.+-]+@example\.com`),
	"a password field": regexp.MustCompile(`(?i)"?password"?[:=]\s*"?[^\s"\[]`),
}

// expectSilence searches all logs for the planted secrets, by name, and for whatever is shaped like one. It is for after everything stopped.
func expectSilence(t *testing.T, d *deployment.Deployment, planted map[string]string) {
	t.Helper()
	logs, err := filepath.Glob(d.Path("*.log"))
	must(t, err)
	const services = 6
	if len(logs) != services {
		t.Errorf("%d logs, want %d: %v", len(logs), services, logs)
	}
	for _, file := range logs {
		text, err := os.ReadFile(file)
		must(t, err)
		for name, secret := range planted {
			if holds(string(text), secret) {
				t.Errorf("%s holds %s", filepath.Base(file), name)
			}
		}
		for name, shape := range shapes {
			if found := shape.FindString(string(text)); found != "" {
				t.Errorf("%s holds %s", filepath.Base(file), name)
			}
		}
	}
}

// stopSilently stops everything and demands that nothing of the deployment's and the person's stands in a log, whatever failed meanwhile.
func stopSilently(t *testing.T, d *deployment.Deployment, p *person) {
	t.Helper()
	planted := secretsOf(t, d)
	maps.Copy(planted, p.secrets("Ada"))
	d.StopAll()
	expectSilence(t, d, planted)
}

// secretsOf are those of the deployment and of every mail that the inbox still holds.
func secretsOf(t *testing.T, d *deployment.Deployment) map[string]string {
	t.Helper()
	known := map[string]string{"the application's key": d.ApplicationKey, "the operator's key": d.OperatorKey}
	seeds, err := filepath.Glob(d.Path("nats/*.nk"))
	must(t, err)
	for _, file := range seeds {
		seed, err := os.ReadFile(file)
		must(t, err)
		known["the seed "+filepath.Base(file)] = strings.TrimSpace(string(seed))
	}
	for _, m := range d.Mails("") {
		known["the address of "+m.Subject] = m.To[0]
		if code := sixDigits.FindString(m.Text); code != "" {
			known["the code "+code] = code
		}
		for _, link := range m.Links {
			if _, path, ok := strings.Cut(link, "/contain/"); ok {
				_, token, _ := strings.Cut(path, "/")
				known["the contain-token of "+m.Subject] = token
			}
		}
	}
	return known
}

// holds looks for a secret as a whole: six digits within a longer number are no code.
func holds(text, secret string) bool {
	if secret == "" {
		return true // a secret that the test failed to learn must not pass for one that wasn't found
	}
	return regexp.MustCompile(`(^|[^0-9A-Za-z])` + regexp.QuoteMeta(secret) + `($|[^0-9A-Za-z])`).MatchString(text)
}

// TestSecretsAreFound shows that the search would find what it must not find.
func TestSecretsAreFound(t *testing.T) {
	for _, text := range []string{
		`"token":"eyJhbGciOiJFZERTQSJ9.e30.x"`, `rft_ses_01J9ZK7Q.abc`, "SUAAVWRZG6M5FA5VRRGWSCIHKTOJC7EWNIT4JV3FTOIPO4OBFR5WA7X5FM",
		"-----BEGIN DOORWARD SEALING PRIVATE KEY-----", "$argon2id$v=19$", "ada.x@example.com", "GET /contain/dlv_1/cnt_abcdefgh", `"password":"correct horse"`, "dwk_abcdefgh",
	} {
		found := false
		for _, shape := range shapes {
			found = found || shape.MatchString(text)
		}
		if !found {
			t.Errorf("%s isn't found", text)
		}
	}
	if !holds(`code=123456 given`, "123456") || !holds(`"123456"`, "123456") {
		t.Error("a code isn't found")
	}
	if holds(`took=1234567`, "123456") || holds("0123456", "123456") {
		t.Error("a code is found in a number")
	}
}
