package deadletter_test

import (
	"errors"
	"testing"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/deadletter"
	"github.com/doorward/doorward/internal/fault"
)

func TestLettersAreListedInPagesOldestFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.die(3)
	page, err := w.service.ListDeadLetters(w.operator(), &operatorv1.ListDeadLettersRequest{PageSize: 2})
	w.must(err)
	rest, err := w.service.ListDeadLetters(w.operator(), &operatorv1.ListDeadLettersRequest{PageSize: 2, PageToken: page.GetNextPageToken()})
	w.must(err)
	if rest.GetNextPageToken() != "" {
		t.Errorf("after the last page comes %q", rest.GetNextPageToken())
	}
	all := append(page.GetDeadLetters(), rest.GetDeadLetters()...)
	if len(page.GetDeadLetters()) != 2 || len(all) != 3 {
		t.Fatalf("%d letters, %d on the first page", len(all), len(page.GetDeadLetters()))
	}
	for i, want := range []string{"evt_1", "evt_2", "evt_3"} {
		l := all[i]
		if l.GetEventId() != want || l.GetType() != "command.session.contain.v1" || l.GetConsumer() != "authn of DOORWARD_COMMANDS" ||
			l.GetCause() != "nobody knows its type" || l.GetDiedAt().AsTime().IsZero() {
			t.Errorf("letter %d is %s of %s by %s: %s", i, l.GetEventId(), l.GetType(), l.GetConsumer(), l.GetCause())
		}
	}
	for _, token := range []string{"-1", "x", "1.5"} {
		_, err := w.service.ListDeadLetters(w.operator(), &operatorv1.ListDeadLettersRequest{PageToken: token})
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("the page token %q: %v", token, err)
		}
	}
}

func TestAReplayedLetterIsHandledAndGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.die(1)
	replay := &operatorv1.ReplayDeadLetterRequest{Sequence: w.only()}
	_, err := w.service.ReplayDeadLetter(w.operator(), replay)
	w.must(err)
	if len(w.handled) != 1 || w.handled[0] != "evt_1" {
		t.Errorf("handled %v", w.handled)
	}
	w.wantNone()
	_, err = w.service.ReplayDeadLetter(w.operator(), replay)
	refused(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
	if len(w.handled) != 1 {
		t.Errorf("a letter that was gone was handled again: %v", w.handled)
	}
	w.wantAudit("dead_letter.replay.order done 1", "dead_letter.replay done 1", "dead_letter.replay.order done 1", "dead_letter.replay failed 1")
}

func TestALetterThatFailsAgainStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.die(1)
	w.fails = errors.New("authn is still away")
	_, err := w.service.ReplayDeadLetter(w.operator(), &operatorv1.ReplayDeadLetterRequest{Sequence: w.only()})
	refused(t, err, fault.Precondition, typev1.Reason_REASON_UNAVAILABLE)
	w.only()
	w.wantAudit("dead_letter.replay.order done 1", "dead_letter.replay failed 1")
}

func TestADroppedLetterIsGoneUnhandled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.die(1)
	drop := &operatorv1.DropDeadLetterRequest{Sequence: w.only(), Note: ": a test of ours"}
	_, err := w.service.DropDeadLetter(w.operator(), drop)
	w.must(err)
	w.wantNone()
	if len(w.handled) != 0 {
		t.Errorf("handled %v", w.handled)
	}
	_, err = w.service.DropDeadLetter(w.operator(), drop)
	refused(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
	w.wantAudit("dead_letter.drop.order done 1: a test of ours", "dead_letter.drop done 1: a test of ours",
		"dead_letter.drop.order done 1: a test of ours", "dead_letter.drop failed 1: a test of ours")
}

func TestWithoutNATSNothingIsLostAndTheOperatorIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.die(1)
	w.server.Stop()
	_, err := w.service.ListDeadLetters(w.operator(), &operatorv1.ListDeadLettersRequest{})
	refused(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
	_, err = w.service.ReplayDeadLetter(w.operator(), &operatorv1.ReplayDeadLetterRequest{Sequence: 1})
	refused(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
	w.wantAudit("dead_letter.replay.order done 1", "dead_letter.replay failed 1")
}

func TestNobodyKnownSettlesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.die(1)
	if _, err := w.service.ReplayDeadLetter(w.deadline(), &operatorv1.ReplayDeadLetterRequest{Sequence: 1}); err == nil {
		t.Error("a replay that nobody asked for was done")
	}
	if _, err := w.service.DropDeadLetter(w.deadline(), &operatorv1.DropDeadLetterRequest{Sequence: 1}); err == nil {
		t.Error("a letter that nobody gave up was dropped")
	}
	w.only()
	w.wantAudit()
}

func TestWhatIsMissingIsAnErrorAtTheStart(t *testing.T) {
	if _, err := deadletter.New(deadletter.Config{}); err == nil {
		t.Error("a service without a bus, a handler and an audit log was made")
	}
}

// only is the place of the one letter that there is.
func (w *world) only() uint64 {
	w.Helper()
	all, err := w.service.ListDeadLetters(w.operator(), &operatorv1.ListDeadLettersRequest{})
	w.must(err)
	if len(all.GetDeadLetters()) != 1 {
		w.Fatalf("%d dead letters, want one", len(all.GetDeadLetters()))
	}
	return all.GetDeadLetters()[0].GetSequence()
}

func (w *world) wantNone() {
	w.Helper()
	all, err := w.service.ListDeadLetters(w.operator(), &operatorv1.ListDeadLettersRequest{})
	w.must(err)
	if n := len(all.GetDeadLetters()); n != 0 {
		w.Errorf("%d dead letters, want none", n)
	}
}

func refused(t *testing.T, err error, kind fault.Kind, reason typev1.Reason) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.ReasonOf(err) != reason {
		t.Errorf("err = %v, want %v %v", err, kind, reason)
	}
}
