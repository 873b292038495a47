package flow_test

import (
	"slices"
	"strings"
	"testing"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

func TestBulkModeTellsTheTruthAtTheStartAndKeepsNothing(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.rules.EnumerationMode = tuning.Bulk
	rows := w.rowsDuring(func() {
		_, err := w.attempts.StartSignIn(t.Context(), w.app, w.stranger().client, nobody)
		expectFault(t, err, fault.NotFound, typev1.Reason_REASON_IDENTIFIER_UNKNOWN)
		_, err = w.attempts.StartSignUp(t.Context(), w.app, w.stranger().client, strings.ToUpper(ada), secret.Text{})
		expectFault(t, err, fault.AlreadyExists, typev1.Reason_REASON_EMAIL_TAKEN)
	})
	expectTypes(t, rows)
	w.rules.RestrictionSubaddresses = restriction.OnePerMailbox
	_, err := w.attempts.StartSignUp(t.Context(), w.app, w.stranger().client, "ada+tag@example.org", secret.Text{})
	expectFault(t, err, fault.AlreadyExists, typev1.Reason_REASON_EMAIL_TAKEN)

	expectFared(t, w.stranger().signIn(ada).answer(password(wrong)), attempt.Wrong, 4)
	w.stranger().enrol(nobody, another)
	w.laptop().enter(ada, right)
}

func TestAChangeOfModeIsInForceAtOnce(t *testing.T) {
	w := newWorld(t)
	w.rules.EnumerationMode = tuning.Bulk
	_, err := w.attempts.StartSignIn(t.Context(), w.app, w.stranger().client, nobody)
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_IDENTIFIER_UNKNOWN)
	w.rules.EnumerationMode = tuning.Strict
	w.stranger().signIn(nobody)
}

// TestTheTruthIsToldAfterWhatLimitsIt: rates, restrictions and risk's gate come first, so that it can't be asked of many addresses.
func TestTheTruthIsToldAfterWhatLimitsIt(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.rules.EnumerationMode = tuning.Bulk
	w.paced()
	w.rules.RateNetworkStarts = 7
	start := func(address string) error {
		_, err := w.attempts.StartSignIn(t.Context(), w.app, w.stranger().client, address)
		return err
	}
	for n := range w.rules.RateNetworkStarts {
		expectFault(t, start(strings.Repeat("x", n+1)+"@example.org"), fault.NotFound, typev1.Reason_REASON_IDENTIFIER_UNKNOWN)
	}
	for _, address := range []string{nobody, ada} {
		if err := start(address); fault.ReasonOf(err) != typev1.Reason_REASON_RATE_LIMITED || fault.RetryAfterOf(err) == 0 {
			t.Errorf("%s past the rate: %v", address, err)
		}
	}
	w.unpaced()
	w.risk.answers(says(flow.GateBlock, attempt.Allow))
	_, err := w.attempts.StartSignUp(t.Context(), w.app, w.stranger().client, ada, secret.Text{})
	expectFault(t, err, fault.Denied, typev1.Reason_REASON_BLOCKED)
	w.put(restriction.Block, "example.org")
	w.stranger().refused(ada)
}

func TestOperatorsAreWarnedOfWhatAPolicyDoes(t *testing.T) {
	policies, policy := newPolicies(newWorld(t)), tuning.Default()
	if warned := policies.Warnings(policy); len(warned) != 0 {
		t.Errorf("strict mode: %+v", warned)
	}
	policy.EnumerationMode = tuning.Bulk
	if warned := policies.Warnings(policy); len(warned) != 1 || warned[0].Kind != "enumeration_bulk" {
		t.Errorf("bulk mode: %+v", warned)
	}
	policy.LockoutDuration, policy.RestrictionAllowlist = policy.LockoutDecay, restriction.AllowlistRequired
	var kinds []restriction.WarningKind
	for _, w := range policies.Warnings(policy) {
		kinds = append(kinds, w.Kind)
	}
	if want := []restriction.WarningKind{"enumeration_bulk", "misfit", restriction.EmptyAllowlist}; !slices.Equal(kinds, want) {
		t.Errorf("warned of %v, want %v", kinds, want)
	}
}
