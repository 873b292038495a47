package api

import (
	"maps"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/session"
)

// valuesOf are an enum's values without the unspecified one.
func valuesOf(e protoreflect.Enum) []protoreflect.EnumNumber {
	var numbers []protoreflect.EnumNumber
	values := e.Descriptor().Values()
	for i := range values.Len() {
		if n := values.Get(i).Number(); n != 0 {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// covered checks that a table says each of the contract's values exactly once, and never the unspecified one.
func covered[D comparable, M protoreflect.Enum](t *testing.T, table map[D]M) {
	t.Helper()
	var said []protoreflect.EnumNumber
	var sample M
	for _, m := range table {
		said = append(said, m.Number())
	}
	slices.Sort(said)
	if want := valuesOf(sample); !slices.Equal(said, want) {
		t.Errorf("%s: the table says %v, the contract has %v", sample.Descriptor().Name(), said, want)
	}
}

func TestEveryValueOfTheContractHasItsWord(t *testing.T) {
	covered(t, purposeMessage)
	covered(t, stepMessage)
	covered(t, factorMessage)
	covered(t, outcomeMessage)
	covered(t, endMessage)
	covered(t, kindMessage)
	covered(t, keyStateMessage)
	covered(t, scopeMessage)
	covered(t, enumerationMessage)
	covered(t, accessModeMessage)
	covered(t, allowlistMessage)
	covered(t, disposableMessage)
	covered(t, subaddressMessage)
	covered(t, listMessage)
	covered(t, invitationStateMessage)
	covered(t, importReasons)
}

func TestEveryRequestedValueHasItsWord(t *testing.T) {
	for _, n := range valuesOf(authnv1.Factor(0)) {
		factor, ok := factorOf[authnv1.Factor(n)]
		if !ok || factorMessage[factor] != authnv1.Factor(n) {
			t.Errorf("factor %v reads as %q, which says %v", authnv1.Factor(n), factor, factorMessage[factor])
		}
	}
	for _, n := range valuesOf(authnv1.Scope(0)) {
		scopes, err := scopesOf([]authnv1.Scope{authnv1.Scope(n)})
		if err != nil || scopeMessage[scopes[0]] != authnv1.Scope(n) {
			t.Errorf("scope %v reads as %v: %v", authnv1.Scope(n), scopes, err)
		}
	}
}

func TestUnknownScopeMakesNoKey(t *testing.T) {
	for _, s := range []authnv1.Scope{0, 99} {
		if got, err := scopesOf([]authnv1.Scope{authnv1.Scope_SCOPE_OPERATOR, s}); err == nil {
			t.Errorf("scope %d gives %v, want a refusal", s, got)
		}
	}
}

func TestEveryStepSaysHowToAnswerIt(t *testing.T) {
	password := &authnv1.Option{Factor: authnv1.Factor_FACTOR_PASSWORD}
	code := &authnv1.Option{Factor: authnv1.Factor_FACTOR_EMAIL_CODE, NeedsPrepare: true}
	want := map[attempt.Step]*authnv1.Option{
		attempt.FirstFactor:        password,
		attempt.NewPassword:        password,
		attempt.EmailVerification:  code,
		attempt.DeviceVerification: code,
		attempt.Done:               nil,
		attempt.Refused:            nil,
	}
	for _, step := range slices.Sorted(maps.Keys(stepMessage)) {
		expected, listed := want[step]
		if !listed {
			t.Errorf("step %q isn't in this test", step)
		}
		options := optionMessages(step)
		switch {
		case expected == nil && len(options) > 0:
			t.Errorf("step %q offers %v, want nothing", step, options)
		case expected == nil:
		case len(options) != 1 || options[0].GetFactor() != expected.GetFactor() || options[0].GetNeedsPrepare() != expected.GetNeedsPrepare():
			t.Errorf("step %q offers %v, want %v", step, options, expected)
		}
	}
}

func TestRefusalsHaveReasons(t *testing.T) {
	for refusal, want := range map[attempt.Refusal]typev1.Reason{
		attempt.PasswordContained: typev1.Reason_REASON_PASSWORD_CONTAINED,
		attempt.RiskRefused:       typev1.Reason_REASON_RISK_REFUSED,
		attempt.Over:              typev1.Reason_REASON_ATTEMPT_OVER,
		attempt.Restricted:        typev1.Reason_REASON_SIGN_UP_RESTRICTED,
		"":                        typev1.Reason_REASON_UNSPECIFIED,
	} {
		got := attemptMessage(flow.Progress{Step: attempt.Refused, Refusal: refusal}).GetRefusal()
		if got != want {
			t.Errorf("refusal %q says %v, want %v", refusal, got, want)
		}
	}
}

func TestAttemptTellsNobodyWhomItIsAbout(t *testing.T) {
	p := flow.Progress{
		Attempt: attempt.Attempt{ID: "att_1", Purpose: attempt.SignIn, UserID: "usr_1", DeviceID: "dev_1", Address: "ada@example.org"},
		Step:    attempt.DeviceVerification,
	}
	m := attemptMessage(p)
	if m.GetGrant() != nil || m.GetLastAnswer() != nil {
		t.Errorf("an attempt without answer or grant shows %v, %v", m.GetLastAnswer(), m.GetGrant())
	}
}

func TestExpiredSessionShowsItsEnd(t *testing.T) {
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := session.Session{ID: "ses_1", StartedAt: began, ExpiresAt: began.Add(time.Hour)}
	if m := sessionMessage(&s, began.Add(time.Hour-1)); m.GetEndedAt() != nil || m.GetEnd() != authnv1.SessionEnd_SESSION_END_UNSPECIFIED {
		t.Errorf("an active session shows the end %v", m.GetEnd())
	}
	m := sessionMessage(&s, began.Add(time.Hour))
	if m.GetEnd() != authnv1.SessionEnd_SESSION_END_EXPIRED || !m.GetEndedAt().AsTime().Equal(s.ExpiresAt) {
		t.Errorf("an expired session shows %v at %v", m.GetEnd(), m.GetEndedAt())
	}
	s.Finish(session.EndContained, began.Add(time.Minute))
	if m := sessionMessage(&s, began.Add(2*time.Hour)); m.GetEnd() != authnv1.SessionEnd_SESSION_END_CONTAINED {
		t.Errorf("a contained session shows %v once it would have expired", m.GetEnd())
	}
}
