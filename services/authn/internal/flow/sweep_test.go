package flow_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/userimport"
)

func TestASweepTellsWhoseAddressesMayNotSignUpAndChangesNothing(t *testing.T) {
	w := newWorld(t)
	spared := w.laptop().enrol("spared@spam.example", right).Session.UserID
	w.changeUser(spared, func(u *account.User) {
		u.Emails = append(u.Emails, account.Email{ID: "eml_second", Address: "spared@example.org", Canonical: "spared@example.org", VerifiedAt: w.clock.Now()})
	})
	banned := w.laptop().enrol("banned@spam.example", right).Session.UserID
	_, _, err := w.users.Ban(t.Context(), operator, flow.Whose{UserID: banned}, "")
	w.must(err)
	eve := w.stranger().enrol("Eve@spam.example", right).Session.UserID
	w.laptop().enrol(ada, right)
	w.put(restriction.Block, "spam.example", strangerIP)
	w.rules.RestrictionAccessMode = restriction.InvitationOnly // which existing accounts don't need

	before := w.picture(eve)
	swept, err := w.restrictions.Judge(t.Context(), "", 10)
	w.must(err)
	want := flow.Swept{Judged: 4, Refused: []flow.Unwelcome{{UserID: eve, Email: "Eve@spam.example", Rule: restriction.AddressBlocked}}}
	if diff := cmp.Diff(want, swept); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	expectUnchanged(t, before, w.picture(eve))
}

// TestASweepJudgesImportedAddressesThatNobodyHasProved: such an account is waiting to be signed in to.
func TestASweepJudgesImportedAddressesThatNobodyHasProved(t *testing.T) {
	w := newWorldOf(t, 2)
	imported := w.imports(flow.Import{}, userimport.Row{Email: "eve@spam.example"})
	w.put(restriction.Block, "spam.example")
	swept, err := w.restrictions.Judge(t.Context(), "", 10)
	w.must(err)
	want := []flow.Unwelcome{{UserID: imported[0].UserID, Email: "eve@spam.example", Rule: restriction.AddressBlocked}}
	if diff := cmp.Diff(want, swept.Refused); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASweepGoesOnWhereItsPageEnded(t *testing.T) {
	w := newWorld(t)
	for _, address := range []string{"a@spam.example", "b@spam.example", "c@spam.example"} {
		w.laptop().enrol(address, right)
	}
	w.put(restriction.Block, "spam.example")
	var judged, refused int
	after := ""
	for range 2 {
		swept, err := w.restrictions.Judge(t.Context(), after, 2)
		w.must(err)
		judged, refused, after = judged+swept.Judged, refused+len(swept.Refused), swept.Next
	}
	if judged != 3 || refused != 3 || after != "" {
		t.Errorf("%d judged, %d refused, then %q", judged, refused, after)
	}
}
