package inbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"sync"
)

// What is kept: the last maxMessages, and fewer if together they are bigger than
// maxStoredBytes. The oldest go first.
const (
	maxMessages    = 500
	maxStoredBytes = 64 << 20
)

// mailbox keeps the last messages in order of arrival and wakes whoever waits.
type mailbox struct {
	mu       sync.Mutex
	messages []Message
	bytes    int
	lastID   int
	arrived  chan struct{} // closed and replaced by every add
}

func newMailbox() *mailbox {
	return &mailbox{arrived: make(chan struct{})}
}

// add numbers a message, keeps it and returns its number.
func (b *mailbox) add(message Message) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lastID++
	message.ID = b.lastID
	b.messages = append(b.messages, message)
	b.bytes += message.size()
	for len(b.messages) > maxMessages || (b.bytes > maxStoredBytes && len(b.messages) > 1) {
		b.bytes -= b.messages[0].size()
		b.messages = slices.Delete(b.messages, 0, 1)
	}
	close(b.arrived)
	b.arrived = make(chan struct{})
	return message.ID
}

func (b *mailbox) list() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.messages)
}

func (b *mailbox) get(id int) (Message, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, found := slices.BinarySearchFunc(b.messages, id, func(m Message, id int) int { return cmp.Compare(m.ID, id) })
	if !found {
		return Message{}, false
	}
	return b.messages[at], true
}

// after returns the messages with a higher number, and the channel that closes
// when there is one more. Taking both at once leaves no gap to miss a mail in.
func (b *mailbox) after(id int) ([]Message, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := sort.Search(len(b.messages), func(i int) bool { return b.messages[i].ID > id })
	return slices.Clone(b.messages[at:]), b.arrived
}

func (b *mailbox) wait(ctx context.Context, match func(Message) bool) (Message, error) {
	seen := 0
	for {
		messages, arrived := b.after(seen)
		for _, message := range messages {
			if match(message) {
				return message, nil
			}
			seen = message.ID
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return Message{}, fmt.Errorf("inbox: no such mail among the %d that arrived: %w", seen, ctx.Err())
		}
	}
}
