package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The streams' names.
const (
	StreamAuthn       = "DOORWARD_AUTHN"
	StreamRisk        = "DOORWARD_RISK"
	StreamNotify      = "DOORWARD_NOTIFY"
	StreamAttempts    = "DOORWARD_ATTEMPTS"
	StreamRevocations = "DOORWARD_REVOCATIONS"
	StreamCommands    = "DOORWARD_COMMANDS"
	StreamMail        = "DOORWARD_MAIL"
	StreamDead        = "DOORWARD_DEAD"
)

// SubjectHeartbeat is where the relay of authn says that everything before is in DOORWARD_REVOCATIONS.
const SubjectHeartbeat = "doorward.revocation.heartbeat"

// ErrStreams says that the server's streams aren't as this version declares them.
var ErrStreams = errors.New("bus: the streams aren't as this version needs them")

// Retention in words that explain themselves in a table.
const (
	keep      = jetstream.LimitsPolicy    // a log: every reader has its own place
	workQueue = jetstream.WorkQueuePolicy // a message is gone when its one reader has acknowledged it

	dropOldest = jetstream.DiscardOld // when full, the oldest message gives way
	refuseNew  = jetstream.DiscardNew // when full, the writer waits: nothing in it may be lost unread
)

const (
	day = 24 * time.Hour
	mib = 1 << 20
	gib = 1 << 30
)

// Stream declares one stream.
type Stream struct {
	Name     string
	Subjects string
	// Writer is the only identity that may publish to it; empty for DOORWARD_DEAD, where everyone has a branch.
	Writer Name
	// Purpose is the stream's description on the server.
	Purpose string

	Retention jetstream.RetentionPolicy
	Discard   jetstream.DiscardPolicy
	// MaxAge is how long messages are kept; 0 = until they are read.
	MaxAge   time.Duration
	MaxBytes int64
	// Duplicates is how long the stream knows an event's id. A row can be published again while the outbox keeps it (15 minutes),
	// so it is longer than that, except where an attacker sets the pace and the memory for ids has to be small.
	Duplicates time.Duration
	// PerSubject is how many messages one subject keeps; 0 = no limit.
	PerSubject int64
	// Readers is how many consumers may read it at once; 0 = as many as the server allows. Applications make their own, and a consumer can be made to
	// write to the streams.
	Readers int
	// Idle is how long a consumer may outlive its reader; 0 = for ever. Only where nobody has a durable: the server would end that too.
	Idle time.Duration
}

// Readers of what applications follow.
const (
	manyReaders = 1000 // one for each verifier
	fewReaders  = 100
	readerIdle  = 5 * time.Minute // what NATS's own libraries ask for
)

// Streams returns the declaration of every stream.
func Streams() []Stream {
	return []Stream{
		{
			Name: StreamAuthn, Subjects: "doorward.event.authn.>", Writer: Authn, Purpose: "facts from authn",
			Retention: keep, Discard: dropOldest, MaxAge: 90 * day, MaxBytes: 4 * gib, Duplicates: 20 * time.Minute,
			Readers: fewReaders, // notify has a durable
		},
		{
			Name: StreamRisk, Subjects: "doorward.event.risk.>", Writer: Risk, Purpose: "facts from risk",
			Retention: keep, Discard: dropOldest, MaxAge: 90 * day, MaxBytes: 2 * gib, Duplicates: 20 * time.Minute,
			Readers: fewReaders, Idle: readerIdle,
		},
		{
			Name: StreamNotify, Subjects: "doorward.event.notify.>", Writer: Notify, Purpose: "facts from notify",
			Retention: keep, Discard: dropOldest, MaxAge: 90 * day, MaxBytes: 2 * gib, Duplicates: 20 * time.Minute,
			Readers: fewReaders, Idle: readerIdle,
		},
		{
			// Attackers set the pace here: short, and capped in bytes.
			Name: StreamAttempts, Subjects: "doorward.attempt.>", Writer: Authn, Purpose: "failures and blocks at sign-in",
			Retention: keep, Discard: dropOldest, MaxAge: 2 * day, MaxBytes: 256 * mib, Duplicates: 2 * time.Minute,
			Readers: fewReaders, Idle: readerIdle,
		},
		{
			// Longer than any session token lives. One message a session, and one heartbeat.
			Name: StreamRevocations, Subjects: "doorward.revocation.>", Writer: Authn, Purpose: "ended sessions, ids only; all that SDKs read",
			Retention: keep, Discard: refuseNew, MaxAge: day, MaxBytes: 256 * mib, Duplicates: 20 * time.Minute, PerSubject: 1,
			Readers: manyReaders, Idle: readerIdle,
		},
		{
			Name: StreamCommands, Subjects: "doorward.command.>", Writer: Notify, Purpose: "what notify asks authn to do",
			Retention: workQueue, Discard: refuseNew, MaxBytes: 64 * mib, Duplicates: 20 * time.Minute,
		},
		{
			// Strangers set the pace of codes, and no mail in here is worth anything after an hour. While notify is away the oldest give
			// way: a full stream would hold up authn's relay, and with it alerts and revocations.
			Name: StreamMail, Subjects: "doorward.mail.>", Writer: Authn, Purpose: "mail for notify to send; secrets are sealed",
			Retention: workQueue, Discard: dropOldest, MaxAge: day, MaxBytes: 512 * mib, Duplicates: 20 * time.Minute,
		},
		{
			// One subject a letter, so that a settled letter is replaced by a marker that expires by itself.
			Name: StreamDead, Subjects: "doorward.dead.>", Purpose: "what couldn't be handled",
			Retention: keep, Discard: refuseNew, MaxAge: 90 * day, MaxBytes: 256 * mib, Duplicates: 20 * time.Minute, PerSubject: 1,
		},
	}
}

