package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/internal/bus"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/test/load"
)

// Suite is where to look.
type Suite struct {
	Sessions   authnv1.SessionServiceClient
	Deliveries notifyv1.DeliveryServiceClient
	// DeadLetters are notify's.
	DeadLetters operatorv1.DeadLetterServiceClient
	// NATSURL and NATSKeys are the server's address and the directory of the seeds.
	NATSURL, NATSKeys string
}

// pageSize is the most that a page of any list holds.
const pageSize = 200

// stored is what authn has: the sessions of each user, by the user's id.
type stored struct {
	sessions map[string][]*authnv1.Session
	emails   map[string]string // of the users, by id
}

// store asks for everybody in the ledger, and for those whose sign-up may have come to pass.
func (s Suite) store(ctx context.Context, l *load.Ledger) (stored, error) {
	out := stored{sessions: make(map[string][]*authnv1.Session), emails: make(map[string]string)}
	ask := make(map[string]bool) // addresses
	for _, u := range l.Users() {
		ask[u.Email] = true
	}
	for _, loss := range l.Losses() {
		if loss.Kind == load.SignUp {
			ask[loss.Email] = true
		}
	}
	for email := range ask {
		sessions, err := s.sessionsOf(ctx, email)
		if err != nil {
			return stored{}, fmt.Errorf("reconcile: list the sessions of %s: %w", email, err)
		}
		for _, session := range sessions {
			out.emails[session.GetUserId()] = email
			out.sessions[session.GetUserId()] = append(out.sessions[session.GetUserId()], session)
		}
	}
	return out, nil
}

// sessionsOf is empty for an address that belongs to nobody.
func (s Suite) sessionsOf(ctx context.Context, email string) (all []*authnv1.Session, err error) {
	request := &authnv1.ListSessionsRequest{User: &authnv1.ListSessionsRequest_Email{Email: email}, PageSize: pageSize}
	for {
		page, err := paced(ctx, func(ctx context.Context) (*authnv1.ListSessionsResponse, error) {
			return s.Sessions.ListSessions(ctx, request)
		})
		if status.Code(err) == codes.NotFound {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, page.GetSessions()...)
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return all, nil
		}
	}
}

// deliveries are all that notify knows, by id.
func (s Suite) deliveries(ctx context.Context) (map[string]*notifyv1.Delivery, error) {
	all := make(map[string]*notifyv1.Delivery)
	request := &notifyv1.ListDeliveriesRequest{PageSize: pageSize}
	for {
		page, err := paced(ctx, func(ctx context.Context) (*notifyv1.ListDeliveriesResponse, error) {
			return s.Deliveries.ListDeliveries(ctx, request)
		})
		if err != nil {
			return nil, fmt.Errorf("reconcile: list deliveries: %w", err)
		}
		for _, d := range page.GetDeliveries() {
			all[d.GetId()] = d
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return all, nil
		}
	}
}

// deadLetters are those of notify.
func (s Suite) deadLetters(ctx context.Context) ([]*operatorv1.DeadLetter, error) {
	answer, err := paced(ctx, func(ctx context.Context) (*operatorv1.ListDeadLettersResponse, error) {
		return s.DeadLetters.ListDeadLetters(ctx, &operatorv1.ListDeadLettersRequest{PageSize: pageSize})
	})
	if err != nil {
		return nil, fmt.Errorf("reconcile: list dead letters: %w", err)
	}
	return answer.GetDeadLetters(), nil
}

// paced asks again when it was told to wait.
func paced[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	for {
		answer, err := call(ctx)
		after, told := doorward.RetryAfter(err)
		if !told {
			return answer, err
		}
		timer := time.NewTimer(after)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return answer, errors.Join(err, ctx.Err())
		}
	}
}

// connect joins the bus under a name.
func (s Suite) connect(ctx context.Context, name bus.Name) (*bus.Conn, error) {
	identity, err := bus.LoadIdentity(s.NATSKeys, name)
	if err != nil {
		return nil, err
	}
	return bus.Connect(ctx, bus.Config{URL: s.NATSURL, Identity: identity, Logger: slog.New(slog.DiscardHandler)})
}
