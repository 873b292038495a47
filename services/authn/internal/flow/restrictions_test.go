package flow_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

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
