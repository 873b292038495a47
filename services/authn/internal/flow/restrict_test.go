package flow_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
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
	"github.com/doorward/doorward/services/authn/internal/tuning"
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

func TestEntriesAreAddedAndRemovedWhole(t *testing.T) {
	w := newWorld(t)
	_, _, err := w.restrictions.Add(t.Context(), operator, restriction.Block, []string{"good.example", "*", "192.0.2.0/33"}, "")
	expectFault(t, err, fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
	if told, _ := fault.As(err); len(told.Fields) != 2 || told.Fields[0].Name != "entries[1]" || told.Fields[1].Name != "entries[2]" {
		t.Errorf("fields %+v", told.Fields)
	}
	w.laptop().signUp("any@good.example")

	added, _, err := w.restrictions.Add(t.Context(), operator, restriction.Block, []string{"good.example", "Good.Example", "192.0.2.0/24"}, "spam")
	w.must(err)
	if len(added) != 2 {
		t.Errorf("added %v", added)
	}
	if r := w.lastAudit(); r.Action != "restriction.add" || r.Target.ID != "block" || r.Reason != "spam" || r.Detail["entries"] != "good.example 192.0.2.0/24" {
		t.Errorf("the record is %+v", r)
	}
	page, next, err := w.restrictions.List(t.Context(), restriction.Block, "", 1)
	w.must(err)
	if len(page) != 1 || next != "192.0.2.0/24" || page[0].AddedBy != operator.ID || page[0].Note != "spam" {
		t.Errorf("page %+v, next %q", page, next)
	}
	removed, absent, _, err := w.restrictions.Remove(t.Context(), operator, restriction.Block, []string{"GOOD.example", "other.example"}, "")
	w.must(err)
	if len(removed) != 1 || len(absent) != 1 || absent[0].Name != "other.example" {
		t.Errorf("removed %v, absent %v", removed, absent)
	}
	if r := w.lastAudit(); r.Action != "restriction.remove" || r.Detail["entries"] != "good.example" {
		t.Errorf("the record is %+v", r)
	}
	w.stranger().signUp("any@good.example")
}

func TestARecordNamesAllThatWasRemovedHoweverMuch(t *testing.T) {
	w := newWorld(t)
	var entries []string
	for i := range 1000 {
		entries = append(entries, fmt.Sprintf("somebody.with.a.long.name.%04d@quite-a-long-domain-name.example", i))
	}
	w.put(restriction.Block, entries...)
	named := map[string]bool{}
	for _, r := range w.audits() {
		for name, text := range r.Detail {
			if r.Action == "restriction.add" && strings.HasPrefix(name, "entries") {
				for e := range strings.FieldsSeq(text) {
					named[e] = true
				}
			}
		}
	}
	if len(named) != len(entries) {
		t.Errorf("the records name %d of %d entries", len(named), len(entries))
	}
}

func TestOperatorsAreWarnedWhenTheySetWhatTheyMayNotMean(t *testing.T) {
	w := newWorld(t)
	_, warnings, err := w.restrictions.Add(t.Context(), operator, restriction.Block, []string{"example.org", "ada@example.org"}, "")
	w.must(err)
	if len(warnings) != 1 || warnings[0].Kind != restriction.ShadowedEntry {
		t.Errorf("warnings %+v", warnings)
	}
	policy := tuning.Default()
	policy.RestrictionAllowlist = restriction.AllowlistRequired
	if warned := newPolicies(w).Warnings(policy); len(warned) != 1 || warned[0].Kind != restriction.EmptyAllowlist {
		t.Errorf("a required allowlist without entries: %+v", warned)
	}
	w.put(restriction.Allow, ada)
	if warned := newPolicies(w).Warnings(policy); len(warned) != 0 {
		t.Errorf("one with an entry: %+v", warned)
	}
}

func (w *world) importFile(file string) (reached []flow.Imported, err error) {
	_, err = w.restrictions.Import(w.t.Context(), operator, restriction.Block, strings.NewReader(file), "", func(i flow.Imported) error {
		reached = append(reached, i)
		return nil
	})
	return reached, err
}

func TestAFileIsImportedInPiecesAndMayBeAgain(t *testing.T) {
	w := newWorld(t)
	var file strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&file, "d%d.example # number %d\n", i%2400, i)
	}
	reached, err := w.importFile(file.String())
	w.must(err)
	want := []flow.Imported{{Total: 2400, Seen: 1000, Added: 1000}, {Total: 2400, Seen: 2000, Added: 2000}, {Total: 2400, Seen: 2400, Added: 2400}}
	if diff := cmp.Diff(want, reached); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if r := w.lastAudit(); r.Action != "restriction.import" || r.Detail["added"] != "400" {
		t.Errorf("the last record is %+v", r)
	}
	w.laptop().refused("any@d2399.example")
	reached, err = w.importFile(file.String())
	w.must(err)
	if last := reached[len(reached)-1]; last.Added != 0 || last.Seen != 2400 {
		t.Errorf("again: %+v", last)
	}
}

