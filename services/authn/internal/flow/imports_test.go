package flow_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/userimport"
)

// bcryptOfUU is bcrypt's form of "U*U", at the least cost.
const bcryptOfUU = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

func (w *world) imports(how flow.Import, rows ...userimport.Row) []flow.ImportedRow {
	w.t.Helper()
	done, err := flow.NewImports(w.deps).Rows(w.t.Context(), operator, rows, how)
	w.must(err)
	return done
}

// told says in a word what became of rows.
func told(done []flow.ImportedRow) []string {
	var all []string
	for _, row := range done {
		word := "same"
		switch {
		case len(row.Problems) > 0:
			word = "refused"
			for _, p := range row.Problems {
				word += " " + string(p.Reason)
			}
		case row.Created:
			word = "created"
		}
		all = append(all, word)
	}
	return all
}

func adasRow() userimport.Row {
	return userimport.Row{
		Email: "Ada@Example.org", EmailVerified: true, ExternalID: "4711", Name: "Ada Lovelace",
		Password: credential.WrapPHC(bcryptOfUU), CreatedAt: time.Date(2019, 3, 1, 9, 30, 0, 0, time.UTC),
	}
}

func TestARowMakesAnAccountWithItsEvent(t *testing.T) {
	w := newWorldOf(t, 2) // each form is measured on every worker
	var done []flow.ImportedRow
	rows := w.rowsDuring(func() {
		done = w.imports(flow.Import{LearningWindow: time.Hour, Note: "moving in"}, adasRow(), userimport.Row{Email: "grace@example.org"})
	})
	now := w.clock.Now()
	want := account.User{
		ID: done[0].UserID, Version: 1, CreatedAt: adasRow().CreatedAt, ExternalID: "4711", Name: "Ada Lovelace",
		Emails:   []account.Email{{Address: "Ada@Example.org", Canonical: ada, VerifiedAt: now}},
		Password: &account.Password{PHC: bcryptOfUU, SetAt: now},
		Import:   &account.Import{At: now, LearnUntil: now.Add(time.Hour)},
	}
	if diff := cmp.Diff(want, w.user(done[0].UserID), cmpopts.IgnoreFields(account.Email{}, "ID"), cmpopts.IgnoreFields(account.Import{}, "Row")); diff != "" {
		t.Errorf("the account (-want +got):\n%s", diff)
	}
	grace := w.user(done[1].UserID)
	if grace.Password != nil || !grace.Emails[0].VerifiedAt.IsZero() || !grace.Emails[0].Claimed || !grace.CreatedAt.Equal(now) {
		t.Errorf("an account of an address alone: %+v", grace)
	}
	expectTypes(t, rows, "authn.user.imported.v1", "authn.user.imported.v1")
	row, event := decoded(t, rows[:1], "authn.user.imported.v1", new(eventv1.UserImported))
	if row.Key != want.ID || row.UserVersion != 1 || event.GetExternalId() != "4711" || !event.GetLearnUntil().AsTime().Equal(now.Add(time.Hour)) {
		t.Errorf("the event of %s, version %d: %v", row.Key, row.UserVersion, event.GetExternalId())
	}
	record := w.lastAudit()
	if d := record.Detail; record.Action != "user.import" || d["created"] != "2" || d["refused"] != "0" || d["learning_window"] != "1h0m0s" || record.Reason != "moving in" {
		t.Errorf("the audit record: %+v", record)
	}
}

