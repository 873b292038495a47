package history

import "time"

// Cursor is how far the view of a stream has come. It is stored together with what was applied, so that the two never differ.
// The zero Cursor is that of an empty view.
type Cursor struct {
	StreamCreated time.Time `json:"stream_created"` // tells the stream from another of the same name
	Sequence      uint64    `json:"sequence"`       // of the last event applied
	EventID       string    `json:"event_id"`       // of the same: after a rollback the sequence can hold another event
	Stored        time.Time `json:"stored"`         // when the stream stored it
}
