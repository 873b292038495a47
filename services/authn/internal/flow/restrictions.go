package flow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/invitation"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
)

const (
	// importAtOnce is how many entries of an import one transaction keeps.
	importAtOnce = 1000
	// faultsTold and warningsTold bound an answer.
	faultsTold, warningsTold = 100, 100
)

// Restrictions let operators keep the lists of who may sign up.
type Restrictions struct {
	Deps
	// importing is held by the import that runs: each has all its entries in memory.
	importing chan struct{}
}

// NewRestrictions puts the use cases together.
func NewRestrictions(d Deps) *Restrictions {
	return &Restrictions{Deps: d, importing: make(chan struct{}, 1)}
}

// Add puts entries into a list, all or none, and returns those that are new.
func (f *Restrictions) Add(ctx context.Context, by Actor, list restriction.List, written []string, note string) (added []restriction.Entry, warnings []restriction.Warning, err error) {
	entries, err := parseEntries(list, written)
	if err != nil {
		return nil, nil, err
	}
	now := f.Now()
	err = f.Store.Update(ctx, func(tx store.Tx) error {
		var err error
		added, err = addEntries(tx, by, entries, note, now)
		if err != nil {
			return err
		}
		return auditEntries(tx, by, "restriction.add", list, added, note, now)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("add restrictions: %w", err)
	}
	index, err := f.inForce(ctx)
	if err != nil {
		return nil, nil, err
	}
	rules := f.Policy(ctx).Restrictions()
	for _, e := range entries {
		if warnings = append(warnings, index.Shadows(e, rules)...); len(warnings) > warningsTold {
			break
		}
	}
	warnings = append(index.Warnings(rules), warnings...)
	return added, warnings[:min(len(warnings), warningsTold)], nil
}

// parseEntries reads entries, and names each that isn't one.
func parseEntries(list restriction.List, written []string) ([]restriction.Entry, error) {
	var entries []restriction.Entry
	refused := errEntries
	for i, w := range written {
		e, err := restriction.ParseEntry(list, w)
		if err != nil && len(refused.Fields) < faultsTold {
			refused = refused.Field(fmt.Sprintf("entries[%d]", i), err.Error())
		}
		entries = append(entries, e)
	}
	if len(refused.Fields) > 0 {
		return nil, refused
	}
	return entries, nil
}

// addEntries keeps entries, unless there would be more than an index takes.
func addEntries(tx store.Tx, by Actor, entries []restriction.Entry, note string, now time.Time) (added []restriction.Entry, err error) {
	kept := make([]restriction.Kept, len(entries))
	for i, e := range entries {
		kept[i] = restriction.Kept{Entry: e, AddedAt: now, AddedBy: by.ID, Note: note}
	}
	fresh, err := tx.Restrictions.Add(kept)
	if err != nil {
		return nil, err
	}
	state, err := tx.Restrictions.State()
	if err != nil {
		return nil, err
	}
	if state.Entries > restriction.MaxEntries {
		return nil, errListsFull
	}
	for _, k := range fresh {
		added = append(added, k.Entry)
	}
	return added, nil
}

// Remove takes entries out of a list, and returns those that were there and those that weren't.
func (f *Restrictions) Remove(ctx context.Context, by Actor, list restriction.List, written []string, note string) (removed, absent []restriction.Entry, warnings []restriction.Warning, err error) {
	entries, err := parseEntries(list, written)
	if err != nil {
		return nil, nil, nil, err
	}
	now := f.Now()
	err = f.Store.Update(ctx, func(tx store.Tx) (err error) {
		if removed, err = tx.Restrictions.Remove(entries); err != nil {
			return err
		}
		return auditEntries(tx, by, "restriction.remove", list, removed, note, now)
	})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("remove restrictions: %w", err)
	}
	gone := map[string]bool{}
	for _, e := range removed {
		gone[e.String()] = true
	}
	for _, e := range entries {
		if !gone[e.String()] {
			absent = append(absent, e)
		}
	}
	index, err := f.inForce(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	return removed, absent, index.Warnings(f.Policy(ctx).Restrictions()), nil
}

// inForce has this process's index follow a change at once.
func (f *Restrictions) inForce(ctx context.Context) (*restriction.Index, error) {
	if err := f.Lists.Refresh(ctx); err != nil {
		return nil, fmt.Errorf("the change is stored, and in force within seconds: %w", err)
	}
	return f.Lists.Index(ctx)
}

// auditEntries writes what was added or removed: in as many records as it takes to name all of it.
func auditEntries(tx store.Tx, by Actor, action string, list restriction.List, entries []restriction.Entry, note string, now time.Time) error {
	for len(entries) > 0 {
		record := by.record(now, action, "restriction_list", list.String(), note)
		record.Detail = map[string]string{}
		entries = named(record.Detail, entries)
		if err := tx.Audit.Append(record); err != nil {
			return err
		}
	}
	return nil
}

// named puts entries into a record's detail, and returns those for which there was no room.
func named(detail map[string]string, entries []restriction.Entry) (rest []restriction.Entry) {
	const texts, most = 30, 1000 // a record takes 32 of 1024 bytes
	for i := range texts {
		text := ""
		for len(entries) > 0 {
			next := entries[0].String()
			if text != "" {
				next = " " + next
			}
			if len(text)+len(next) > most {
				break
			}
			text, entries = text+next, entries[1:]
		}
		if text == "" {
			break
		}
		name := "entries"
		if i > 0 {
			name = fmt.Sprintf("entries_%d", i+1)
		}
		detail[name] = text
	}
	return entries
}

// List is a page of a list, and the entry that the next page begins after.
func (f *Restrictions) List(ctx context.Context, list restriction.List, after string, limit int) (page []restriction.Kept, next string, err error) {
	err = f.Store.View(ctx, func(tx store.Tx) (err error) {
		page, err = tx.Restrictions.List(list, after, limit+1)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("list restrictions: %w", err)
	}
	page, next = cut(page, limit, func(k restriction.Kept) string { return k.String() })
	return page, next, nil
}

// Imported is how far an import has come.
type Imported struct {
	// Total is how many entries the file has, Seen how many of them are in the list now, and Added how many weren't before.
	Total, Seen, Added int
}

// Import puts a file's entries into a list: it reads all of it first, and keeps them in transactions of their own. progress hears of each, and may end it.
func (f *Restrictions) Import(ctx context.Context, by Actor, list restriction.List, file io.Reader, note string, progress func(Imported) error) ([]restriction.Warning, error) {
	select {
	case f.importing <- struct{}{}:
		defer func() { <-f.importing }()
	default:
		return nil, errImportRuns
	}
	entries, err := readFile(list, file)
	if err != nil {
		return nil, err
	}
	done := Imported{Total: len(entries)}
	for chunk := range slices.Chunk(entries, importAtOnce) {
		added, err := f.keepImported(ctx, by, list, chunk, note)
		if err != nil {
			return nil, fmt.Errorf("import restrictions: %d of %d are kept: %w", done.Seen, done.Total, err)
		}
		done.Seen += len(chunk)
		done.Added += added
		if done.Seen == done.Total {
			break // the last one is told with what to know of the lists
		}
		if err := progress(done); err != nil {
			return nil, err
		}
	}
	index, err := f.inForce(ctx)
	if err != nil {
		return nil, err
	}
	return index.Warnings(f.Policy(ctx).Restrictions()), progress(done)
}

// readFile reads a file's entries, each once and in the store's order, in which they are kept fastest.
func readFile(list restriction.List, file io.Reader) ([]restriction.Entry, error) {
	entries, err := restriction.Import(list, file)
	var faults *restriction.Faults
	switch {
	case errors.As(err, &faults):
		refused := errEntries
		for _, l := range faults.Lines {
			refused = refused.Field(fmt.Sprintf("line %d", l.Line), l.Err.Error())
		}
		if faults.More > 0 {
			refused = refused.Field("file", fmt.Sprintf("has %d more such lines", faults.More))
		}
		return nil, refused
	case err != nil:
		return nil, err
	}
	slices.SortFunc(entries, func(a, b restriction.Entry) int { return cmp.Compare(a.String(), b.String()) })
	return slices.CompactFunc(entries, func(a, b restriction.Entry) bool { return a.String() == b.String() }), nil
}

func (f *Restrictions) keepImported(ctx context.Context, by Actor, list restriction.List, entries []restriction.Entry, note string) (int, error) {
	now := f.Now()
	var added []restriction.Entry
	err := f.Store.Update(ctx, func(tx store.Tx) error {
		var err error
		if added, err = addEntries(tx, by, entries, note, now); err != nil || len(added) == 0 {
			return err
		}
		record := by.record(now, "restriction.import", "restriction_list", list.String(), note)
		record.Detail = audit.Details("added", len(added), "first", added[0], "last", added[len(added)-1])
		return tx.Audit.Append(record)
	})
	return len(added), err
}

// Explained is what is known of an address.
type Explained struct {
	restriction.Judgement
	// Invitation is the one that is pending for it; zero when there is none.
	Invitation invitation.Invitation
}

// Explain is every rule's word about an address; about the network too, where there is an IP address. An invitation that is pending counts as presented.
func (f *Restrictions) Explain(ctx context.Context, email string, ip netip.Addr) (Explained, error) {
	index, err := f.Lists.Index(ctx)
	if err != nil {
		return Explained{}, err
	}
	now, rules := f.Now(), f.Policy(ctx).Restrictions()
	asked := restriction.Subject{Email: email, IP: ip, AddressOnly: !ip.IsValid()}
	canonical, _ := account.Canonical(email)
	var told Explained
	err = f.Store.View(ctx, func(tx store.Tx) (err error) {
		if _, asked.MailboxTaken, err = holderOf(tx, email, rules); err != nil {
			return err
		}
		pending, err := pendingFor(tx, canonical, now)
		if len(pending) > 0 {
			told.Invitation = pending[0]
		}
		return err
	})
	if err != nil {
		return Explained{}, fmt.Errorf("explain address: %w", err)
	}
	pass{Invitation: told.Invitation, shown: told.Invitation.ID != ""}.tell(&asked, canonical, now)
	told.Judgement = restriction.Judge(asked, rules, index)
	return told, nil
}
