package flow_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

func TestUsersAreListedOldestFirstPageByPage(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 5 {
		want = append(want, w.laptop().enrol(fmt.Sprintf("user%d@example.org", i), right).Session.UserID)
		w.clock.advance(time.Second)
	}
	for limit, pages := range map[int]int{2: 3, 5: 1, 100: 1} {
		var got []string
		count := 0
		for after := ""; count == 0 || after != ""; count++ {
			page, next, err := w.users.List(t.Context(), after, limit)
			w.must(err)
			for _, u := range page {
				got = append(got, u.ID)
			}
			after = next
		}
		if diff := cmp.Diff(want, got); diff != "" || count != pages {
			t.Errorf("%d at a time: %d pages (-want +got):\n%s", limit, count, diff)
		}
	}
}

func TestAUserIsFoundByIDAndByAddress(t *testing.T) {
	w := newWorld(t)
	userID := w.laptop().enrol(ada, right).Session.UserID
	for name, whose := range map[string]flow.Whose{"id": {UserID: userID}, "address": {Email: "ADA@example.org"}} {
		got, err := w.users.Get(t.Context(), whose)
		w.must(err)
		if diff := cmp.Diff(w.user(userID), got); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", name, diff)
		}
	}
	for _, whose := range []flow.Whose{{UserID: "usr_unknown"}, {Email: nobody}} {
		_, err := w.users.Get(t.Context(), whose)
		expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
	}
	_, err := w.users.Get(t.Context(), flow.Whose{Email: "no address"})
	expectFault(t, err, fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
}
