package notify

import (
	"context"
	"errors"
	"time"

	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/services/notify/internal/intake"
)

// How long a failing part is waited for, and how often.
const (
	// handlerSlack is what a handler needs beside handing a mail over: authn and the store.
	handlerSlack = 3 * time.Second
)

// How a failed message comes again. An alert must not end as a dead letter because authn was down over a weekend; a code's message ends by
// its expiry, long before these tries do.
var (
	eventPauses = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}
	mailPauses  = []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second}
)

const (
	eventTries  = 1000 // about a week
	mailTries   = 200  // about an hour
	mailsAtOnce = 8
)

// Run works until ctx ends, stops in the reverse order of this list, and closes everything. The relay is last: what the others wrote while
// they stopped is published.
func (s *Service) Run(ctx context.Context) error {
	err := app.Run(ctx, s.deps.Logger,
		app.Task{Name: "outbox relay", Run: s.relay.Serve},
		app.Task{Name: "sweeper", Run: s.sweeper.Run},
		app.Task{Name: "mail", Run: s.work},
		app.Task{Name: "stream check", Run: s.checkStreams},
		app.Task{Name: "health", Run: s.reportHealth},
		app.Task{Name: "grpc", Run: s.server.Run},
	)
	return errors.Join(err, s.Close())
}

// work runs all that may have a mail with the mail server. They stop at the same time, so that a hanging server holds the stop up once.
func (s *Service) work(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	runs := []func(context.Context) error{s.consumeEvents, s.consumeMails, s.outgoing.Run}
	ended := make(chan error, len(runs))
	for _, run := range runs {
		go func() { ended <- run(ctx) }()
	}
	var faults []error
	for range runs {
		err := <-ended
		cancel() // one that ends, ends all: they only do when told to, or when they can't work
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func (s *Service) consumeEvents(ctx context.Context) error {
	return bus.Consume(ctx, s.bus, bus.ConsumeConfig{
		Stream: bus.StreamAuthn, Subjects: []string{intake.SubjectNewDevice, intake.SubjectContained, intake.SubjectAbandoned},
		Backoff: eventPauses, MaxDeliver: eventTries, AckWait: s.ackWait(), Handle: s.intake.Handle, Logger: s.deps.Logger, Metrics: s.metrics,
		Tracing: s.deps.Tracing,
	})
}

func (s *Service) consumeMails(ctx context.Context) error {
	return bus.Consume(ctx, s.bus, bus.ConsumeConfig{
		Stream: bus.StreamMail, Subjects: []string{intake.SubjectMail},
		Backoff: mailPauses, MaxDeliver: mailTries, MaxInFlight: mailsAtOnce, AckWait: s.ackWait(),
		Handle: s.intake.Handle, Logger: s.deps.Logger, Metrics: s.metrics, Tracing: s.deps.Tracing,
	})
}

// ackWait is long enough that four fifths of it, which a handler has, cover one mail.
func (s *Service) ackWait() time.Duration { return (s.cfg.SMTP.Timeout + handlerSlack) * 5 / 4 }

// checkStreams ends the service when the streams aren't as this version needs them, as soon as NATS can be asked.
func (s *Service) checkStreams(ctx context.Context) error { return bus.AwaitStreams(ctx, s.bus) }

// reportHealth says serving while commits reach the disk. NATS and the mail server don't count: without them links still answer, and deliveries
// wait.
func (s *Service) reportHealth(ctx context.Context) error {
	return s.server.ReportHealth(ctx, s.store.Probe)
}
