package notify_test

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
)

func TestEveryMethodHasARowAndEveryRowAMethod(t *testing.T) {
	s := newSuite(t)
	s.cfg.Reflection = true
	s.start()
	table, info := s.service.Access()
	for _, method := range access.Missing(table, info) {
		t.Errorf("%s has no row", method)
	}
	for _, method := range access.Stale(table, info) {
		t.Errorf("the row of %s has no method", method)
	}
}

// TestOnlyTheNamedServicesCall has every service of the suite call every method; who may is spelt out here by hand.
func TestOnlyTheNamedServicesCall(t *testing.T) {
	s := newSuite(t)
	s.start()
	may := map[string]string{
		notifyv1.ContainmentService_DescribeContainment_FullMethodName: "portal",
		notifyv1.ContainmentService_ConfirmContainment_FullMethodName:  "portal",
		notifyv1.DeliveryService_ListDeliveries_FullMethodName:         "operator",
		operatorv1.DeadLetterService_ListDeadLetters_FullMethodName:    "operator",
		operatorv1.DeadLetterService_ReplayDeadLetter_FullMethodName:   "operator",
		operatorv1.DeadLetterService_DropDeadLetter_FullMethodName:     "operator",
		operatorv1.BackupService_BackUp_FullMethodName:                 "operator",
	}
	for _, name := range []string{"authn", "risk", "notify", "portal", "operator"} {
		conn := s.dial(name)
		for method, caller := range may {
			refused := fault.ReasonOf(s.call(conn, method)) == typev1.Reason_REASON_CALLER_NOT_ALLOWED
			if refused == (name == caller) {
				t.Errorf("%s calls %s: refused %t", name, method, refused)
			}
		}
	}
}

// call sends an empty request: who may call gets as far as its rules.
func (s *suite) call(conn *grpc.ClientConn, method string) error {
	var request proto.Message = &emptypb.Empty{}
	return conn.Invoke(s.deadline(), method, request, &emptypb.Empty{})
}

func TestReflectionIsOffUnlessAskedFor(t *testing.T) {
	s := newSuite(t)
	s.start()
	err := s.call(s.dial("operator"), "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
	if status.Code(err) == codes.OK {
		t.Error("the API can be listed")
	}
	_, info := s.service.Access()
	if _, there := info["grpc.reflection.v1.ServerReflection"]; there {
		t.Error("reflection is registered")
	}
}
