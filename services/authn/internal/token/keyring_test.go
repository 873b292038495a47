package token_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/token"
)

var schedule = token.Schedule{Period: 30 * 24 * time.Hour, Overlap: 24 * time.Hour, Linger: 11 * time.Minute}

// key is a key as the schedule sees it: created and signing from these moments, counted from noon.
func key(id string, created, signs time.Duration) token.SigningKey {
	return token.SigningKey{ID: id, CreatedAt: noon.Add(created), SignsFrom: noon.Add(signs)}
}

func TestDue(t *testing.T) {
	const hour = time.Hour
	period := schedule.Period
	one := []token.SigningKey{key("one", 0, 0)}
	two := append(slices.Clone(one), key("two", period-24*hour, period))
	stolen := key("stolen", -hour, -hour)
	stolen.RevokedAt = noon
	replaced := append(slices.Clone(one), stolen)
	for name, c := range map[string]struct {
		keys []token.SigningKey
		at   time.Duration
		want token.Change
	}{
		"no key: one that signs at once":      {nil, 0, token.Change{CreateFor: noon}},
		"a young key: nothing":                {one, hour, token.Change{}},
		"just before the overlap: nothing":    {one, period - 24*hour - 1, token.Change{}},
		"the overlap begins: the next":        {one, period - 24*hour, token.Change{CreateFor: noon.Add(period)}},
		"a little late: still a full overlap": {one, period - hour, token.Change{CreateFor: noon.Add(period + 23*hour)}},
		"very late: still a full overlap":     {one, 10 * period, token.Change{CreateFor: noon.Add(10*period + 24*hour)}},
		"the next is there: nothing":          {two, period - hour, token.Change{}},
		"superseded, tokens may live":         {two, period + schedule.Linger, token.Change{}},
		"superseded, the last token is dead":  {two, period + schedule.Linger + 1, token.Change{Forget: []string{"one"}}},
		"revoked, tokens may be presented":    {replaced, schedule.Linger, token.Change{}},
		"revoked, the last token is dead":     {replaced, schedule.Linger + 1, token.Change{Forget: []string{"stolen"}}},
		"nothing but a revoked key":           {[]token.SigningKey{stolen}, 1, token.Change{CreateFor: noon.Add(1)}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, schedule.Due(c.keys, noon.Add(c.at))); diff != "" {
				t.Errorf("Due (-want +got):\n%s", diff)
			}
		})
	}
}

// rotation is a deployment that does what the schedule asks for whenever it gets to it.
type rotation struct {
	schedule token.Schedule
	sealing  secret.Key
	keys     []token.SigningKey
	now      time.Time
	// lastUse is when each key signed last.
	lastUse map[string]time.Time
}

func (r *rotation) run(t *rapid.T) {
	change := r.schedule.Due(r.keys, r.now)
	if !change.CreateFor.IsZero() {
		made, err := token.NewSigningKey(r.sealing, r.now, change.CreateFor)
		if err != nil {
			t.Fatal(err)
		}
		r.keys = append(r.keys, made)
	}
	r.keys = slices.DeleteFunc(r.keys, func(k token.SigningKey) bool { return slices.Contains(change.Forget, k.ID) })
	if again := r.schedule.Due(r.keys, r.now); !again.CreateFor.IsZero() || len(again.Forget) > 0 {
		t.Fatalf("done, and the schedule asks for %+v", again)
	}
}

// use signs a token, which must work at every moment, and notes with which key.
func (r *rotation) use(t *rapid.T) {
	ring, err := token.NewKeyring(issuer, r.sealing, r.keys)
	if err != nil {
		t.Fatal(err)
	}
	c := claims()
	c.IssuedAt, c.ExpiresAt = r.now, r.now.Add(r.schedule.Linger)
	signed, err := ring.Sign(c)
	if err != nil {
		t.Fatalf("at %v nothing signs: %v", r.now, err)
	}
	parsed, _, err := jwt.NewParser().ParseUnverified(signed.Reveal(), jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	kid, _ := parsed.Header["kid"].(string)
	r.lastUse[kid] = r.now
	used := r.keys[slices.IndexFunc(r.keys, func(k token.SigningKey) bool { return k.ID == kid })]
	if len(r.lastUse) > 1 && used.SignsFrom.Sub(used.CreatedAt) < r.schedule.Overlap {
		t.Fatalf("a key signs %v after it was published, want %v", used.SignsFrom.Sub(used.CreatedAt), r.schedule.Overlap)
	}
}

func (r *rotation) check(t *rapid.T) {
	for kid, used := range r.lastUse {
		published := slices.ContainsFunc(r.keys, func(k token.SigningKey) bool { return k.ID == kid })
		if !published && !r.now.After(used.Add(r.schedule.Linger)) {
			t.Fatalf("the key of a token signed at %v was forgotten by %v", used, r.now)
		}
	}
	if len(r.keys) > 3 {
		t.Fatalf("%d keys are published", len(r.keys))
	}
}

// However irregularly the rotation runs: something signs at every moment, each new key is published for the overlap before it signs, and
// a key is published until its last token is dead.
func TestRotationNeverLeavesAGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hours := func(name string, least, most int) time.Duration {
			return time.Duration(rapid.IntRange(least, most).Draw(t, name)) * time.Hour
		}
		r := rotation{sealing: secret.NewKey(), now: noon, lastUse: map[string]time.Time{}}
		r.schedule = token.Schedule{Overlap: hours("overlap", 1, 24), Linger: hours("linger", 1, 24)}
		r.schedule.Period = 2*(r.schedule.Overlap+r.schedule.Linger) + hours("period", 1, 100)
		r.run(t)
		r.use(t)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			r.now = r.now.Add(hours("wait", 0, 60))
			if rapid.Bool().Draw(t, "the rotation runs") {
				r.run(t)
			}
			r.use(t)
			r.check(t)
		}
	})
}