// StreamsWrittenBy names the streams whose writer the identity is: those its relay recovers.
func StreamsWrittenBy(name Name) []string {
	var out []string
	for _, s := range Streams() {
		if s.Writer == name {
			out = append(out, s.Name)
		}
	}
	return out
}

// StreamOf names the stream that takes the subject.
func StreamOf(subject string) (string, error) {
	for _, s := range Streams() {
		if rest, ok := strings.CutPrefix(subject, strings.TrimSuffix(s.Subjects, ">")); ok && rest != "" {
			return s.Name, nil
		}
	}
	return "", fmt.Errorf("bus: no stream takes the subject %q", subject)
}

func (s Stream) config(replicas int) jetstream.StreamConfig {
	perSubject := s.PerSubject
	if perSubject == 0 {
		perSubject = -1
	}
	readers := s.Readers
	if readers == 0 {
		readers = -1
	}
	return jetstream.StreamConfig{
		Name:              s.Name,
		Description:       s.Purpose,
		Subjects:          []string{s.Subjects},
		Retention:         s.Retention,
		Discard:           s.Discard,
		MaxAge:            s.MaxAge,
		MaxBytes:          s.MaxBytes,
		MaxMsgs:           -1,
		MaxMsgSize:        512 << 10,
		MaxMsgsPerSubject: perSubject,
		MaxConsumers:      readers,
		ConsumerLimits:    jetstream.StreamConsumerLimits{InactiveThreshold: s.Idle},
		Storage:           jetstream.FileStorage,
		Replicas:          replicas,
		Duplicates:        s.Duplicates,
		AllowMsgTTL:       s.Name == StreamDead,
	}
}

// Apply creates the streams and brings those that exist in line with their declaration, and removes consumers that nobody of ours makes. replicas is 1 for one server and 3 for a
// cluster. Only the operator may; a service calls Check.
func Apply(ctx context.Context, js jetstream.JetStream, replicas int) error {
	for _, s := range Streams() {
		if err := evict(ctx, js, s); err != nil {
			return err
		}
		if _, err := js.CreateOrUpdateStream(ctx, s.config(replicas)); err != nil {
			return fmt.Errorf("bus: apply stream %s: %w", s.Name, err)
		}
	}
	return nil
}

// Check compares the streams that the identity may see with their declaration and changes nothing. It reports all differences.
func Check(ctx context.Context, js jetstream.JetStream, name Name) error {
	var faults []string
	visible := grants(name).streams()
	for _, s := range Streams() {
		if !slices.Contains(visible, s.Name) {
			continue
		}
		stream, err := js.Stream(ctx, s.Name)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			faults = append(faults, s.Name+" doesn't exist")
		case err != nil:
			return fmt.Errorf("bus: check stream %s: %w", s.Name, err)
		default:
			faults = append(faults, s.differences(stream.CachedInfo().Config)...)
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w: %s; run doorward streams apply", ErrStreams, strings.Join(faults, ", "))
	}
	return nil
}

// askAgain is how long AwaitStreams waits after a server that couldn't be asked.
const askAgain = time.Second

// AwaitStreams checks the streams of the connection's identity as soon as the server can be asked. Its error is ErrStreams, or nil, also when ctx
// ended first.
func AwaitStreams(ctx context.Context, c *Conn) error {
	ticker := time.NewTicker(askAgain)
	defer ticker.Stop()
	for {
		asking, cancel := context.WithTimeout(ctx, callTimeout)
		err := Check(asking, c.js, c.name)
		cancel()
		if err == nil || errors.Is(err, ErrStreams) {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// differences leaves the number of replicas to the operator.
func (s Stream) differences(have jetstream.StreamConfig) []string {
	want := s.config(have.Replicas)
	var out []string
	differ := func(what string, equal bool) {
		if !equal {
			out = append(out, fmt.Sprintf("%s has another %s", s.Name, what))
		}
	}
	differ("set of subjects", slices.Equal(have.Subjects, want.Subjects))
	differ("retention", have.Retention == want.Retention)
	differ("discard policy", have.Discard == want.Discard)
	differ("maximal age", have.MaxAge == want.MaxAge)
	differ("maximal size", have.MaxBytes == want.MaxBytes)
	differ("duplicates window", have.Duplicates == want.Duplicates)
	differ("limit per subject", have.MaxMsgsPerSubject == want.MaxMsgsPerSubject)
	differ("limit of consumers", have.MaxConsumers == want.MaxConsumers && have.ConsumerLimits.InactiveThreshold == want.ConsumerLimits.InactiveThreshold)
	differ("storage", have.Storage == want.Storage)
	return out
}
