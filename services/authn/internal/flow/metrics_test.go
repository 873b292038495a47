package flow_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/services/authn/internal/flow"
)

// counted is what the counter of attempts holds: "purpose step outcome count".
func (w *world) counted() []string {
	w.t.Helper()
	families, err := w.metrics.Gather()
	w.must(err)
	var out []string
	for _, f := range families {
		if f.GetName() != "doorward_authn_attempts_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			out = append(out, fmt.Sprintf("%s %s %s %v", labels["purpose"], labels["step"], labels["outcome"], m.GetCounter().GetValue()))
		}
	}
	slices.Sort(out)
	return out
}

func TestAttemptsAreCountedByStepAndOutcome(t *testing.T) {
	w := newWorld(t)
	laptop, stranger := w.laptop(), w.stranger()
	laptop.enrol(ada, right)
	laptop.enter(ada, right)

	tr := stranger.signIn(ada)
	tr.answer(password(wrong))
	tr.answer(password(right))
	w.must(tr.prepare())
	if err := tr.prepare(); err == nil {
		t.Error("a second code was sent at once")
	}
	tr.answer(code("000000"))
	if _, err := tr.try(password(right)); err == nil {
		t.Error("an answer was taken that doesn't fit the step")
	}
	taken := stranger.signUp(nobody)
	if _, err := taken.try(newPassword("short")); err == nil {
		t.Error("a short password was taken")
	}
	// Nobody's account counts like somebody's.
	stranger.signIn("nobody@example.org").answer(password(right))
	// An address that is none.
	if _, err := w.attempts.StartSignIn(t.Context(), w.app, stranger.client, "not an address"); err == nil {
		t.Error("it was taken for an address")
	}
	w.risk.answer = func(flow.Question) (flow.Judgement, error) { return flow.Judgement{Gate: flow.GateBlock}, nil }
	if _, err := laptop.signIn(ada).try(password(right)); err == nil {
		t.Error("a blocked network got in")
	}

	want := []string{
		"sign_in device_verification failed 1",
		"sign_in device_verification limited 1",
		"sign_in device_verification sent 1",
		"sign_in device_verification wrong 1",
		"sign_in first_factor accepted 1",
		"sign_in first_factor completed 1",
		"sign_in first_factor gated 1",
		"sign_in first_factor wrong 2",
		"sign_in start begun 4",
		"sign_in start failed 1",
		"sign_up email_verification completed 1",
		"sign_up email_verification sent 1",
		"sign_up new_password accepted 1",
		"sign_up new_password unacceptable 1",
		"sign_up start begun 2",
	}
	if diff := cmp.Diff(want, w.counted()); diff != "" {
		t.Errorf("attempts counted (-want +got):\n%s", diff)
	}
}
