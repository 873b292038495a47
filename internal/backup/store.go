package backup

import (
	"context"
	"io"
)

// Store is the role that a service's store plays for its backup; internal/boltdb implements it.
type Store interface {
	// Snapshot calls fn with the store as it is at one moment. Others go on reading and writing, but space that they free isn't used again
	// until fn returns: it returns soon. When ctx has ended, fn isn't called.
	Snapshot(ctx context.Context, fn func(Snapshot) error) error
}

// Snapshot is a store at one moment. It lives as long as the function that it was given to.
type Snapshot struct {
	// SchemaVersion is the layout of the store.
	SchemaVersion uint64
	// Size is how many bytes WriteTo writes.
	Size int64
	// WriterTo writes the copy.
	io.WriterTo
}