func TestAFileWithABadLineChangesNothing(t *testing.T) {
	w := newWorld(t)
	_, err := w.importFile("good.example\nno domain at all\n")
	expectFault(t, err, fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
	if told, _ := fault.As(err); len(told.Fields) != 1 || told.Fields[0].Name != "line 2" {
		t.Errorf("fields %+v", told.Fields)
	}
	w.laptop().signUp("any@good.example")
	reached, err := w.importFile("# nothing\n")
	w.must(err)
	if diff := cmp.Diff([]flow.Imported{{}}, reached); diff != "" {
		t.Errorf("an empty file (-want +got):\n%s", diff)
	}
}

func TestOneImportRunsAtATime(t *testing.T) {
	w := newWorld(t)
	_, err := w.restrictions.Import(t.Context(), operator, restriction.Block, strings.NewReader("good.example\n"), "", func(flow.Imported) error {
		_, err := w.importFile("other.example\n")
		expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_OVERLOADED)
		return nil
	})
	w.must(err)
	_, err = w.importFile("other.example\n")
	w.must(err)
}

func TestExplainSaysWhatEveryRuleSays(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol("ada@gmail.com", right)
	w.rules.RestrictionSubaddresses = restriction.RefuseThem
	w.put(restriction.Block, "gmail.com", strangerIP)
	rules := func(email string, ip netip.Addr) (names []restriction.Rule) {
		j, err := w.restrictions.Explain(t.Context(), email, ip)
		w.must(err)
		for _, f := range j.Findings {
			names = append(names, f.Rule)
		}
		return names
	}
	want := []restriction.Rule{restriction.AddressBlocked, restriction.Subaddress, restriction.MailboxTaken}
	if diff := cmp.Diff(want, rules("a.da+tag@gmail.com", netip.Addr{})); diff != "" {
		t.Errorf("an address (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]restriction.Rule{restriction.NetworkBlocked}, rules(nobody, netip.MustParseAddr(strangerIP))); diff != "" {
		t.Errorf("a network (-want +got):\n%s", diff)
	}
	if got := rules("no address", netip.Addr{}); !slices.Equal(got, []restriction.Rule{restriction.AddressUnreadable}) {
		t.Errorf("no address: %v", got)
	}
	if got := rules(nobody, netip.Addr{}); got != nil {
		t.Errorf("an address that nothing is against: %v", got)
	}
}

// replica is another process over the same store.
func (w *world) replica() *flow.Lists {
	metrics := w.deps.Metrics
	return flow.NewLists(w.store, w.deps.Logger, metrics)
}

func TestAnotherReplicaFollows(t *testing.T) {
	w := newWorld(t)
	other := w.replica()
	has := func(entry string) bool {
		t.Helper()
		w.must(other.Refresh(t.Context()))
		index, err := other.Index(t.Context())
		w.must(err)
		e, err := restriction.ParseEntry(restriction.Block, entry)
		w.must(err)
		return index.Has(e)
	}
	if has("a.example") {
		t.Error("an entry that isn't there is found")
	}
	w.put(restriction.Block, "a.example")
	w.put(restriction.Block, "b.example")
	_, _, _, err := w.restrictions.Remove(t.Context(), operator, restriction.Block, []string{"a.example"}, "")
	w.must(err)
	if has("a.example") || !has("b.example") {
		t.Error("single changes aren't followed")
	}
	var file strings.Builder
	for i := range 1500 { // more than the store remembers
		fmt.Fprintf(&file, "d%d.example\n", i)
	}
	_, err = w.importFile(file.String())
	w.must(err)
	if !has("d1499.example") || !has("b.example") || has("a.example") {
		t.Error("an import isn't followed")
	}
}

func TestASignUpWaitsForTheFirstReadingAndNoLonger(t *testing.T) {
	w := newWorld(t)
	w.deps.Lists = w.replica()
	w.through(w.store)
	hasty, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.attempts.StartSignUp(hasty, w.app, w.laptop().client, ada, secret.Text{}); err == nil {
		t.Error("a sign-up begins without lists")
	}
	_, err := w.attempts.StartSignUp(t.Context(), w.app, w.laptop().client, ada, secret.Text{})
	expectFault(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
	watching, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.deps.Lists.Watch(watching)
	}()
	w.laptop().signUp(ada)
	stop()
	<-ended
}

// A store that can't be read leaves the lists as they were.
func TestListsStayWhenTheStoreCantBeRead(t *testing.T) {
	w := newWorld(t)
	w.put(restriction.Block, "blocked.example")
	broken := flow.NewLists(unreadable{}, w.deps.Logger, w.deps.Metrics)
	if err := broken.Refresh(t.Context()); err == nil {
		t.Error("a store that fails is read")
	}
	hasty, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.deps.Lists.Refresh(hasty); err == nil {
		t.Error("a refresh that is called off succeeds")
	}
	w.laptop().refused("any@blocked.example")
}

type unreadable struct{ store.Store }

func (unreadable) View(context.Context, func(store.Tx) error) error { return context.DeadlineExceeded }
