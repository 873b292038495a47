package authntest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
)

// Feed is a stream of revocations in memory. It is a verify.Source.
type Feed struct {
	now func() time.Time

	mu       sync.Mutex
	messages []message
	grown    chan struct{} // closed and replaced when a message is added or the reading is broken
	broken   error
	breaks   int // how often the reading was broken
}

type message struct {
	subject string
	header  map[string][]string
	body    []byte
	at      time.Time
	applied chan struct{} // closed when a reader has handled it
	once    *sync.Once
}

// NewFeed makes an empty feed.
func NewFeed(now func() time.Time) *Feed { return &Feed{now: now, grown: make(chan struct{})} }

// Headers are those that authn gives an event of the type at the time.
func Headers(eventType string, at time.Time) map[string][]string {
	return map[string][]string{
		"ce-specversion": {"1.0"}, "ce-id": {fmt.Sprint("evt_", at.UnixNano())}, "ce-source": {"authn"}, "ce-type": {eventType},
		"ce-time": {at.UTC().Format(time.RFC3339Nano)}, "ce-datacontenttype": {"application/protobuf"},
	}
}

// Publish adds a message as authn writes it, of an event type such as revocation.session.v1. The channel is closed when a reader has applied it.
func (f *Feed) Publish(subject, eventType string, body []byte) <-chan struct{} {
	return f.Smuggle(subject, Headers(eventType, f.now()), body)
}

// Smuggle adds a message with any headers.
func (f *Feed) Smuggle(subject string, header map[string][]string, body []byte) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := message{subject: subject, header: header, body: body, at: f.now(), applied: make(chan struct{}), once: new(sync.Once)}
	f.messages = append(f.messages, m)
	f.wake()
	return m.applied
}

// Revoke adds a revocation that may be forgotten when the session's tokens are dead.
func (f *Feed) Revoke(sessionID string) <-chan struct{} {
	return f.RevokeUntil(sessionID, f.now().Add(TokenLife))
}

// RevokeUntil adds a revocation that may be forgotten after the time.
func (f *Feed) RevokeUntil(sessionID string, forgetAfter time.Time) <-chan struct{} {
	return f.Publish("doorward.revocation.session."+sessionID, "revocation.session.v1", encode(&eventv1.Revocation{
		SessionId:   sessionID,
		RevokedAt:   timestamppb.New(f.now()),
		ForgetAfter: timestamppb.New(forgetAfter),
	}))
}

// RevokeKey adds the revocation of a signing key.
func (f *Feed) RevokeKey(keyID string) <-chan struct{} {
	return f.Publish("doorward.revocation.signing_key."+keyID, "revocation.signing_key.v1", encode(&eventv1.SigningKeyRevocation{
		KeyId:     keyID,
		RevokedAt: timestamppb.New(f.now()),
	}))
}

// Beat adds a heartbeat.
func (f *Feed) Beat() <-chan struct{} { return f.BeatAt(f.now()) }

// BeatAt adds a heartbeat that says it was written at the time.
func (f *Feed) BeatAt(drained time.Time) <-chan struct{} {
	return f.Publish("doorward.revocation.heartbeat", "revocation.heartbeat.v1",
		encode(&eventv1.RevocationHeartbeat{DrainedAt: timestamppb.New(drained)}))
}

// Break ends the reading under way with the error, as a lost connection does.
func (f *Feed) Break(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = err
	f.breaks++
	f.wake()
}

func (f *Feed) wake() {
	close(f.grown)
	f.grown = make(chan struct{})
}

// Read implements verify.Source.
func (f *Feed) Read(ctx context.Context, since time.Time, handle func(subject string, header map[string][]string, body []byte)) error {
	f.mu.Lock()
	before := f.breaks
	f.mu.Unlock()
	for next := 0; ; {
		f.mu.Lock()
		batch, grown, broken, count := f.messages[next:], f.grown, f.broken, f.breaks
		f.mu.Unlock()
		if count != before {
			return broken
		}
		for _, m := range batch {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if !m.at.Before(since) {
				handle(m.subject, m.header, m.body)
			}
			m.once.Do(func() { close(m.applied) })
		}
		next += len(batch)
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func encode(m proto.Message) []byte {
	body, err := proto.Marshal(m)
	if err != nil {
		panic("authntest: encode: " + err.Error()) // our own messages always encode
	}
	return body
}
