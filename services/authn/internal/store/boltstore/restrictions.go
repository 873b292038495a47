package boltstore

import (
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

var (
	restrictionTable   = boltdb.Table[restriction.Kept]{Bucket: "restrictions"}
	restrictionChanges = boltdb.Table[restrictionChange]{Bucket: "restriction_changes"}
	restrictionState   = boltdb.Table[store.RestrictionState]{Bucket: "restriction_state"}
)

// theState is the one key of its table.
const theState = "state"

type restrictions struct{ tx *bolt.Tx }

var _ store.Restrictions = restrictions{}

// restrictionKey has the lists apart, and each in the order of its entries.
func restrictionKey(list restriction.List, entry string) string {
	return boltdb.Key(list.String(), entry)
}

func (r restrictions) List(list restriction.List, after string, limit int) ([]restriction.Kept, error) {
	within := boltdb.Range{Prefix: boltdb.Key(list.String())}
	if after != "" {
		within.After = restrictionKey(list, after)
	}
	var entries []restriction.Kept
	for len(entries) < limit {
		within.Limit = min(limit-len(entries), boltdb.MaxScan)
		page, err := restrictionTable.Scan(r.tx, within)
		if err != nil {
			return nil, err
		}
		for _, item := range page {
			entries = append(entries, item.Value)
		}
		if len(page) < within.Limit {
			break
		}
		within.After = page[len(page)-1].Key
	}
	return entries, nil
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
		if err := restrictionTable.Put(r.tx, key, e); err != nil {
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
		kept, found, err := restrictionTable.Get(r.tx, key)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		if err := restrictionTable.Delete(r.tx, key); err != nil {
			return nil, err
		}
		removed = append(removed, kept.Entry)
		changes = append(changes, restriction.Change{Entry: kept.Entry, Remove: true})
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
