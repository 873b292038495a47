package authn_test

import (
	"testing"

	"golang.org/x/crypto/bcrypt"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

// TestTheDeadlineLiesAboveImportedHashesAfterAStartToo: every failure answers at D, for an unknown address as for an imported one, so D alone decides whether
// time tells them apart.
func TestTheDeadlineLiesAboveImportedHashesAfterAStartToo(t *testing.T) {
	w := newWorld(t)
	deadline := func() float64 { return w.metric("doorward_authn_password_deadline_seconds") }
	bare := deadline()
	slow, err := bcrypt.GenerateFromPassword([]byte(ownersPassword), 12) // a quarter of a second, beside some hundredths for ours
	w.must(err)
	request := &authnv1.ImportUsersRequest{
		Users: []*authnv1.ImportedUser{{Email: "ada@example.org", EmailVerified: true, PasswordHash: string(slow)}},
	}
	var answer *authnv1.ImportUsersResponse
	w.eventually("the form is measured", func() bool { // on a busy machine that outlasts a call, and the next one finds it done
		answer, err = authnv1.NewUserServiceClient(w.withCertificate("operator").conn).ImportUsers(t.Context(), request)
		return err == nil
	})
	if got := answer.GetRows()[0].GetOutcome(); got != authnv1.ImportOutcome_IMPORT_OUTCOME_CREATED {
		t.Fatalf("the row is %v", got)
	}
	imported := deadline()
	if imported <= bare {
		t.Errorf("D was %v s, and is %v s with a slow hash in the store", bare, imported)
	}
	w.stop()
	w.start()
	if again := deadline(); again <= bare {
		t.Errorf("D was %v s; after a start with a slow hash in the store it is %v s", bare, again)
	}
}
