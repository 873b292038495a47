package production

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/doorward/doorward/cmd/doorward/internal/suite"
	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/services/notify"
)

// Suite is everything with listeners open. Run its tasks, or Close it.
type Suite struct {
	*suite.Suite
	cfg     Config
	process suite.Process
	nats    *bus.Server // nil with a server of its own
	at      suite.Bus
}

// New looks at everything that production stands on, starts the embedded NATS server, and opens every listener. The services begin with the tasks.
func New(ctx context.Context, cfg Config, process suite.Process) (*Suite, error) {
	if faults := cfg.Validate(); len(faults) > 0 {
		return nil, fmt.Errorf("serve: %w", faults)
	}
	// The streams of an embedded server have no lock of their own; whoever uses them holds the stores too.
	if err := boltdb.CheckFree(cfg.authnStore()); err != nil {
		return nil, err
	}
	if err := cfg.inspect(process.Logger); err != nil {
		return nil, err
	}
	s := &Suite{cfg: cfg, process: process}
	if err := s.open(ctx); err != nil {
		s.Close()
		return nil, cfg.tellPort(err)
	}
	return s, nil
}

// tellPort adds to a taken port the key that chooses another.
func (c Config) tellPort(err error) error {
	var taken *app.PortTakenError
	if !errors.As(err, &taken) {
		return err
	}
	for _, listener := range []struct{ key, address string }{
		{"authn.listen", c.Authn.Listen}, {"risk.listen", c.Risk.Listen}, {"notify.listen", c.Notify.Listen},
		{"portal.listen", c.Portal.Listen}, {"nats.listen", c.NATS.Listen},
	} {
		if _, port, splitErr := net.SplitHostPort(listener.address); splitErr == nil && port == strconv.Itoa(taken.Port) {
			return fmt.Errorf("%w; stop who has it, or choose another: %s", err, listener.key)
		}
	}
	return err
}

func (s *Suite) open(ctx context.Context) error {
	if err := s.openBus(ctx); err != nil {
		return err
	}
	keys, err := notify.SealKeys(s.cfg.layout().MailKeys())
	if err != nil {
		return err
	}
	s.Suite, err = suite.Open(ctx, s.cfg.services(s.at, keys[0]+seal.PublicSuffix), s.process)
	return err
}

// Tasks run everything. Stopped in the reverse, nothing is lost: the edge goes first, the bus last.
func (s *Suite) Tasks() []app.Task {
	var tasks []app.Task
	if s.nats != nil {
		tasks = append(tasks, app.Task{Name: "NATS", Run: s.nats.Run})
	}
	tasks = append(tasks, s.Suite.Tasks()...)
	return append(tasks, app.Task{Name: "readiness", Run: s.tellReady})
}

// tellReady says once in the log that everything serves, and until then what doesn't. It ends nothing: without NATS, for one, sign-in goes on though
// risk doesn't serve yet.
func (s *Suite) tellReady(ctx context.Context) error {
	began := time.Now()
	for ctx.Err() == nil {
		err := s.AwaitServing(ctx)
		if err == nil {
			s.process.Logger.LogAttrs(ctx, slog.LevelInfo, "everything serves", append(s.addresses(), slog.Duration("after", time.Since(began)))...)
			return nil
		}
		if ctx.Err() == nil {
			s.process.Logger.LogAttrs(ctx, slog.LevelWarn, "not everything serves yet", slog.Any("error", err))
		}
	}
	return nil
}

// addresses are where things are reached.
func (s *Suite) addresses() []slog.Attr {
	var attrs []slog.Attr
	for _, place := range s.Places() {
		attrs = append(attrs, slog.String(place.Name, place.Address))
	}
	return append(attrs, slog.String("nats", s.at.URL))
}

// Close lets go of a suite that isn't run after all.
func (s *Suite) Close() {
	if s.Suite != nil {
		s.Suite.Close()
	}
	if s.nats != nil {
		s.nats.Stop()
	}
}
