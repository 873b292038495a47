package backup

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/telemetry"
)

// Config is what a BackupService needs. Everything but Pace must be given.
type Config struct {
	// Service is whose store it is.
	Service string
	Store   Store
	// Record keeps an audit record in the store.
	Record func(context.Context, audit.Record) error
	Now    func() time.Time
	Logger *slog.Logger
	// Pace bounds how fast, and so how long, a copy is sent.
	Pace Pace
}

// Service is the BackupService of one store.
type Service struct {
	operatorv1.UnimplementedBackupServiceServer

	cfg Config
	// slot has one place: two copies at once would each hold up the reuse of space for the other.
	slot chan struct{}
}

var _ operatorv1.BackupServiceServer = (*Service)(nil)

var (
	errBusy = fault.New(fault.Exhausted, typev1.Reason_REASON_OVERLOADED,
		"Another backup of this store is under way: try again when it has ended.").RetryIn(time.Minute)
	errCut = fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE,
		"The copy couldn't be sent to its end: what came of it is no backup. Take another.")
)

// recordTimeout bounds the writing of an audit record.
const recordTimeout = 5 * time.Second

// Register puts the service on a server. It starts nothing.
func Register(server grpc.ServiceRegistrar, cfg Config) error {
	s, err := New(cfg)
	if err == nil {
		operatorv1.RegisterBackupServiceServer(server, s)
	}
	return err
}

// New makes the service.
func New(cfg Config) (*Service, error) {
	if cfg.Service == "" || cfg.Store == nil || cfg.Record == nil || cfg.Now == nil || cfg.Logger == nil {
		return nil, errors.New("backup: the service needs a name, a store, an audit log, a clock and a logger")
	}
	cfg.Pace = cfg.Pace.withDefaults()
	return &Service{cfg: cfg, slot: make(chan struct{}, 1)}, nil
}

// BackUp implements the rpc. The audit has two records: the order, before the first byte leaves, and how it ended.
func (s *Service) BackUp(_ *operatorv1.BackUpRequest, stream grpc.ServerStreamingServer[operatorv1.BackUpResponse]) error {
	ctx := stream.Context()
	by, ok := access.FromContext(ctx)
	if !ok {
		return errors.New("back up: it isn't known who asks")
	}
	select {
	case s.slot <- struct{}{}:
	default:
		return errBusy
	}
	done := sync.OnceFunc(func() { <-s.slot })
	defer done()
	if err := s.record(ctx, s.entry(ctx, by, "store.backup.order")); err != nil {
		return err
	}
	began := s.cfg.Now()
	sent, err := s.send(ctx, stream, done)
	ended := s.entry(ctx, by, "store.backup")
	ended.Detail = audit.Details("bytes", sent.bytes, "sha256", hex.EncodeToString(sent.sha256))
	if err != nil {
		ended.Outcome = audit.Failed
		return errors.Join(errCut.Because(err), s.record(ctx, ended))
	}
	s.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "the store was copied", slog.Int64("bytes", sent.bytes),
		slog.Duration("duration", s.cfg.Now().Sub(began)))
	return s.record(ctx, ended)
}

func (s *Service) entry(ctx context.Context, by access.Principal, action string) audit.Record {
	now := s.cfg.Now()
	return audit.Record{
		ID: id.New("aud", now), At: now, Action: action, Outcome: audit.Done,
		Actor:   audit.Actor{Kind: audit.Operator, ID: by.ID, Name: by.Name},
		Network: by.Peer, Authority: "certificate of " + by.Certificate, RequestID: telemetry.RequestID(ctx),
	}
}

// record keeps a record, also when the caller has gone.
func (s *Service) record(ctx context.Context, r audit.Record) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := s.cfg.Record(ctx, r); err != nil {
		return fmt.Errorf("record a backup: %w", err)
	}
	return nil
}