func TestARowBesideTheAccountsThatAreThere(t *testing.T) {
	w := newWorldOf(t, 2)
	w.laptop().enrol("own@example.org", right)
	w.imports(flow.Import{}, adasRow(), userimport.Row{Email: "grace@example.org"}, userimport.Row{Email: "linus@example.org", ExternalID: "9"})
	with := func(change func(*userimport.Row)) userimport.Row {
		row := adasRow()
		change(&row)
		return row
	}
	for name, c := range map[string]struct {
		row  userimport.Row
		want string
	}{
		"the same":                         {adasRow(), "same"},
		"the same, in other letters":       {with(func(r *userimport.Row) { r.Email = "ADA@example.org" }), "same"},
		"another hash":                     {with(func(r *userimport.Row) { r.Password = credential.WrapPHC(strings.Replace(bcryptOfUU, "05", "06", 1)) }), "refused differs"},
		"no hash":                          {with(func(r *userimport.Row) { r.Password = credential.PHC{} }), "refused differs"},
		"another name":                     {with(func(r *userimport.Row) { r.Name = "Ada King" }), "refused differs"},
		"not verified":                     {with(func(r *userimport.Row) { r.EmailVerified = false }), "refused differs"},
		"another address":                  {with(func(r *userimport.Row) { r.Email = "countess@example.org" }), "refused differs"},
		"another external id":              {with(func(r *userimport.Row) { r.ExternalID = "4712" }), "refused email_taken"},
		"no external id":                   {with(func(r *userimport.Row) { r.ExternalID = "" }), "refused email_taken"},
		"one account's id, another's name": {userimport.Row{Email: "grace@example.org", ExternalID: "9"}, "refused email_taken external_id_taken"},
		"an account that signed up":        {userimport.Row{Email: "own@example.org"}, "refused email_taken"},
		"one without an external id":       {userimport.Row{Email: "grace@example.org", Name: "Grace"}, "refused differs"},
		"no address":                       {with(func(r *userimport.Row) { r.Email, r.ExternalID = "", "8" }), "refused field_invalid"},
		"a new one":                        {userimport.Row{Email: "new@example.org", ExternalID: "10"}, "created"},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.accounts()
			if got := told(w.imports(flow.Import{DryRun: true}, c.row))[0]; got != c.want {
				t.Errorf("a dry run says %s, want %s", got, c.want)
			}
			if diff := cmp.Diff(before, w.accounts()); diff != "" {
				t.Errorf("a dry run changed something:\n%s", diff)
			}
			if got := told(w.imports(flow.Import{}, c.row))[0]; got != c.want {
				t.Errorf("it says %s, want %s", got, c.want)
			}
			if after := w.accounts(); c.want != "created" && !cmp.Equal(before, after) {
				t.Errorf("it changed something:\n%s", cmp.Diff(before, after))
			}
		})
	}
}

// accounts are all that there are, with what isn't said by a row left out.
func (w *world) accounts() map[string]account.User {
	w.t.Helper()
	all := map[string]account.User{}
	w.view(func(tx store.Tx) error {
		users, err := tx.Users.List("", 10000)
		for _, u := range users {
			u.ID, u.Emails[0].ID = "", ""
			all[u.Emails[0].Canonical] = u
		}
		return err
	})
	return all
}

func TestABadRowChangesNothingAndTheOthersStand(t *testing.T) {
	w := newWorldOf(t, 2)
	done := w.imports(flow.Import{}, userimport.Row{Email: "no address"}, adasRow(), adasRow(), userimport.Row{Email: ada, Name: "Eve"})
	want := []string{"refused field_invalid", "created", "same", "refused email_taken"}
	if diff := cmp.Diff(want, told(done)); diff != "" || len(w.accounts()) != 1 {
		t.Errorf("%d accounts; rows (-want +got):\n%s", len(w.accounts()), diff)
	}
	if d := w.lastAudit().Detail; d["created"] != "1" || d["same"] != "1" || d["refused"] != "2" {
		t.Errorf("the audit record's counts: %v", d)
	}
	records := len(w.audits())
	w.imports(flow.Import{}, adasRow())
	w.imports(flow.Import{DryRun: true}, userimport.Row{Email: "new@example.org"})
	if got := len(w.audits()); got != records {
		t.Errorf("%d records of imports that made nothing", got-records)
	}
}

