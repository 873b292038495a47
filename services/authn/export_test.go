package authn

import (
	"github.com/doorward/doorward/internal/rpc"
)

// Server lets tests see what is registered.
func (s *Service) Server() *rpc.Server { return s.server }

// Assemble is New with other parts for the flows.
var Assemble = assemble
