package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

// typeContain is the one command so far.
const typeContain = "command.session.contain.v1"

// Bounds of a command's fields, as their writers keep them.
const (
	maxEmail = 254
	maxToken = 128
)

// ErrMalformed says that a message on the command stream isn't a command of ours. No repetition heals it.
var ErrMalformed = errors.New("commands: not a command")

// Contain carries a containment out; flow.Alerts has it.
type Contain func(context.Context, flow.Command) (flow.Outcome, error)

// Config is what a Handler needs.
type Config struct {
	Contain    Contain
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Handler handles commands. It is safe for concurrent use.
type Handler struct {
	contain      Contain
	logger       *slog.Logger
	containments *prometheus.CounterVec
}

// New makes a handler and registers its metric.
func New(c Config) (*Handler, error) {
	if c.Contain == nil || c.Logger == nil || c.Registerer == nil {
		return nil, errors.New("commands: a use case, a logger and a metrics registerer are needed")
	}
	h := &Handler{
		contain: c.Contain,
		logger:  c.Logger,
		containments: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_authn_containments_total",
			Help: "Containment commands, by outcome: contained, contained_before, refused.",
		}, []string{"outcome"}),
	}
	for _, outcome := range []flow.Outcome{flow.Contained, flow.ContainedBefore, flow.ContainRefused} {
		h.containments.WithLabelValues(string(outcome)) // shown from the start, as 0
	}
	if err := c.Registerer.Register(h.containments); err != nil {
		return nil, fmt.Errorf("commands: metrics: %w", err)
	}
	return h, nil
}

// Handle handles one command.
func (h *Handler) Handle(ctx context.Context, e bus.Event) error {
	if e.Type != typeContain {
		return bus.Permanent(fmt.Errorf("%w: nobody here knows its type", ErrMalformed))
	}
	command, err := readContain(e.Data)
	if err != nil {
		return bus.Permanent(err)
	}
	outcome, err := h.contain(ctx, command)
	if err != nil {
		return err
	}
	// A refusal is settled too: the token won't become genuine by repetition.
	h.containments.WithLabelValues(string(outcome)).Inc()
	h.logger.LogAttrs(ctx, slog.LevelInfo, "containment command settled",
		slog.String("outcome", string(outcome)),
		slog.String("signin_event_id", command.SignInEventID),
		slog.String("delivery_id", command.DeliveryID))
	return nil
}

var _ bus.Handler = (*Handler)(nil).Handle

// readContain reads a command. Its errors name what is wrong and quote nothing.
func readContain(data []byte) (flow.Command, error) {
	var m eventv1.ContainSession
	if err := proto.Unmarshal(data, &m); err != nil {
		return flow.Command{}, fmt.Errorf("%w: the body can't be read", ErrMalformed)
	}
	problem := ""
	switch {
	case !id.Valid("evt", m.GetSigninEventId()):
		problem = "signin_event_id isn't an event's"
	case !id.Valid("dlv", m.GetDeliveryId()):
		problem = "delivery_id isn't a delivery's"
	case m.GetEmail() == "" || len(m.GetEmail()) > maxEmail:
		problem = "email is missing or too long"
	case m.GetContainToken() == "" || len(m.GetContainToken()) > maxToken:
		problem = "contain_token is missing or too long"
	}
	if problem != "" {
		return flow.Command{}, fmt.Errorf("%w: %s", ErrMalformed, problem)
	}
	return flow.Command{
		SignInEventID: m.GetSigninEventId(),
		Address:       m.GetEmail(),
		ContainToken:  secret.Wrap(m.GetContainToken()),
		DeliveryID:    m.GetDeliveryId(),
		Network:       network(m.GetIp()),
	}, nil
}

// network is where the answer was given, if that can be read. It decides nothing, so it refuses nothing.
func network(ip string) netip.Addr {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}
