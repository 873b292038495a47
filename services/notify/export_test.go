package notify

import (
	"google.golang.org/grpc"

	"github.com/doorward/doorward/internal/access"
)

// Access is who may call what, and what there is to call.
func (s *Service) Access() (access.Table, map[string]grpc.ServiceInfo) {
	return s.server.Table(), s.server.GetServiceInfo()
}
