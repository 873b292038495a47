package risk

import "github.com/doorward/doorward/internal/rpc"

// Server is the service's gRPC server, for tests of its access table.
func Server(s *Service) *rpc.Server { return s.server }
