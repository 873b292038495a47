package flow_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/account"
)

func TestPrepareTellsTheSameRecipientsAndTokensEachTime(t *testing.T) {
	in := intruded(t)
	// An address that the intruder added, one that they removed, one removed long before.
	at := in.stolen.Session.StartedAt
	in.changeUser(in.userID, func(u *account.User) {
		u.Emails = append(u.Emails,
			account.Email{ID: "eml_2", Address: "old@example.org", Canonical: "old@example.org", VerifiedAt: at.Add(-30 * 24 * time.Hour), RemovedAt: at.Add(-8 * 24 * time.Hour)},
			account.Email{ID: "eml_3", Address: "work@example.org", Canonical: "work@example.org", VerifiedAt: at.Add(-8 * 24 * time.Hour), RemovedAt: at.Add(time.Second)},
			account.Email{ID: "eml_4", Address: "young@example.org", Canonical: "young@example.org", VerifiedAt: at.Add(-24 * time.Hour)},
			account.Email{ID: "eml_5", Address: "added@example.org", Canonical: "added@example.org", VerifiedAt: at.Add(time.Second)},
		)
	})
	first, err := in.alerts.Prepare(t.Context(), in.stolen.Session.SignInEventID)
	in.must(err)
	may := map[string]bool{}
	for _, r := range first {
		may[r.Address] = !r.ContainToken.IsZero()
		if r.Language != "de-CH" {
			t.Errorf("%s is written to in %q", r.Address, r.Language)
		}
	}
	want := map[string]bool{ada: true, "work@example.org": true, "young@example.org": false}
	if diff := cmp.Diff(want, may); diff != "" {
		t.Errorf("who is told, and who may contain (-want +got):\n%s", diff)
	}
	in.clock.advance(time.Hour)
	again, err := in.alerts.Prepare(t.Context(), in.stolen.Session.SignInEventID)
	in.must(err)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the second answer differs (-first +second):\n%s", diff)
	}
	_, err = in.alerts.Prepare(t.Context(), "evt_unknown")
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
}
