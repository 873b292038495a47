package bus

// DurableOf shows tests the name that is otherwise between an identity and the server.
func DurableOf(i Identity) string { return i.durable() }