func TestALearningWindowLongerThanThePolicysIsRefused(t *testing.T) {
	w := newWorldOf(t, 2)
	w.rules.LearningWindowMax = time.Hour
	_, err := flow.NewImports(w.deps).Rows(t.Context(), operator, []userimport.Row{adasRow()}, flow.Import{LearningWindow: time.Hour + 1})
	expectFault(t, err, fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
	if len(w.accounts()) != 0 {
		t.Error("an account was made")
	}
}

// TestAnyOrderOfPiecesGivesTheSameAccounts: rows that are imported twice, in pieces, or in pieces that overlap leave what one import leaves.
func TestAnyOrderOfPiecesGivesTheSameAccounts(t *testing.T) {
	w := newWorldOf(t, 2)
	file := func(n int) []userimport.Row {
		rows := make([]userimport.Row, 12)
		for i := range rows {
			rows[i] = userimport.Row{Email: fmt.Sprintf("u%d@d%d.example", i, n), ExternalID: fmt.Sprintf("%d-%d", n, i), EmailVerified: i%2 == 0}
		}
		rows[7].Email = "not an address"
		return rows
	}
	// accountsOf are a file's, as if it were the first.
	accountsOf := func(n int) map[string]account.User {
		of := map[string]account.User{}
		for address, u := range w.accounts() {
			if local, found := strings.CutSuffix(address, fmt.Sprintf("@d%d.example", n)); found {
				u.Emails[0].Address, u.Emails[0].Canonical, u.Import.Row = "", "", secret.Digest{}
				u.ExternalID = strings.TrimPrefix(u.ExternalID, fmt.Sprintf("%d-", n))
				of[local] = u
			}
		}
		return of
	}
	w.imports(flow.Import{}, file(0)...)
	want, n := accountsOf(0), 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		for from := 0; from < 12; {
			to := rapid.IntRange(from+1, 12).Draw(rt, "to")
			w.imports(flow.Import{}, file(n)[rapid.IntRange(0, from).Draw(rt, "again from"):to]...)
			from = to
		}
		if diff := cmp.Diff(want, accountsOf(n)); diff != "" {
			rt.Fatalf("accounts (-whole +pieces):\n%s", diff)
		}
	})
}

func TestTwoImportsOfTheSameRowsAtOnceMakeEachAccountOnce(t *testing.T) {
	w := newWorldOf(t, 2)
	rows := make([]userimport.Row, 100)
	for i := range rows {
		rows[i] = userimport.Row{Email: fmt.Sprintf("u%d@example.org", i), ExternalID: fmt.Sprint(i)}
	}
	var both [2][]flow.ImportedRow
	var running sync.WaitGroup
	for i := range both {
		running.Go(func() {
			for from := 0; from < len(rows); from += 10 {
				both[i] = append(both[i], w.imports(flow.Import{}, rows[from:from+10]...)...)
			}
		})
	}
	running.Wait()
	for i, first := range both[0] {
		if second := both[1][i]; first.UserID != second.UserID || first.Created == second.Created || len(first.Problems)+len(second.Problems) > 0 {
			t.Errorf("row %d: %+v and %+v", i, first, second)
		}
	}
	if got := len(w.accounts()); got != len(rows) {
		t.Errorf("%d accounts, want %d", got, len(rows))
	}
}

// TestASlowFormRaisesTheDeadlineForEverybody: a wrong password answers at D, whoever the account is, so D has to lie above the slowest form in the store;
// before the first of its users can be signed in to, and after a start too.
func TestASlowFormRaisesTheDeadlineForEverybody(t *testing.T) {
	w := newWorldOf(t, 2)
	before := w.deps.Pool.Deadline()
	slow := adasRow()
	slow.Password = credential.WrapPHC(strings.Replace(bcryptOfUU, "05", "08", 1))
	seen := w.deps.Pool.Deadline()
	w.through(watched{w.store, func(tx store.Tx) {
		if _, found, err := tx.Users.ByEmail(ada); err == nil && !found {
			seen = w.deps.Pool.Deadline() // the last time that the account isn't there
		}
	}})
	w.imports(flow.Import{DryRun: true}, slow)
	if w.deps.Pool.Deadline() != before {
		t.Error("a dry run raised it")
	}
	w.imports(flow.Import{}, slow)
	raised := w.deps.Pool.Deadline()
	if raised <= before || seen != raised {
		t.Errorf("D was %v, and %v when the account was stored; now it is %v", before, seen, raised)
	}
	forms, err := flow.Specimens(t.Context(), w.store)
	w.must(err)
	if diff := cmp.Diff([]string{"$2b$08$....................................................."}, forms); diff != "" {
		t.Errorf("what a start is told (-want +got):\n%s", diff)
	}
	faster := userimport.Row{Email: "grace@example.org", Password: credential.WrapPHC(bcryptOfUU)}
	w.imports(flow.Import{}, faster)
	if forms, err := flow.Specimens(t.Context(), w.store); err != nil || len(forms) != 1 || w.deps.Pool.Deadline() != raised {
		t.Errorf("after a faster one: D is %v, specimens %v, %v", w.deps.Pool.Deadline(), forms, err)
	}
}

