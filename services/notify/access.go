package notify

import (
	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/internal/access"
)

// Who calls, by the name in their certificate. notify admits nothing else.
const (
	portal   = "portal"
	operator = "operator"
)

// table says who may call what. The portal paces browsers itself; its limit here is what one notify should bear, far above what people
// who answer alerts cause and far below what guessing at 256-bit tokens would need.
func table() access.Table {
	browsers := access.Rule{Callers: access.Service, Services: []string{portal}, Limit: access.PerSecond(200), Priority: access.Vital}
	answer := browsers
	answer.Audit = true
	read := access.Rule{Callers: access.Service, Services: []string{operator}, Limit: access.PerSecond(20), Priority: access.Vital}
	change := read
	change.Audit = true
	copies := change
	copies.Certificate = true
	return access.Table{
		notifyv1.ContainmentService_DescribeContainment_FullMethodName: browsers,
		notifyv1.ContainmentService_ConfirmContainment_FullMethodName:  answer,
		notifyv1.DeliveryService_ListDeliveries_FullMethodName:         read,
		operatorv1.DeadLetterService_ListDeadLetters_FullMethodName:    read,
		operatorv1.DeadLetterService_ReplayDeadLetter_FullMethodName:   change,
		operatorv1.DeadLetterService_DropDeadLetter_FullMethodName:     change,
		operatorv1.BackupService_BackUp_FullMethodName:                 copies,
	}
}
