package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
)

func allowedDomain(name string) restriction.Kept {
	return restriction.Kept{
		Entry:   restriction.Entry{List: restriction.Allow, Kind: restriction.Domain, Name: name},
		AddedAt: at(1), AddedBy: ident("app", 1),
	}
}

func addEntries(t *testing.T, s store.Store, want int, entries ...restriction.Kept) {
	t.Helper()
	update(t, s, func(tx store.Tx) error {
		added, err := tx.Restrictions.Add(entries)
		if err == nil && len(added) != want {
			t.Errorf("%d entries are new, want %d", len(added), want)
		}
		return err
	})
}

func removeEntries(t *testing.T, s store.Store, want int, entries ...restriction.Kept) {
	t.Helper()
	plain := make([]restriction.Entry, len(entries))
	for i, e := range entries {
		plain[i] = e.Entry
	}
	update(t, s, func(tx store.Tx) error {
		removed, err := tx.Restrictions.Remove(plain)
		if err == nil && len(removed) != want {
			t.Errorf("%d entries were there, want %d", len(removed), want)
		}
		return err
	})
}

func entriesOf(list restriction.List, after string, limit int) func(store.Tx) ([]restriction.Kept, error) {
	return func(tx store.Tx) ([]restriction.Kept, error) { return tx.Restrictions.List(list, after, limit) }
}

func wantState(t *testing.T, s store.Store, want store.RestrictionState) {
	t.Helper()
	view(t, s, func(tx store.Tx) error {
		got, err := tx.Restrictions.State()
		if err == nil && got != want {
			t.Errorf("state %+v, want %+v", got, want)
		}
		return err
	})
}

func wantSince(t *testing.T, s store.Store, version uint64, complete bool, want ...restriction.Change) {
	t.Helper()
	view(t, s, func(tx store.Tx) error {
		got, whole, err := tx.Restrictions.Since(version)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err == nil && (whole != complete || diff != "") {
			t.Errorf("since %d: complete = %t, want %t (-want +got):\n%s", version, whole, complete, diff)
		}
		return err
	})
}

func restrictionTests() []test {
	a, b, c := allowedDomain("a.example"), allowedDomain("b.example"), allowedDomain("c.example")
	return []test{
		{"ListsAreApartAndInOrder", func(t *testing.T, s store.Store) {
			wantList(t, s, "none", entriesOf(restriction.Allow, "", 10))
			addEntries(t, s, 3, c, blocked(1), a)
			addEntries(t, s, 1, b)
			wantList(t, s, "all", entriesOf(restriction.Allow, "", 10), a, b, c)
			wantList(t, s, "the first two", entriesOf(restriction.Allow, "", 2), a, b)
			wantList(t, s, "after the first", entriesOf(restriction.Allow, a.String(), 10), b, c)
			wantList(t, s, "after one that isn't there", entriesOf(restriction.Allow, "bb.example", 10), c)
			wantList(t, s, "the entries alone", func(tx store.Tx) ([]restriction.Entry, error) {
				return tx.Restrictions.Entries(restriction.Allow, a.String(), 10)
			}, b.Entry, c.Entry)
			wantList(t, s, "one with a spelling of its own", func(tx store.Tx) ([]restriction.Entry, error) {
				return tx.Restrictions.Entries(restriction.Block, "", 10)
			}, blocked(1).Entry)
			wantList(t, s, "none asked for", entriesOf(restriction.Allow, "", 0))
			wantList(t, s, "another list", entriesOf(restriction.Block, "", 10), blocked(1))
		}},
		{"AnEntryThatIsThereStaysAsItIs", func(t *testing.T, s store.Store) {
			again := blocked(1)
			again.Note, again.Written, again.AddedBy = "another", "", ident("app", 2)
			addEntries(t, s, 1, blocked(1))
			addEntries(t, s, 0, again)
			wantList(t, s, "the entry", entriesOf(restriction.Block, "", 10), blocked(1))
			wantState(t, s, store.RestrictionState{Version: 1, Entries: 1})
		}},
		{"RemovedIsGone", func(t *testing.T, s store.Store) {
			addEntries(t, s, 2, a, b)
			removeEntries(t, s, 1, a, c)
			removeEntries(t, s, 0, a)
			wantList(t, s, "the other", entriesOf(restriction.Allow, "", 10), b)
			wantState(t, s, store.RestrictionState{Version: 2, Entries: 1})
		}},
		{"ChangesAreRememberedInTheirOrder", func(t *testing.T, s store.Store) {
			wantSince(t, s, 0, true)
			addEntries(t, s, 2, a, b)
			removeEntries(t, s, 1, a)
			added := []restriction.Change{{Entry: a.Entry}, {Entry: b.Entry}}
			removed := restriction.Change{Entry: a.Entry, Remove: true}
			wantSince(t, s, 0, true, added[0], added[1], removed)
			wantSince(t, s, 1, true, removed)
			wantSince(t, s, 2, true)
			wantSince(t, s, 3, false)
		}},
		{"ChangesThatAreForgottenAreSaidToBe", func(t *testing.T, s store.Store) {
			const many = 1000
			for range many / 2 {
				addEntries(t, s, 1, a)
				removeEntries(t, s, 1, a)
			}
			wantSince(t, s, 0, false)
			wantSince(t, s, many-1, true, restriction.Change{Entry: a.Entry, Remove: true})
		}},
	}
}