// watched shows a test what every writing transaction sees at its start.
type watched struct {
	store.Store
	at func(store.Tx)
}

func (s watched) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		s.at(tx)
		return fn(tx)
	})
}

// TestEveryFormIsRightOnceAndThenStoredAsOurOwn signs in to an account of each form, through the pool.
func TestEveryFormIsRightOnceAndThenStoredAsOurOwn(t *testing.T) {
	w := newWorldOf(t, 2)
	w.rules.BreachAtSignIn = false // the published vectors are of passwords that everybody knows
	n := 0
	for name, c := range map[string]struct{ stored, password string }{
		"argon2i":       {"$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8", "password"},
		"bcrypt":        {bcryptOfUU, "U*U"},
		"scrypt":        {"$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA", "password"},
		"pbkdf2-sha1":   {"$pbkdf2$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE", "password"},
		"pbkdf2-sha256": {"pbkdf2_sha256$10000$seasalt$FQCNpiZpTb0zub+HBsH6TOwyRxJ19FwvjbweatNmK/Y=", "letmein"},
		"pbkdf2-sha512": {"pbkdf2_sha512$1000$seasalt$xnY3pOMYkzQ6mQa06bqBAgMiZvCMFVqzMtqgHHz5YCcjVpyNM6wnN/+pSWGRJuhvoBje0h7wU07fXdKBCbYfsw==", "letmein"},
		"sha256-crypt":  {"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
		"sha512-crypt":  {"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1", "Hello world!"},
		"firescrypt": {
			"$firescrypt$ln=14,r=8$42xEC+ixf3L2lw$Bw$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA" +
				"$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ", "user1password",
		},
	} {
		t.Run(name, func(t *testing.T) {
			n++
			address := fmt.Sprintf("user%d@example.org", n)
			done := w.imports(flow.Import{}, userimport.Row{Email: address, EmailVerified: true, Password: credential.WrapPHC(c.stored)})
			browser := w.laptop()
			browser.enter(address, c.password)
			if got := w.user(done[0].UserID).Password.PHC; !strings.HasPrefix(got, "$argon2id$") {
				t.Error("the right password wasn't stored anew")
			}
			browser.enter(address, c.password)
			if told := told(w.imports(flow.Import{}, userimport.Row{Email: address, EmailVerified: true, Password: credential.WrapPHC(c.stored)})); told[0] != "same" {
				t.Errorf("the row again: %s", told[0])
			}
		})
	}
}

func TestAnUnverifiedAddressIsProvedByTheFirstSignIn(t *testing.T) {
	w := newWorldOf(t, 2)
	row := adasRow()
	row.EmailVerified = false
	userID := w.imports(flow.Import{LearningWindow: time.Hour}, row)[0].UserID
	tr := w.laptop().signIn(ada)
	expectStep(t, tr.answer(password("U*U")), attempt.DeviceVerification, "")
	expectStep(t, tr.answer(code(tr.code())), attempt.Done, "")
	if e := w.user(userID).Emails[0]; !e.VerifiedAt.Equal(w.clock.Now()) || e.Claimed {
		t.Errorf("the address: %+v", e)
	}
}

func TestAnAccountWithoutAPasswordAnswersAsNobodys(t *testing.T) {
	w := newWorldOf(t, 2)
	w.imports(flow.Import{}, userimport.Row{Email: ada, EmailVerified: true})
	has := w.laptop().signIn(ada).answer(password(right))
	none := w.laptop().signIn(nobody).answer(password(right))
	if diff := cmp.Diff(sight(none), sight(has)); diff != "" {
		t.Errorf("what is seen (-nobody +no password):\n%s", diff)
	}
}
