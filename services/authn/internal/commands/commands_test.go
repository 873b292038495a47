package commands_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/commands"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

func newHandler(t testing.TB, contain commands.Contain) *commands.Handler {
	t.Helper()
	h, err := commands.New(commands.Config{Contain: contain, Logger: quiet(), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// contained is a complete command.
func contained() *eventv1.ContainSession {
	return &eventv1.ContainSession{
		SigninEventId: signIn,
		Email:         "ada@example.org",
		ContainToken:  "cnt_token",
		DeliveryId:    delivery,
		Ip:            "192.0.2.9",
	}
}

func event(t testing.TB, m *eventv1.ContainSession) bus.Event {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return bus.Event{ID: "evt_command", Type: "command.session.contain.v1", Source: "notify", Data: data}
}

func TestCommandReachesTheFlowAsItWasSent(t *testing.T) {
	var got flow.Command
	h := newHandler(t, func(_ context.Context, c flow.Command) (flow.Outcome, error) {
		got = c
		return flow.Contained, nil
	})
	if err := h.Handle(t.Context(), event(t, contained())); err != nil {
		t.Fatal(err)
	}
	if got.SignInEventID != signIn || got.Address != "ada@example.org" || got.DeliveryID != delivery ||
		got.Network != netip.MustParseAddr("192.0.2.9") || !got.ContainToken.Equal(secret.Wrap("cnt_token")) {
		t.Errorf("command %+v", got)
	}
}

func TestMalformedCommandsAreFinal(t *testing.T) {
	tests := map[string]func(*bus.Event, *eventv1.ContainSession){
		"another type":     func(e *bus.Event, _ *eventv1.ContainSession) { e.Type = "command.user.erase.v1" },
		"no body":          func(e *bus.Event, _ *eventv1.ContainSession) { e.Data = nil },
		"not protobuf":     func(e *bus.Event, _ *eventv1.ContainSession) { e.Data = []byte("contain them all") },
		"no event":         func(_ *bus.Event, m *eventv1.ContainSession) { m.SigninEventId = "" },
		"a session's id":   func(_ *bus.Event, m *eventv1.ContainSession) { m.SigninEventId = "ses_00000000000000000000000000" },
		"no delivery":      func(_ *bus.Event, m *eventv1.ContainSession) { m.DeliveryId = "" },
		"no address":       func(_ *bus.Event, m *eventv1.ContainSession) { m.Email = "" },
		"a long address":   func(_ *bus.Event, m *eventv1.ContainSession) { m.Email = string(make([]byte, 10<<10)) },
		"no contain-token": func(_ *bus.Event, m *eventv1.ContainSession) { m.ContainToken = "" },
		"a long token":     func(_ *bus.Event, m *eventv1.ContainSession) { m.ContainToken = string(make([]byte, 10<<10)) },
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHandler(t, func(context.Context, flow.Command) (flow.Outcome, error) {
				t.Error("the flow was called")
				return "", nil
			})
			m := contained()
			damage(&bus.Event{}, m)
			e := event(t, m)
			damage(&e, m)
			err := h.Handle(t.Context(), e)
			if !bus.IsPermanent(err) || !errors.Is(err, commands.ErrMalformed) {
				t.Errorf("err = %v, want a final ErrMalformed", err)
			}
		})
	}
}

func TestAddressOfTheAnswerDecidesNothing(t *testing.T) {
	for _, ip := range []string{"", "nowhere", "fe80::1%eth0"} {
		h := newHandler(t, func(_ context.Context, c flow.Command) (flow.Outcome, error) {
			if c.Network.Zone() != "" {
				t.Errorf("network %v", c.Network)
			}
			return flow.ContainedBefore, nil
		})
		m := contained()
		m.Ip = ip
		if err := h.Handle(t.Context(), event(t, m)); err != nil {
			t.Errorf("ip %q: %v", ip, err)
		}
	}
}

func TestFailuresOfTheStoreComeAgain(t *testing.T) {
	away := errors.New("disk full")
	h := newHandler(t, func(context.Context, flow.Command) (flow.Outcome, error) { return "", away })
	if err := h.Handle(t.Context(), event(t, contained())); !errors.Is(err, away) || bus.IsPermanent(err) {
		t.Errorf("err = %v, want one that is tried again", err)
	}
}

func TestARefusalIsSettled(t *testing.T) {
	h := newHandler(t, func(context.Context, flow.Command) (flow.Outcome, error) { return flow.ContainRefused, nil })
	if err := h.Handle(t.Context(), event(t, contained())); err != nil {
		t.Errorf("err = %v: the command would come again for ever", err)
	}
}

func FuzzHandle(f *testing.F) {
	f.Add(event(f, contained()).Data)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		h := newHandler(t, func(_ context.Context, c flow.Command) (flow.Outcome, error) {
			if c.SignInEventID == "" || c.DeliveryID == "" || c.Address == "" || c.ContainToken.IsZero() {
				t.Errorf("an incomplete command got through: %+v", c)
			}
			return flow.ContainRefused, nil
		})
		err := h.Handle(t.Context(), bus.Event{Type: "command.session.contain.v1", Data: data})
		if err != nil && !bus.IsPermanent(err) {
			t.Errorf("err = %v, want a final one", err)
		}
	})
}
