package bus

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"
)

// fuzzSeed is a user's seed of no deployment.
func fuzzSeed(f *testing.F, prefix nkeys.PrefixByte) string {
	f.Helper()
	seed, err := nkeys.EncodeSeed(prefix, []byte("32 bytes that are random for none"[:32]))
	if err != nil {
		f.Fatal(err)
	}
	return string(seed)
}

// FuzzIdentity reads a seed file. What is taken proves itself to a server, is spelled in the one way that nkeys writes it (the durable's name is
// derived from the spelling), and never shows; an error doesn't quote the file either.
func FuzzIdentity(f *testing.F) {
	user := fuzzSeed(f, nkeys.PrefixByteUser)
	for _, seed := range []string{
		user, user + "\n", " " + user, user[:20] + "\n" + user[20:], user[:len(user)-1] + "7", fuzzSeed(f, nkeys.PrefixByteAccount), "", "SU", strings.ToLower(user),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		text := strings.TrimSpace(content)
		got, err := identity(Authn, []byte(text))
		if err != nil {
			if !errors.Is(err, ErrIdentity) || len(text) >= 16 && strings.Contains(err.Error(), text) {
				t.Errorf("error %v", err)
			}
			return
		}
		kind, raw, err := nkeys.DecodeSeed([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if written, err := nkeys.EncodeSeed(kind, raw); err != nil || string(written) != text {
			t.Errorf("taken in another spelling than %s: %q", written, text)
		}
		signature, err := got.sign([]byte("nonce"))
		if err != nil {
			t.Fatal(err)
		}
		public, err := nkeys.FromPublicKey(got.Public)
		if err != nil || public.Verify([]byte("nonce"), signature) != nil {
			t.Errorf("%s doesn't verify what the seed signed: %v", got.Public, err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if strings.Contains(fmt.Sprintf(verb, got), text) {
				t.Errorf("%s shows the seed", verb)
			}
		}
	})
}
