// Package commands takes what other services ask authn to do over NATS: the api's counterpart for the stream DOORWARD_COMMANDS.
//
// It owns the reading of commands and says which failures are final. It decides nothing: whether a command has authority is for the flow
// to find out, which checks the contain-token anew. It doesn't own the connection nor the retries; internal/bus does.
//
// A command is delivered at least once. Everything that it causes is one transaction, so a process that dies between its arrival and the
// commit has done nothing, and one that dies between the commit and the acknowledgement finds, when the command comes again, that it was
// carried out before.
//
// Called by internal/bus.Consume, which authn's wiring starts.
package commands
