package authn_test

import (
	"crypto/sha1" //nolint:gosec // the hash that breached passwords are published under
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/breach/corpus"
	"github.com/doorward/doorward/internal/fault"
)

// corpusOf makes a corpus that knows one password.
func (w *world) corpusOf(password string) string {
	w.Helper()
	lines, out := filepath.Join(w.TempDir(), "hashes.txt"), filepath.Join(w.TempDir(), "corpus.fuse")
	w.must(os.WriteFile(lines, fmt.Appendf(nil, "%X:3\n", sha1.Sum([]byte(password))), 0o600)) //nolint:gosec // see the import
	_, err := corpus.Build(w.Context(), corpus.BuildConfig{From: []string{lines}, Out: out, MinCount: 1, Now: time.Now})
	w.must(err)
	return out
}

func TestACorpusThatIsNamedAndCantBeOpenedEndsTheStart(t *testing.T) {
	w := prepareWorld(t)
	other := filepath.Join(t.TempDir(), "other")
	w.must(os.WriteFile(other, []byte("no corpus"), 0o600))
	for file, says := range map[string]string{filepath.Join(t.TempDir(), "gone"): "no such file", other: "doorward breach build"} {
		w.cfg.Breach.Corpus = file
		if err := w.open(); err == nil || !strings.Contains(err.Error(), "breach.corpus") || !strings.Contains(err.Error(), says) {
			t.Errorf("err = %v, want it to name the key, and %q", err, says)
		}
	}
	w.cfg.Breach.Corpus = w.corpusOf("whatever")
	w.must(w.open())
}

// TestAModeWithoutItsSourceIsRefused: an operator hears at once that nothing would be looked up.
func TestAModeWithoutItsSourceIsRefused(t *testing.T) {
	w := newWorld(t)
	change := func(mode authnv1.BreachMode) error {
		policies := authnv1.NewPolicyServiceClient(w.operator().conn)
		current, err := policies.GetPolicy(t.Context(), &authnv1.GetPolicyRequest{})
		w.must(err)
		current.GetPolicy().BreachMode = mode
		_, err = policies.UpdatePolicy(t.Context(), &authnv1.UpdatePolicyRequest{Policy: current.GetPolicy(), ExpectedVersion: current.GetVersion()})
		return err
	}
	for _, mode := range []authnv1.BreachMode{
		authnv1.BreachMode_BREACH_MODE_CORPUS, authnv1.BreachMode_BREACH_MODE_RANGE, authnv1.BreachMode_BREACH_MODE_CORPUS_CONFIRMED_BY_RANGE,
	} {
		refused(t, change(mode), fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
	}
	w.must(change(authnv1.BreachMode_BREACH_MODE_OFF))
	w.stop()
	w.cfg.Breach.Corpus = w.corpusOf("whatever")
	w.start()
	w.must(change(authnv1.BreachMode_BREACH_MODE_CORPUS))
	refused(t, change(authnv1.BreachMode_BREACH_MODE_RANGE), fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
}
