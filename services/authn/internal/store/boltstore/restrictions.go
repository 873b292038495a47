package boltstore

import (
	"errors"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
)

const (
	// rememberedChanges is how many versions back a follower may be without reading all entries again.
	rememberedChanges = 256
	// changesOfOne is the most that one version remembers. What changes more, such as an import, is as quickly read whole.
	changesOfOne = 100
)

// restrictionChange is what one version changed; Many says that it is more than is remembered.
type restrictionChange struct {
	Changes []restriction.Change
	Many    bool
}

// addition is who added an entry.
type addition struct {
	AddedAt       time.Time
	AddedBy, Note string
}

var (
	// restrictionTable has the entries, in a form that is read fast, and restrictionAdditions the rest of each under the same key.
	restrictionTable     = boltdb.Table[string]{Bucket: "restrictions"}
	restrictionAdditions = boltdb.Table[addition]{Bucket: "restriction_additions"}
	restrictionChanges   = boltdb.Table[restrictionChange]{Bucket: "restriction_changes"}
	restrictionState     = boltdb.Table[store.RestrictionState]{Bucket: "restriction_state"}
)

// theState is the one key of its table.
const theState = "state"

type restrictions struct{ tx *bolt.Tx }

var _ store.Restrictions = restrictions{}

// restrictionKey has the lists apart, and each in the order of its entries.
func restrictionKey(list restriction.List, entry string) string {
	return boltdb.Key(list.String(), entry)
}

// entryText is an entry without its list: a digit for its kind, its name, and behind a zero byte its spelling, where that is another.
func entryText(e restriction.Entry) string {
	text := string(rune('0'+e.Kind)) + e.Name
	if e.Written != "" {
		text += "\x00" + e.Written
	}
	return text
}

// readEntry is its inverse. What it can't read no index takes, and so it is told there.
func readEntry(list restriction.List, text string) restriction.Entry {
	if text == "" {
		return restriction.Entry{List: list}
	}
	name, written, _ := strings.Cut(text[1:], "\x00")
	return restriction.Entry{List: list, Kind: restriction.Kind(text[0] - '0'), Name: name, Written: written}
}

func (r restrictions) Entries(list restriction.List, after string, limit int) ([]restriction.Entry, error) {
	items, err := r.scan(list, after, limit)
	if err != nil {
		return nil, err
	}
	entries := make([]restriction.Entry, len(items))
	for i, item := range items {
		entries[i] = readEntry(list, item.Value)
	}
	return entries, nil
}

func (r restrictions) List(list restriction.List, after string, limit int) ([]restriction.Kept, error) {
	items, err := r.scan(list, after, limit)
	if err != nil {
		return nil, err
	}
	entries := make([]restriction.Kept, len(items))
	for i, item := range items {
		added, found, err := restrictionAdditions.Get(r.tx, item.Key)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, missing(restrictionAdditions.Bucket, item.Key)
		}
		entries[i] = restriction.Kept{Entry: readEntry(list, item.Value), AddedAt: added.AddedAt, AddedBy: added.AddedBy, Note: added.Note}
	}
	return entries, nil
}

// scan reads a list page by page, so that all of it is all.
func (r restrictions) scan(list restriction.List, after string, limit int) (items []boltdb.Item[string], err error) {
	within := boltdb.Range{Prefix: boltdb.Key(list.String())}
	if after != "" {
		within.After = restrictionKey(list, after)
	}
	for len(items) < limit {
		within.Limit = min(limit-len(items), boltdb.MaxScan)
		page, err := restrictionTable.Scan(r.tx, within)
		if err != nil {
			return nil, err
		}
		items = append(items, page...)
		if len(page) < within.Limit {
			break
		}
		within.After = page[len(page)-1].Key
	}
	return items, nil
}

func (r restrictions) Add(entries []restriction.Kept) (added []restriction.Kept, err error) {
	var changes []restriction.Change
	for _, e := range entries {
		key := restrictionKey(e.List, e.String())
		_, found, err := restrictionTable.Get(r.tx, key)
		if err != nil {
			return nil, err
		}
		if found {
			continue
		}
		if err := restrictionTable.Put(r.tx, key, entryText(e.Entry)); err != nil {
			return nil, err
		}
		if err := restrictionAdditions.Put(r.tx, key, addition{AddedAt: e.AddedAt, AddedBy: e.AddedBy, Note: e.Note}); err != nil {
			return nil, err
		}
		added = append(added, e)
		changes = append(changes, restriction.Change{Entry: e.Entry})
	}
	return added, r.changed(changes, len(added))
}

func (r restrictions) Remove(entries []restriction.Entry) (removed []restriction.Entry, err error) {
	var changes []restriction.Change
	for _, e := range entries {
		key := restrictionKey(e.List, e.String())
		text, found, err := restrictionTable.Get(r.tx, key)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		if err := errors.Join(restrictionTable.Delete(r.tx, key), restrictionAdditions.Delete(r.tx, key)); err != nil {
			return nil, err
		}
		kept := readEntry(e.List, text)
		removed = append(removed, kept)
		changes = append(changes, restriction.Change{Entry: kept, Remove: true})
	}
	return removed, r.changed(changes, -len(removed))
}

// changed raises the version, and forgets the change that is too long ago.
func (r restrictions) changed(changes []restriction.Change, by int) error {
	if len(changes) == 0 {
		return nil
	}
	state, err := r.State()
	if err != nil {
		return err
	}
	state.Version++
	state.Entries += by
	change := restrictionChange{Changes: changes}
	if len(changes) > changesOfOne {
		change = restrictionChange{Many: true}
	}
	if err := restrictionChanges.Put(r.tx, boltdb.Number(state.Version), change); err != nil {
		return err
	}
	if state.Version > rememberedChanges {
		if err := restrictionChanges.Delete(r.tx, boltdb.Number(state.Version-rememberedChanges)); err != nil {
			return err
		}
	}
	return restrictionState.Put(r.tx, theState, state)
}

func (r restrictions) State() (store.RestrictionState, error) {
	state, _, err := restrictionState.Get(r.tx, theState)
	return state, err
}

func (r restrictions) Since(version uint64) (changes []restriction.Change, complete bool, err error) {
	state, err := r.State()
	if err != nil || version > state.Version || state.Version-version > rememberedChanges {
		return nil, false, err
	}
	for v := version + 1; v <= state.Version; v++ {
		change, found, err := restrictionChanges.Get(r.tx, boltdb.Number(v))
		if err != nil || !found || change.Many {
			return nil, false, err
		}
		changes = append(changes, change.Changes...)
	}
	return changes, true, nil
}
