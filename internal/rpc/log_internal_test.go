package rpc

import (
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/doorward/doorward/internal/access"
)

// Whoever can be made to fail by strangers shares a line: an application too, which speaks for them.
func TestWhoseFailuresShareALine(t *testing.T) {
	for kind, want := range map[access.Callers]struct{ mistake, tooMuch bool }{
		0:                  {true, true},
		access.Public:      {true, true},
		access.Application: {true, true},
		access.Operator:    {false, true},
		access.Service:     {false, true},
	} {
		caller := access.Principal{Kind: kind}
		for _, code := range []codes.Code{codes.NotFound, codes.InvalidArgument, codes.PermissionDenied, codes.FailedPrecondition, codes.AlreadyExists} {
			if got := isCheap(code, caller); got != want.mistake {
				t.Errorf("%v of %v shares a line: %t", code, kind, got)
			}
		}
		if got := isCheap(codes.ResourceExhausted, caller); got != want.tooMuch {
			t.Errorf("too much of %v shares a line: %t", kind, got)
		}
	}
}
