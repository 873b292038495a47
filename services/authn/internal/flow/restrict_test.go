package flow_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/userimport"
)

// put adds entries as an operator does.
func (w *world) put(list restriction.List, entries ...string) {
	w.t.Helper()
	_, _, err := w.restrictions.Add(w.t.Context(), operator, list, entries, "spam")
	w.must(err)
}

// refused wants a sign-up refused before anything is stored or asked.
func (b *browser) refused(address string) {
	b.w.t.Helper()
	asked := len(b.w.risk.questions())
	rows := b.w.rowsDuring(func() {
		_, err := b.w.attempts.StartSignUp(b.w.t.Context(), b.app, b.client, address, secret.Text{})
		expectFault(b.w.t, err, fault.Denied, typev1.Reason_REASON_SIGN_UP_RESTRICTED)
	})
	if len(rows) != 0 || len(b.w.risk.questions()) != asked {
		b.w.t.Errorf("%s: a refused sign-up causes %v, and risk is asked", address, types(rows))
	}
}

func TestWhoMayNotSignUpIsRefusedBeforeAnythingIsSpent(t *testing.T) {
	w := newWorld(t)
	w.put(restriction.Block, "eve@example.org", "blocked.example", "*.wide.example", strangerIP+"/32")
	for _, address := range []string{"eve@example.org", "Eve+tag@Example.org", "any@blocked.example", "any@a.b.wide.example", "any@mailinator.com"} {
		w.laptop().refused(address)
	}
	w.laptop().signUp("any@sub.blocked.example")
	w.laptop().signUp("any@wide.example")
	w.stranger().refused(ada)
}

func TestARefusalIsTheSameWhetherThereIsAnAccount(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.put(restriction.Block, "example.org")
	w.laptop().refused(ada)
	w.laptop().refused(nobody)
	if records := w.restrictedRecords(); len(records) != 2 || records[0].Reason != records[1].Reason {
		t.Errorf("records %+v", records)
	}
}

func TestExistingUsersSignInWhateverTheRestrictions(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	w.put(restriction.Block, "example.org", homeIP)
	w.rules.RestrictionAccessMode = restriction.InvitationOnly
	laptop.enter(ada, right)
}

func TestInvitationOnlyClosesSignUp(t *testing.T) {
	w := newWorld(t)
	w.rules.RestrictionAccessMode = restriction.InvitationOnly
	w.put(restriction.Allow, ada)
	w.laptop().refused(ada)
}

func TestARequiredAllowlistLetsOnlyThoseInIt(t *testing.T) {
	w := newWorld(t)
	w.rules.RestrictionAllowlist = restriction.AllowlistRequired
	w.laptop().refused(ada)
	w.put(restriction.Allow, "example.org")
	w.laptop().signUp(ada)
	w.laptop().refused("ada@example.com")
}

func TestARefusalIsAuditedWithTheRuleAndAllFindings(t *testing.T) {
	w := newWorld(t)
	w.put(restriction.Block, "eve@Example.org", strangerIP)
	w.stranger().refused("Eve@example.org")
	got := w.lastAudit()
	want := audit.Record{
		ID: got.ID, Sequence: got.Sequence, At: w.clock.Now(),
		Actor:   audit.Actor{Kind: audit.Application, ID: w.app},
		Action:  "sign_up.restrict",
		Target:  audit.Target{Kind: "email", ID: nobody},
		Network: netip.MustParseAddr(strangerIP),
		Reason:  "network_blocked",
		Outcome: audit.Refused,
		Detail: map[string]string{
			"rule": "network_blocked", "attempt_id": got.Detail["attempt_id"],
			"findings": "network_blocked refuses " + strangerIP + " in block; address_blocked refuses eve@Example.org in block",
		},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Errorf("the record (-want +got):\n%s", diff)
	}
	if got.Detail["attempt_id"] == "" {
		t.Error("the record names no attempt")
	}
}

// restrictedRecords are the audit records of refused sign-ups.
func (w *world) restrictedRecords() []audit.Record {
	w.t.Helper()
	var records []audit.Record
	for after := ""; ; {
		page, err := w.store.Audit(w.t.Context(), audit.Page{After: after})
		w.must(err)
		for _, r := range page {
			if r.Action == "sign_up.restrict" {
				records = append(records, r)
			}
			after = r.ID
		}
		if len(page) == 0 {
			return records
		}
	}
}

func TestAFloodOfRefusalsIsToldAsANumberAndHidesNoOtherRule(t *testing.T) {
	w := newWorld(t)
	w.put(restriction.Block, "blocked.example")
	const flood = 40
	for i := range flood {
		w.laptop().refused(fmt.Sprintf("u%d@blocked.example", i))
	}
	w.laptop().refused("any@mailinator.com")
	if got := len(w.restrictedRecords()); got != 10+1 {
		t.Errorf("%d records while the flood lasts, want 11", got)
	}
	w.deps.Refusals.Sum(t.Context(), false)
	if got := len(w.restrictedRecords()); got != 11 {
		t.Errorf("%d records: the sum comes at the window's end", got)
	}
	w.clock.advance(time.Minute)
	w.deps.Refusals.Sum(t.Context(), false)
	w.deps.Refusals.Sum(t.Context(), true)
	records := w.restrictedRecords()
	sums := slices.DeleteFunc(records, func(r audit.Record) bool { return r.Detail["more"] == "" })
	if len(sums) != 1 || sums[0].Detail["more"] != "30" || sums[0].Detail["rule"] != "address_blocked" {
		t.Errorf("sums %+v", sums)
	}
	w.laptop().refused("again@blocked.example")
	if got := w.lastAudit().Target.ID; got != "again@blocked.example" {
		t.Errorf("the next window's first is told as %q", got)
	}
	if got := w.restricted("address_blocked"); got != flood+1 {
		t.Errorf("%v are counted, want %d", got, flood+1)
	}
}

