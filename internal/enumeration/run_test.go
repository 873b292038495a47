package enumeration_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/enumeration"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/leak"
)

// deployment answers every call alike, but for what a test says of the addresses that begin.
type deployment struct {
	grpc.ClientConnInterface
	refuse func(address string, client *typev1.ClientContext) error
	calls  int
}

func (d *deployment) Invoke(_ context.Context, _ string, request, response any, _ ...grpc.CallOption) error {
	d.calls++
	if begins, ok := request.(interface {
		GetEmail() string
		GetClient() *typev1.ClientContext
	}); ok {
		if err := d.refuse(begins.GetEmail(), begins.GetClient()); err != nil {
			return err
		}
	}
	begun := &authnv1.StartSignInResponse{Attempt: &authnv1.Attempt{Id: "att_1"}, AttemptSecret: "ats_1"}
	switch r := response.(type) {
	case *authnv1.StartSignInResponse:
		proto.Merge(r, begun)
	case *authnv1.StartSignUpResponse:
		r.Attempt, r.AttemptSecret = begun.GetAttempt(), begun.GetAttemptSecret()
	}
	return nil
}

// known says whether a crowd's address has an account.
func known(address string) bool {
	return !strings.Contains(address, "-none-") && !strings.Contains(address, "-nblk-") && !strings.Contains(address, "-ctrl-")
}

// challenge is a refusal that one hash solves.
func challenge() error {
	const salt = "salt?"
	sum := sha256.Sum256([]byte(salt + "1"))
	return fault.ToStatus(fault.New(fault.Exhausted, typev1.Reason_REASON_CHALLENGE_REQUIRED, "solve this first").WithChallenge(&typev1.Challenge{
		Algorithm: "SHA-256", Challenge: hex.EncodeToString(sum[:]), Salt: salt, Signature: "s", MaxNumber: 1,
	})).Err()
}

func run(t *testing.T, d *deployment) (enumeration.Report, error) {
	t.Helper()
	return enumeration.Run(t.Context(), enumeration.Config{
		Conn: d, Table: access.Table{}, Crowd: enumeration.Crowd{Domain: "selftest.invalid", Batch: "1"}, States: enumeration.States(), Probes: 20,
		Criteria: leak.Criteria{Error: 0.01, Tolerance: time.Minute, Resolution: time.Minute}, Random: rand.New(rand.NewPCG(1, 1)),
	})
}

func TestWhatIsAnsweredToTheKnownAloneIsALeak(t *testing.T) {
	asked := func(whom func(string) bool) func(string, *typev1.ClientContext) error {
		return func(address string, client *typev1.ClientContext) error {
			if whom(address) && client.GetChallengeSolution() == "" {
				return challenge()
			}
			return nil
		}
	}
	everybody := func(string) bool { return true }
	tests := map[string]struct {
		refuse func(string, *typev1.ClientContext) error
		leaks  string // an entry; none when empty
	}{
		"nothing":                       {func(string, *typev1.ClientContext) error { return nil }, ""},
		"a challenge to everybody":      {asked(everybody), ""},
		"a challenge to the known":      {asked(known), "StartSignUp: challenge"},
		"a refusal of the known":        {func(a string, _ *typev1.ClientContext) error { return refusedIf(known(a)) }, "StartSignUp"},
		"a refusal of the locked":       {func(a string, _ *typev1.ClientContext) error { return refusedIf(strings.Contains(a, "-lock-")) }, "StartSignIn"},
		"a refusal of a blocked domain": {func(a string, _ *typev1.ClientContext) error { return refusedIf(strings.Contains(a, "@blocked.")) }, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			report, err := run(t, &deployment{refuse: tt.refuse})
			if err != nil {
				t.Fatal(err)
			}
			found := map[string]bool{}
			for _, row := range report.Rows {
				if row.Verdict.Leaks() {
					found[row.Entry] = true
				}
			}
			if report.Leaks() != (tt.leaks != "") || tt.leaks != "" && !found[tt.leaks] {
				t.Errorf("leaks %v, want %q", found, tt.leaks)
			}
			if len(report.Doubts()) > 0 {
				t.Errorf("doubts %v", report.Doubts())
			}
		})
	}
}

func refusedIf(refused bool) error {
	if refused {
		return status.Error(codes.PermissionDenied, "no")
	}
	return nil
}

func TestABusyDeploymentIsAskedAgain(t *testing.T) {
	n := 0
	report, err := run(t, &deployment{refuse: func(string, *typev1.ClientContext) error {
		if n++; n%10 == 0 {
			return fault.ToStatus(fault.New(fault.Exhausted, typev1.Reason_REASON_OVERLOADED, "later").RetryIn(time.Microsecond)).Err()
		}
		return nil
	}})
	if err != nil || report.Leaks() {
		t.Errorf("%v, leaks = %t", err, report.Leaks())
	}
}

func TestWhereNothingIsAnsweredNothingIsMeasured(t *testing.T) {
	tests := map[string]error{
		"a key that isn't good":   status.Error(codes.Unauthenticated, "no"),
		"a key without the scope": fault.ToStatus(fault.New(fault.Denied, typev1.Reason_REASON_SCOPE_MISSING, "no")).Err(),
		"always busy":             fault.ToStatus(fault.New(fault.Exhausted, typev1.Reason_REASON_OVERLOADED, "later").RetryIn(time.Microsecond)).Err(),
	}
	for name, refusal := range tests {
		t.Run(name, func(t *testing.T) {
			d := &deployment{refuse: func(string, *typev1.ClientContext) error { return refusal }}
			if _, err := run(t, d); !errors.Is(err, refusal) || d.calls > 10 {
				t.Errorf("Run = %v after %d calls", err, d.calls)
			}
		})
	}
}

// A refusal of everybody leaves calls that nothing gets to: that they were found alike would be a lie.
func TestWhatNothingReachesIsSaid(t *testing.T) {
	report, err := run(t, &deployment{refuse: func(string, *typev1.ClientContext) error { return refusedIf(true) }})
	if err != nil || report.Leaks() || len(report.Unreached) != 5 || len(report.Doubts()) == 0 {
		t.Errorf("%v, unreached %v, doubts %v", err, report.Unreached, report.Doubts())
	}
}
