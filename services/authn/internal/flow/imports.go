package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/timespan"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/userimport"
)

// Imports makes accounts of another system's users.
type Imports struct {
	Deps
	// measuring is held by whoever measures a form: a caller who sends the same rows again waits, rather than slowing the first down.
	measuring chan struct{}
}

// NewImports puts the use case together.
func NewImports(d Deps) *Imports { return &Imports{Deps: d, measuring: make(chan struct{}, 1)} }

// Import is what to do with rows.
type Import struct {
	// LearningWindow is for how long the first sign-in may make its device known without a second check; 0 is not at all.
	LearningWindow time.Duration
	// DryRun stores nothing.
	DryRun bool
	// Note is why, for the audit record.
	Note string
}

// ImportedRow is what became of a row.
type ImportedRow struct {
	// UserID is the account; empty when there is none.
	UserID string
	// Created says that the row made it; otherwise it was there already, or there are problems.
	Created  bool
	Problems []userimport.Problem
}

// errUndo undoes a dry run's transaction.
var errUndo = errors.New("flow: a dry run keeps nothing")

// Rows makes accounts of rows, in one transaction: all that can be made, or none. It says of each row what became of it.
func (f *Imports) Rows(ctx context.Context, by Actor, rows []userimport.Row, how Import) ([]ImportedRow, error) {
	now := f.Now()
	if longest := f.Policy(ctx).LearningWindowMax; how.LearningWindow > longest {
		return nil, errLearningWindow.Field("learning_window", "must be at most "+timespan.Text(longest)+", the policy's learning_window_max")
	}
	batch := f.newBatch(rows, how, now)
	if !how.DryRun {
		// Before the first of them can be signed in to: else the time of a failure would tell who was imported.
		if err := f.expect(ctx, batch.forms()); err != nil {
			return nil, fmt.Errorf("import users: %w", err)
		}
	}
	var done []ImportedRow
	err := f.Store.Update(ctx, func(tx store.Tx) (err error) {
		if done, err = batch.keep(tx); err != nil {
			return err
		}
		if how.DryRun {
			return errUndo
		}
		return batch.record(tx, by, done)
	})
	if err != nil && !errors.Is(err, errUndo) {
		return nil, fmt.Errorf("import users: %w", err)
	}
	if how.DryRun {
		for i := range done {
			if done[i].Created {
				done[i].UserID = ""
			}
		}
	}
	return done, nil
}

// importBatch is rows that were read, with the ids that they will have, made before the transaction, which may run twice.
type importBatch struct {
	how  Import
	now  time.Time
	rows []importRow
}

type importRow struct {
	userimport.User
	problems        []userimport.Problem
	digest          [32]byte
	userID, emailID string
}

func (f *Imports) newBatch(rows []userimport.Row, how Import, now time.Time) importBatch {
	b := importBatch{how: how, now: now, rows: make([]importRow, len(rows))}
	for i, row := range rows {
		r := importRow{userID: id.New("usr", now), emailID: id.New("eml", now)}
		r.User, r.problems = userimport.Parse(row, now)
		r.digest = f.Secrets.rowKey(r.Parts())
		b.rows[i] = r
	}
	return b
}

// rowKey is by what an imported row is known again. It is keyed, for it outlives the hash that the row had: a store that is stolen shall not say which
// password somebody had elsewhere.
func (s Secrets) rowKey(parts [][]byte) [32]byte {
	return s.Identifiers.MAC("authn/imported-row/v1", parts...)
}

// keep makes what accounts can be made.
func (b importBatch) keep(tx store.Tx) ([]ImportedRow, error) {
	done := make([]ImportedRow, len(b.rows))
	for i, row := range b.rows {
		if len(row.problems) > 0 {
			done[i].Problems = row.problems
			continue
		}
		there, problems, err := row.beside(tx)
		if err != nil {
			return nil, err
		}
		done[i] = ImportedRow{UserID: there, Problems: problems}
		if there != "" || len(problems) > 0 {
			continue
		}
		done[i] = ImportedRow{UserID: row.userID, Created: true}
		if err := b.create(tx, row); err != nil {
			return nil, err
		}
	}
	return done, nil
}

// beside looks for the row's account, and for others that have what the row claims.
func (r importRow) beside(tx store.Tx) (sameID string, problems []userimport.Problem, err error) {
	same, found, err := tx.Users.ByImport(r.digest)
	if err != nil || found {
		return same.ID, nil, err
	}
	byEmail, emailTaken, err := tx.Users.ByEmail(r.Canonical)
	if err != nil {
		return "", nil, err
	}
	byExternalID, externalIDTaken, err := tx.Users.ByExternalID(r.ExternalID)
	if err != nil {
		return "", nil, err
	}
	refuse := func(reason userimport.Reason, field, text string) {
		problems = append(problems, userimport.Problem{Reason: reason, Field: field, Text: text})
	}
	const differs = "is that of an account that was imported from another row; it stays as it is"
	switch {
	case externalIDTaken && (!emailTaken || byEmail.ID == byExternalID.ID):
		refuse(userimport.Differs, "external_id", differs)
	case emailTaken && byEmail.Import != nil && byEmail.ExternalID == r.ExternalID:
		refuse(userimport.Differs, "email", differs)
	default:
		if emailTaken {
			refuse(userimport.EmailTaken, "email", "belongs to another account")
		}
		if externalIDTaken {
			refuse(userimport.ExternalIDTaken, "external_id", "belongs to another account")
		}
	}
	return "", problems, nil
}

// create makes the row's account, and tells of it.
func (b importBatch) create(tx store.Tx, r importRow) error {
	user := account.User{
		ID:         r.userID,
		Emails:     []account.Email{{ID: r.emailID, Address: r.Email, Canonical: r.Canonical, Claimed: true}},
		CreatedAt:  b.now,
		ExternalID: r.ExternalID,
		Name:       r.Name,
		Import:     &account.Import{At: b.now, Row: r.digest},
	}
	if r.EmailVerified {
		user.Proven(b.now)
	}
	if !r.CreatedAt.IsZero() {
		user.CreatedAt = r.CreatedAt
	}
	if r.Form != nil {
		user.Password = &account.Password{PHC: r.Password.Reveal(), SetAt: b.now}
	}
	told := &eventv1.UserImported{UserId: user.ID, ExternalId: user.ExternalID, ImportedAt: timestamppb.New(b.now)}
	if b.how.LearningWindow > 0 {
		user.Import.LearnUntil = b.now.Add(b.how.LearningWindow)
		told.LearnUntil = timestamppb.New(user.Import.LearnUntil)
	}
	if _, err := appendEvent(tx, &user, subjectUserImported, typeUserImported, b.now, told); err != nil {
		return err
	}
	return tx.Users.Put(user)
}

// record is one for all that the batch made: each account has its event, and says itself when it was imported.
func (b importBatch) record(tx store.Tx, by Actor, done []ImportedRow) error {
	var created, same int
	var first, last string
	for _, row := range done {
		switch {
		case row.Created:
			if created++; first == "" {
				first = row.UserID
			}
			last = row.UserID
		case row.UserID != "":
			same++
		}
	}
	if created == 0 {
		return nil
	}
	r := by.record(b.now, "user.import", "users", first, b.how.Note)
	r.Detail = audit.Details("created", created, "same", same, "refused", len(done)-created-same, "first", first, "last", last,
		"learning_window", b.how.LearningWindow)
	return tx.Audit.Append(r)
}