// restricted is what the counter of refused sign-ups holds for a rule.
func (w *world) restricted(rule string) float64 {
	w.t.Helper()
	families, err := w.metrics.Gather()
	w.must(err)
	for _, f := range families {
		if f.GetName() != "doorward_authn_sign_ups_restricted_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == rule {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func TestASignUpIsJudgedAgainAtItsEnd(t *testing.T) {
	w := newWorld(t)
	tr := w.laptop().signUp(ada)
	tr.answer(newPassword(right))
	mailed := tr.code()
	w.put(restriction.Block, ada)
	rows := w.rowsDuring(func() { expectStep(t, tr.answer(code(mailed)), attempt.Refused, attempt.Restricted) })
	if len(rows) != 0 {
		t.Errorf("it causes %v", types(rows))
	}
	if r := w.lastAudit(); r.Action != "sign_up.restrict" || r.Reason != "address_blocked" {
		t.Errorf("the last record is %+v", r)
	}
	if got := w.restricted("address_blocked"); got != 1 {
		t.Errorf("%v are counted", got)
	}
	if _, found := w.attempt(tr.Attempt.ID); found {
		t.Error("the attempt can be tried again")
	}
}

func TestATakenMailboxLooksLikeATakenAddress(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol("ada@gmail.com", right)
	w.rules.RestrictionSubaddresses = restriction.OnePerMailbox
	walk := func(address string) (sights []seen, m mail) {
		w.nextCode()
		tr := w.stranger().signUp(address)
		sights = append(sights, sight(tr.Progress), sight(tr.answer(newPassword(another))))
		m = tr.mailed()
		return append(sights, sight(tr.answer(code(w.setCode(tr.Attempt.ID))))), m
	}
	free, _ := walk("eve@gmail.com")
	if free[2].Step != attempt.Done {
		t.Fatalf("a free mailbox ends at %v", free[2].Step)
	}
	exact, _ := walk("ada@gmail.com")
	for _, address := range []string{"A.da@gmail.com", "ada+tag@googlemail.com"} {
		taken, notice := walk(address)
		if diff := cmp.Diff(exact, taken); diff != "" {
			t.Errorf("%s (-a taken address +taken mailbox):\n%s", address, diff)
		}
		if notice.content.GetCode() != "" || notice.sealed.GetPurpose() != eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_TAKEN {
			t.Errorf("%s: the mail is for %v", address, notice.sealed.GetPurpose())
		}
	}
	w.put(restriction.Allow, "ada+other@gmail.com")
	if got, _ := walk("ada+other@gmail.com"); got[2].Step != attempt.Done {
		t.Errorf("an entry for the very address: the sign-up ends at %v", got[2].Step)
	}
}

// TestAnImportedMailboxThatNobodyHasProvedIsTaken, as the address itself is: its account waits for its owner.
func TestAnImportedMailboxThatNobodyHasProvedIsTaken(t *testing.T) {
	w := newWorldOf(t, 2)
	w.imports(flow.Import{}, userimport.Row{Email: "ada@gmail.com"})
	w.rules.RestrictionSubaddresses = restriction.OnePerMailbox
	for _, address := range []string{"ada@gmail.com", "a.da@gmail.com"} {
		w.nextCode()
		tr := w.stranger().signUp(address)
		tr.answer(newPassword(another))
		if purpose := tr.mailed().sealed.GetPurpose(); purpose != eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_TAKEN {
			t.Errorf("%s: the mail is for %v", address, purpose)
		}
		w.clock.advance(w.rules.CodeInterval) // one mailbox, under whatever spelling
	}
}

// A hyphen is in many names, and separates nothing here: however many begin alike, the next isn't taken.
func TestNamesThatBeginAlikeAreNotOneMailbox(t *testing.T) {
	w := newWorld(t)
	w.rules.RestrictionSubaddresses = restriction.OnePerMailbox
	w.update(func(tx store.Tx) error {
		for i := range 150 {
			address := fmt.Sprintf("jean-%d@example.org", i)
			err := tx.Users.Put(account.User{ID: fmt.Sprintf("usr_%d", i), Emails: []account.Email{
				{ID: fmt.Sprintf("eml_%d", i), Address: address, Canonical: address, VerifiedAt: w.clock.Now()},
			}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	for _, address := range []string{"jean-luc@example.org", "jean@example.org"} {
		w.laptop().enrol(address, right)
	}
}

func TestOfTwoSignUpsForOneMailboxOneWins(t *testing.T) {
	w := newWorld(t)
	w.rules.RestrictionSubaddresses = restriction.OnePerMailbox
	first, second := w.laptop().signUp("ada+1@example.org"), w.stranger().signUp("ada+2@example.org")
	first.answer(newPassword(right))
	second.answer(newPassword(another))
	firstCode := first.code()
	w.nextCode()
	secondCode := second.code()
	expectStep(t, first.answer(code(firstCode)), attempt.Done, "")
	expectStep(t, second.answer(code(secondCode)), attempt.Refused, attempt.Over)
}
