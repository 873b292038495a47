package rpc

import (
	"testing"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doorward/doorward/internal/access"
)

// Whoever holds a stream open without saying who they are may not take the places of those who did.
func TestHealthStreamsMakeRoomForOthers(t *testing.T) {
	for method, rule := range withOwnRows(nil, true) {
		oneAnswer := method == healthpb.Health_Check_FullMethodName || method == healthpb.Health_List_FullMethodName
		if want := access.Deferrable; !oneAnswer && rule.Priority != want {
			t.Errorf("%s: priority %v, want %v", method, rule.Priority, want)
		}
	}
}
