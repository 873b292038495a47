package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/cmd/doorward/internal/development"
	"github.com/doorward/doorward/cmd/doorward/internal/story"
	"github.com/doorward/doorward/cmd/doorward/internal/suite"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/verify"
)

// clock is the machine's, which somebody sets.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) jump(by time.Duration) { c.ahead.Add(int64(by)) }

// TestAClockThatJumpsMendsItself: forward while everything runs, and back while it is down, so that what is stored lies in the future. Those who were
// in stay in, new ones come in, who isn't known is asked, alerted and can be thrown out; nothing is refused because of the hour, or let in.
func TestAClockThatJumpsMendsItself(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "d")
	c := &clock{}
	m := startMachine(ctx, t, dir, c)
	ada := signUp(ctx, t, m.world())
	m.lives(ctx, &ada)

	c.jump(time.Hour)
	if err := m.accepts(ctx, ada); !errors.Is(err, verify.ErrTokenExpired) {
		t.Errorf("after an hour the session token of a minute: %v", err)
	}
	m.lives(ctx, &ada)
	bea := signUp(ctx, t, m.world())

	m.stop()
	c.jump(time.Minute - time.Hour) // an address is sent one code in 30 s
	m = startMachine(ctx, t, dir, c)
	m.lives(ctx, &ada)
	m.lives(ctx, &bea)
	m.stop()
}

// machine is a suite and a guarded service on one clock.
type machine struct {
	*testing.T
	client   *doorward.Client
	verifier *verify.Verifier
	inbox    story.Inbox
	read     int // the last mail
	console  console
	stop     func()
}

func startMachine(ctx context.Context, t *testing.T, dir string, c *clock) *machine {
	t.Helper()
	all, err := development.New(ctx, development.Config{Dir: dir, Process: suite.Process{
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Now: c.now,
	}})
	must(t, err)
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- all.Run(running) }()
	m := &machine{T: t}
	m.stop = sync.OnceFunc(func() {
		if m.verifier != nil {
			_ = m.verifier.Close()
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(m.stop)
	must(t, all.AwaitServing(ctx))
	env := all.AppEnv()
	m.client, err = doorward.New(doorward.Config{
		Address: env.Get("DOORWARD_ADDRESS"), APIKey: doorward.SecretOf(env.Get("DOORWARD_API_KEY")), CAFile: env.Get("DOORWARD_CA"),
		ServerName: env.Get("DOORWARD_SERVER_NAME"), SolveChallenges: true,
	})
	must(t, err)
	t.Cleanup(func() { _ = m.client.Close() })
	source, err := verify.NATS(verify.NATSConfig{URL: env.Get("DOORWARD_NATS_URL"), SeedFile: env.Get("DOORWARD_NATS_SEED")})
	must(t, err)
	m.verifier, err = verify.New(ctx, verify.Config{
		Issuer: env.Get("DOORWARD_ISSUER"), Audience: env.Get("DOORWARD_AUDIENCE"), Authn: m.client.Conn(), Revocations: source,
		OnStale: verify.Closed, Now: c.now,
	})
	must(t, err)
	m.inbox = story.Inbox{URL: env.Get("DOORWARD_INBOX"), HTTP: &http.Client{Timeout: 10 * time.Second}}
	m.console = (&dev{dir: dir}).console(ctx, t)
	return m
}

// world is as much of the story's as signing up needs.
func (m *machine) world() story.World { return story.World{Doorward: m.client, Inbox: m.inbox} }

func (m *machine) accepts(ctx context.Context, u user) error {
	_, err := m.verifier.Verify(ctx, u.grant.SessionToken.Reveal())
	return err
}

// lives demands that all goes on for somebody who has an account.
func (m *machine) lives(ctx context.Context, u *user) {
	m.Helper()
	tokens, err := m.client.Refresh(ctx, u.grant.RefreshToken, u.from())
	must(m.T, err)
	u.grant.SessionToken, u.grant.RefreshToken = tokens.SessionToken, tokens.RefreshToken
	must(m.T, m.accepts(ctx, *u))

	a, err := m.client.SignIn(ctx, u.email, u.from())
	must(m.T, err)
	must(m.T, a.Password(ctx, u.password))
	grant, ok := a.Grant()
	if !ok {
		m.Fatalf("on the known device the next step is %v", a.Next())
	}
	u.grant = grant
	must(m.T, m.accepts(ctx, *u))

	stranger := m.signInElsewhere(ctx, *u)
	must(m.T, m.accepts(ctx, stranger))
	m.console.say("sessions", "revoke", stranger.grant.SessionID)
	if !poll(ctx, func() bool { return errors.Is(m.accepts(ctx, stranger), verify.ErrSessionEnded) }) {
		m.Error("a revoked session is let in")
	}
	must(m.T, m.accepts(ctx, *u))
}

// signInElsewhere signs in on a device that isn't known, with the code, and waits for the alert.
func (m *machine) signInElsewhere(ctx context.Context, u user) user {
	m.Helper()
	a, err := m.client.SignIn(ctx, u.email, doorward.From{IP: netip.MustParseAddr("127.0.0.1"), UserAgent: "elsewhere"})
	must(m.T, err)
	must(m.T, a.Password(ctx, u.password))
	if a.Next() != doorward.DeviceVerification {
		m.Fatalf("on an unknown device the next step is %v", a.Next())
	}
	m.readMails(ctx, u.email)
	must(m.T, a.SendCode(ctx))
	must(m.T, a.Code(ctx, sixDigits.FindString(m.nextMail(ctx, u.email).Text)))
	grant, ok := a.Grant()
	if !ok {
		m.Fatalf("after the code the next step is %v", a.Next())
	}
	if alert := m.nextMail(ctx, u.email); !strings.HasPrefix(alert.Subject, "New sign-in") {
		m.Errorf("after a sign-in elsewhere comes the mail %q", alert.Subject)
	}
	u.grant = grant
	return u
}

// nextMail is the one after those that were read.
func (m *machine) nextMail(ctx context.Context, email string) story.Mail {
	m.Helper()
	mail, err := m.inbox.Await(ctx, email, m.read)
	must(m.T, err)
	m.read = mail.ID
	return mail
}

// readMails reads all that have come.
func (m *machine) readMails(ctx context.Context, email string) {
	m.Helper()
	for {
		waiting, err := m.inbox.Count(ctx, email, m.read)
		must(m.T, err)
		if waiting == 0 {
			return
		}
		m.nextMail(ctx, email)
	}
}
