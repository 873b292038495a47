package deadletter

import (
	"context"
	"errors"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/bus"
)

const (
	// maxPage is the most that one page holds, defaultPage what it holds when nobody says.
	maxPage     = 200
	defaultPage = 50
)

// Config is what the service stands on. All of it is needed.
type Config struct {
	// Conn reads the dead letters of its identity.
	Conn *bus.Conn
	// Handle is the handler that gave the messages up. It is idempotent by event id.
	Handle bus.Handler
	// Record keeps an audit record in the service's store.
	Record func(context.Context, audit.Record) error
	Now    func() time.Time
}

// Service implements the contract.
type Service struct {
	operatorv1.UnimplementedDeadLetterServiceServer

	dead   *bus.Dead
	handle bus.Handler
	record func(context.Context, audit.Record) error
	now    func() time.Time
}

var _ operatorv1.DeadLetterServiceServer = (*Service)(nil)

// New puts the service together.
func New(c Config) (*Service, error) {
	if c.Conn == nil || c.Handle == nil || c.Record == nil || c.Now == nil {
		return nil, errors.New("deadletter: a connection, a handler, an audit log and a clock are needed")
	}
	return &Service{dead: bus.NewDead(c.Conn), handle: c.Handle, record: c.Record, now: c.Now}, nil
}

// ListDeadLetters is a page of them, oldest first.
func (s *Service) ListDeadLetters(ctx context.Context, req *operatorv1.ListDeadLettersRequest) (*operatorv1.ListDeadLettersResponse, error) {
	after, err := placeOf(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	size := pageSize(req.GetPageSize())
	page, err := s.dead.List(ctx, after, size+1) // one more shows whether there is another page
	if err != nil {
		return nil, errUnreachable.Because(err)
	}
	response := &operatorv1.ListDeadLettersResponse{}
	if len(page) > size {
		page = page[:size]
		response.NextPageToken = strconv.FormatUint(page[size-1].Cursor(), 10)
	}
	for i := range page {
		response.DeadLetters = append(response.DeadLetters, message(page[i]))
	}
	return response, nil
}

// placeOf reads a page token: the place of the last letter of the page before.
func placeOf(token string) (uint64, error) {
	if token == "" {
		return 0, nil
	}
	place, err := strconv.ParseUint(token, 10, 64)
	if err != nil {
		return 0, errPageToken
	}
	return place, nil
}

func pageSize(asked int32) int {
	if asked <= 0 {
		return defaultPage
	}
	return min(int(asked), maxPage)
}

// message shows a letter whatever is in it: what never was an event has neither id nor type.
func message(l bus.Letter) *operatorv1.DeadLetter {
	m := &operatorv1.DeadLetter{
		Sequence: l.Cursor(), Consumer: string(l.Owner) + " of " + l.Stream, Cause: l.Reason, DiedAt: timestamppb.New(l.At),
	}
	if e, err := l.Event(); err == nil {
		m.EventId, m.Type = e.ID, e.Type
	}
	return m
}

// ReplayDeadLetter handles a letter once more.
func (s *Service) ReplayDeadLetter(ctx context.Context, req *operatorv1.ReplayDeadLetterRequest) (*operatorv1.ReplayDeadLetterResponse, error) {
	err := s.settle(ctx, action{name: "dead_letter.replay", sequence: req.GetSequence(), do: s.replay})
	if err != nil {
		return nil, err
	}
	return &operatorv1.ReplayDeadLetterResponse{}, nil
}

// DropDeadLetter removes a letter.
func (s *Service) DropDeadLetter(ctx context.Context, req *operatorv1.DropDeadLetterRequest) (*operatorv1.DropDeadLetterResponse, error) {
	err := s.settle(ctx, action{name: "dead_letter.drop", sequence: req.GetSequence(), note: req.GetNote(), do: s.dead.Drop})
	if err != nil {
		return nil, err
	}
	return &operatorv1.DropDeadLetterResponse{}, nil
}
