package verify_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/doorward/doorward/sdk/verify"
)

// BenchmarkVerify measures the two limits of a token check in one run: a new token against the bare signature check
// (ratio), and a remembered one, which must not allocate. The pairs alternate, so that both see the same machine.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b, func(c *verify.Config) { c.MaxFeedAge, c.CacheSize = time.Hour, 2 })
	claims := w.Claims("usr_01jcz8k9e3v5w7x9y1a3b5c7d9", "ses_01jcz8k9e3v5w7x9y1a3b5c7d9")

	b.Run("new", func(b *testing.B) {
		tokens := signMany(w, claims)
		var bare, full time.Duration
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			token := tokens[i%len(tokens)]
			begin := time.Now()
			verifyBare(b, w, token)
			middle := time.Now()
			if _, err := w.verifier.Verify(b.Context(), token.text); err != nil {
				b.Fatal(err)
			}
			bare += middle.Sub(begin)
			full += time.Since(middle)
		}
		b.ReportMetric(float64(bare.Nanoseconds())/float64(b.N), "bare-ns/op")
		b.ReportMetric(float64(full.Nanoseconds())/float64(b.N), "verify-ns/op")
		b.ReportMetric(float64(full)/float64(bare), "ratio")
	})
	// Nearly all of it is the hash of the token, which is measured beside it.
	b.Run("remembered", func(b *testing.B) {
		text := w.Sign(claims, nil)
		hash := hashAlone([]byte(text))
		b.ReportAllocs()
		b.ResetTimer()
		for b.Loop() {
			if _, err := w.verifier.Verify(b.Context(), text); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(text)), "token-bytes")
		b.ReportMetric(float64(hash.Nanoseconds()), "sha256-ns/op")
	})
}

func hashAlone(token []byte) time.Duration {
	const rounds = 100_000
	begin := time.Now()
	for range rounds {
		_ = sha256.Sum256(token)
	}
	return time.Since(begin) / rounds
}

type signedToken struct {
	text, signed string
	signature    []byte
}

// signMany makes more tokens than the cache remembers.
func signMany(w *world, claims jwt.MapClaims) []signedToken {
	tokens := make([]signedToken, 64)
	for i := range tokens {
		claims["jti"] = fmt.Sprint("jti_", i)
		text := w.Sign(claims, nil)
		dot := strings.LastIndex(text, ".")
		signature, err := jwt.NewParser().DecodeSegment(text[dot+1:])
		if err != nil {
			panic(err)
		}
		tokens[i] = signedToken{text: text, signed: text[:dot], signature: signature}
	}
	return tokens
}

func verifyBare(b *testing.B, w *world, token signedToken) {
	b.Helper()
	if !ed25519.Verify(w.PublicKey(), []byte(token.signed), token.signature) {
		b.Fatal("the signature isn't good")
	}
}

func TestRememberedTokenCostsNoAllocation(t *testing.T) {
	w := newWorld(t, func(c *verify.Config) { c.MaxFeedAge = time.Hour })
	token, ctx := w.token("ses_1"), t.Context()
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := w.verifier.Verify(ctx, token); err != nil {
			t.Error(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}
