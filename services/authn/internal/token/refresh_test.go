package token_test

import (
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/token"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestARefreshTokenIsReadBack(t *testing.T) {
	refreshers := token.NewRefreshers(secret.NewKey())
	sessionID := id.New("ses", noon)
	first := refreshers.First(sessionID)
	for n, want := 0, first; n < 3; n, want = n+1, refreshers.Successor(want) {
		got, ok := refreshers.Read(want.Text)
		if !ok || got.SessionID != sessionID || !got.Digest().Equal(want.Digest()) {
			t.Errorf("token %d: read %t, session %q", n, ok, got.SessionID)
		}
	}
}

func TestTheSuccessorIsAlwaysTheSame(t *testing.T) {
	key := secret.NewKey()
	refreshers := token.NewRefreshers(key)
	first := refreshers.First(id.New("ses", noon))
	read, ok := token.NewRefreshers(key).Read(first.Text) // by another process, from what the client holds
	if !ok {
		t.Fatal("not read")
	}
	if !refreshers.Successor(first).Text.Equal(token.NewRefreshers(key).Successor(read).Text) {
		t.Error("two presentations of a token got two successors")
	}
	if refreshers.Successor(first).Text.Equal(first.Text) {
		t.Error("a token is its own successor")
	}
	if token.NewRefreshers(secret.NewKey()).Successor(first).Text.Equal(refreshers.Successor(first).Text) {
		t.Error("the successor doesn't depend on the key")
	}
}

func TestFirstTokensDiffer(t *testing.T) {
	refreshers := token.NewRefreshers(secret.NewKey())
	sessionID := id.New("ses", noon)
	if refreshers.First(sessionID).Text.Equal(refreshers.First(sessionID).Text) {
		t.Error("two first tokens of a session are the same")
	}
}

// Whoever knows a session's id, and even a genuine token of another session, can't make a token that would end it.
func TestAForgedRefreshTokenIsRefused(t *testing.T) {
	refreshers := token.NewRefreshers(secret.NewKey())
	target, own := id.New("ses", noon), id.New("ses", noon)
	genuine := refreshers.First(own).Text.Reveal()
	parts := strings.Split(strings.TrimPrefix(genuine, "rft_"), ".")
	for name, text := range map[string]string{
		"nothing":                  "",
		"the prefix alone":         "rft_",
		"another prefix":           strings.Replace(genuine, "rft_", "drt_", 1),
		"another session's id":     "rft_" + target + "." + parts[1] + "." + parts[2],
		"another key's":            token.NewRefreshers(secret.NewKey()).First(own).Text.Reveal(),
		"without its proof":        "rft_" + parts[0] + "." + parts[1],
		"with an empty proof":      "rft_" + parts[0] + "." + parts[1] + ".",
		"with a part more":         genuine + ".x",
		"without its secret":       "rft_" + parts[0] + ".." + parts[2],
		"padded":                   "rft_" + parts[0] + "." + parts[1] + "=." + parts[2],
		"with a line break":        "rft_" + parts[0] + "." + parts[1][:5] + "\n" + parts[1][5:] + "." + parts[2],
		"with a space after":       genuine + " ",
		"no session's id":          "rft_ses_x." + parts[1] + "." + parts[2],
		"a user's id":              "rft_" + id.New("usr", noon) + "." + parts[1] + "." + parts[2],
		"in capitals":              strings.ToUpper(genuine),
		"a secret of another size": "rft_" + parts[0] + "." + parts[1] + "AAAA." + parts[2],
	} {
		if _, ok := refreshers.Read(secret.Wrap(text)); ok {
			t.Errorf("%s was read", name)
		}
	}
}

func TestEveryAlteredCharacterOfARefreshTokenIsNoticed(t *testing.T) {
	refreshers := token.NewRefreshers(secret.NewKey())
	genuine := refreshers.First(id.New("ses", noon)).Text.Reveal()
	for i := range genuine {
		for _, by := range []byte{1, 2, 4} {
			altered := []byte(genuine)
			altered[i] ^= by
			if _, ok := refreshers.Read(secret.Wrap(string(altered))); ok {
				t.Errorf("altered at %d: read", i)
			}
		}
	}
}

func FuzzReadRefresh(f *testing.F) {
	key, err := secret.KeyFrom([]byte("a key for the tests, of 32 bytes"))
	if err != nil {
		f.Fatal(err)
	}
	refreshers := token.NewRefreshers(key)
	genuine := refreshers.First(id.New("ses", noon)).Text.Reveal()
	for _, seed := range []string{genuine, genuine[:len(genuine)-1], "rft_..", "rft_ses_.", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, ok := refreshers.Read(secret.Wrap(text))
		if ok && (read.Text.Reveal() != text || !id.Valid("ses", read.SessionID)) {
			t.Errorf("%q was read as %q of %q", text, read.Text.Reveal(), read.SessionID)
		}
		if !ok && (!read.Text.IsZero() || read.SessionID != "") {
			t.Errorf("%q was refused, and yet something came back", text)
		}
	})
}