func TestWithoutAKeyNothingSigns(t *testing.T) {
	ring, err := token.NewKeyring(issuer, secret.NewKey(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if signed, err := ring.Sign(claims()); !errors.Is(err, token.ErrNoSigningKey) || !signed.IsZero() {
		t.Errorf("%v, want ErrNoSigningKey", err)
	}
}

// A call that read its clock before the only key was made gets its token all the same.
func TestWhileNoKeysTimeHasComeTheFirstOneSigns(t *testing.T) {
	sealing := secret.NewKey()
	var keys []token.SigningKey
	for _, wait := range []time.Duration{2 * time.Hour, time.Second, time.Hour} {
		made, err := token.NewSigningKey(sealing, noon, noon.Add(wait))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, made)
	}
	ring, err := token.NewKeyring(issuer, sealing, keys)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := ring.Sign(claims())
	if err != nil {
		t.Fatal(err)
	}
	if got := kidOf(t, signed); got != keys[1].ID {
		t.Errorf("%s signed, want %s of %v", got, keys[1].ID, keys)
	}
}

func kidOf(t testing.TB, signed secret.Text) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(signed.Reveal(), jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	kid, _ := parsed.Header["kid"].(string)
	return kid
}

func TestASupersededKeyIsStillRead(t *testing.T) {
	sealing := secret.NewKey()
	first, err := token.NewSigningKey(sealing, noon, noon)
	if err != nil {
		t.Fatal(err)
	}
	second, err := token.NewSigningKey(sealing, noon, noon.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.NewKeyring(issuer, sealing, []token.SigningKey{second, first})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := ring.Sign(claims()) // by the first: the second's time hasn't come
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Read(signed, noon.Add(30*time.Second)); err != nil {
		t.Error(err)
	}
	without, err := token.NewKeyring(issuer, sealing, []token.SigningKey{second})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := without.Read(signed, noon.Add(30*time.Second)); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("a forgotten key's token: %v, want ErrInvalid", err)
	}
}

func TestARevokedKeySignsNothingAndItsTokensAreOver(t *testing.T) {
	sealing := secret.NewKey()
	revoked, err := token.NewSigningKey(sealing, noon, noon)
	if err != nil {
		t.Fatal(err)
	}
	before, err := token.NewKeyring(issuer, sealing, []token.SigningKey{revoked})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := before.Sign(claims())
	if err != nil {
		t.Fatal(err)
	}
	revoked.Revoke(noon.Add(time.Second))
	if !revoked.Revoked() || len(revoked.Sealed) > 0 {
		t.Error("the private key is still there")
	}
	after, err := token.NewKeyring(issuer, sealing, []token.SigningKey{revoked})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := after.Sign(claims()); !errors.Is(err, token.ErrNoSigningKey) || len(after.Published()) > 0 {
		t.Errorf("signing: %v; %d keys are published", err, len(after.Published()))
	}
	// Who holds one by right is told to refresh it; a key that never was is another matter.
	if _, err := after.Read(signed, noon); !errors.Is(err, token.ErrExpired) {
		t.Errorf("its token: %v, want ErrExpired", err)
	}
	if _, err := after.Read(newKeys(t).sign(t), noon); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("a stranger's token: %v, want ErrInvalid", err)
	}
}

func TestAKeyThatDoesntOpenIsNamed(t *testing.T) {
	sealing := secret.NewKey()
	good, err := token.NewSigningKey(sealing, noon, noon)
	if err != nil {
		t.Fatal(err)
	}
	other, err := token.NewSigningKey(sealing, noon, noon)
	if err != nil {
		t.Fatal(err)
	}
	moved, mixed, short := good, good, good
	moved.Sealed = other.Sealed
	mixed.Public = other.Public
	short.Sealed = sealing.Seal([]byte("authn/signing-key/"+good.ID), []byte("short"))
	for name, c := range map[string]struct {
		key     token.SigningKey
		sealing secret.Key
		says    string
	}{
		"under another key file":            {good, secret.NewKey(), "was authn started with another key file?"},
		"the private half of another key":   {moved, sealing, "was authn started with another key file?"},
		"the public half of another key":    {mixed, sealing, "its public half is another key's"},
		"something that isn't a key at all": {short, sealing, "it isn't an Ed25519 seed"},
	} {
		ring, err := token.NewKeyring(issuer, c.sealing, []token.SigningKey{c.key})
		if err == nil || ring != nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), good.ID) {
			t.Errorf("%s: %v; want the key's id, and %q", name, err, c.says)
		}
	}
}

func TestThePrivateKeyIsNotStoredInTheOpen(t *testing.T) {
	sealing := secret.NewKey()
	k, err := token.NewSigningKey(sealing, noon, noon)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := sealing.Open([]byte("authn/signing-key/"+k.ID), k.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(k.Sealed), string(seed)) {
		t.Error("the seed stands in the record")
	}
}
