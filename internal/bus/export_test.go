package bus

// DurableOf shows tests the name that is otherwise between an identity and the server.
func DurableOf(i Identity) string { return i.durable() }

// SyncsAlways is what the server says of itself.
func SyncsAlways(s *Server) bool { return s.current().JetStreamConfig().SyncAlways }

// TurnOff does to JetStream what the server does when its disk is full.
func TurnOff(s *Server) error { return s.current().ShutdownJetStream() }
