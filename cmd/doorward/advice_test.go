package main

import (
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doorward/doorward/internal/fault"
)

// TestFailedCallsSayWhatToDo is about what an operator reads who was woken up.
func TestFailedCallsSayWhatToDo(t *testing.T) {
	tests := map[string]struct {
		code   codes.Code
		reason string
		want   string
	}{
		"nobody has that address": {codes.NotFound, "NOT_FOUND", "no user is ada@example.com"},
		"an application's key":    {codes.PermissionDenied, "CALLER_NOT_ALLOWED", "isn't an operator's: run . <dir>/operator.env"},
		"a key of an older suite": {codes.Unauthenticated, "API_KEY_INVALID", "run . <dir>/operator.env, of the deployment's directory (.doorward in development) again"},
		"nobody answers":          {codes.Unavailable, "", "is authn running at 127.0.0.1:7401?"},
		"anything else":           {codes.Internal, "INTERNAL", "said"},
	}
	s := streams{env: []string{"DOORWARD_ADDRESS=127.0.0.1:7401"}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			answer := status.New(test.code, "said")
			if test.reason != "" {
				var err error
				if answer, err = answer.WithDetails(&errdetails.ErrorInfo{Domain: fault.Domain, Reason: test.reason}); err != nil {
					t.Fatal(err)
				}
			}
			if got := s.advise(fault.FromStatus(answer.Err()), "authn", "no user is ada@example.com"); !strings.Contains(got.Error(), test.want) {
				t.Errorf("%q, want it to say %q", got, test.want)
			}
		})
	}
}
