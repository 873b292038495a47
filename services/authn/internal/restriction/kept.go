package restriction

import "time"

// Kept is an entry as a store keeps it.
type Kept struct {
	Entry
	AddedAt time.Time
	// AddedBy is the caller who added it, and Note why, as they said.
	AddedBy, Note string
}
