package enumeration

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	doorward "github.com/doorward/doorward/sdk"
)

const (
	// browser is everybody's.
	browser = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
	// patience is for one call.
	patience = 30 * time.Second
	// hardest is the most work that a policy can ask for.
	hardest = 10_000_000
	// busyTries are how often a call is made that a busy deployment doesn't take, and busyWait how long is waited in between at most.
	busyTries = 10
	busyWait  = 3 * time.Second
)

// notReached is the shape of what couldn't be asked.
const notReached = "not reached"

// answered is what came of an entry. Took is zero where it wasn't reached.
type answered struct {
	took  time.Duration
	shape string
	// asked is the refusal before, which asked for a proof of work; nil when there was none.
	asked *answered
}

// visit is one walk's of one address.
type visit struct {
	conn        grpc.ClientConnInterface
	address     string
	client      *typev1.ClientContext
	newPassword string

	attemptID, secret string
}

// newVisit comes from a network that nobody came from, and will want a password that nobody has.
func newVisit(conn grpc.ClientConnInterface, address string) *visit {
	return &visit{
		conn: conn, address: address, newPassword: rand.Text(),
		client: &typev1.ClientContext{Ip: anyNetwork().String(), UserAgent: browser, AcceptLanguage: "en"},
	}
}

// anyNetwork is an address of 3fff::/20 (RFC 9637), in a /64 of its own, and in a /32 that it shares with few others: wider networks are counted too.
func anyNetwork() netip.Addr {
	ip := [16]byte{15: 1}
	_, _ = rand.Read(ip[1:8]) // never fails
	ip[0], ip[1], ip[2] = 0x3f, 0xff, ip[2]&0x0f
	return netip.AddrFrom16(ip)
}

// take goes through a walk, and says what came of each of its entries.
func (v *visit) take(ctx context.Context, w walk) ([]answered, error) {
	out := make([]answered, 0, len(w))
	for _, e := range w {
		if !e.begins && v.attemptID == "" {
			out = append(out, answered{shape: notReached})
			continue
		}
		a, err := v.call(ctx, e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// call makes one call, with a proof of work where one is asked for: the work isn't measured, the asking is by itself. Where the deployment is too busy
// to look at the call, it is made again: that says nothing of the address.
func (v *visit) call(ctx context.Context, e entry) (answered, error) {
	var asked *answered
	busy := &busyError{said: errors.New("it asks for one challenge after the other")}
	for range busyTries {
		a, challenge, err := v.once(ctx, e)
		solved := v.client.ChallengeSolution != ""
		v.client.ChallengeSolution = "" // it is good for one call, whatever came of it
		switch {
		case errors.As(err, &busy):
			err = pause(ctx, busy.wait)
		case err == nil && challenge != nil && !solved:
			asked = &a
			v.client.ChallengeSolution, err = doorward.Solve(ctx, challenge, hardest)
		case err == nil:
			a.asked = asked
			return a, nil
		}
		if err != nil {
			return answered{}, err
		}
	}
	return answered{}, busy
}

// busyError is the deployment's word that it can't look at a call now.
type busyError struct {
	said error
	wait time.Duration
}

func (e *busyError) Error() string {
	return "the deployment is too busy to be measured: " + e.said.Error()
}

func (e *busyError) Unwrap() error { return e.said }

// once makes the call. It gives the challenge, if that is the answer.
func (v *visit) once(ctx context.Context, e entry) (answered, *typev1.Challenge, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, response := e.ask(v), e.answer()
	var header, trailer metadata.MD
	began := time.Now()
	err := v.conn.Invoke(ctx, e.method, request, response, grpc.Header(&header), grpc.Trailer(&trailer))
	took := time.Since(began)
	if err := unmeasurable(err); err != nil {
		return answered{}, nil, err
	}
	if e.begins && err == nil {
		v.learn(response)
	}
	shape := shapeOf(seen{response: response, err: err, header: header, trailer: trailer, address: v.address, at: began})
	return answered{took: took, shape: shape}, fault.ChallengeOf(err), nil
}

// learn keeps what the attempt is continued with.
func (v *visit) learn(response proto.Message) {
	if begun, ok := response.(interface {
		GetAttempt() *authnv1.Attempt
		GetAttemptSecret() string
	}); ok {
		v.attemptID, v.secret = begun.GetAttempt().GetId(), begun.GetAttemptSecret()
	}
}

// unmeasurable are errors that are no answers: the caller may not ask, nobody answers, or nobody has time to.
func unmeasurable(err error) error {
	if err == nil {
		return nil
	}
	switch reason := fault.ReasonOf(err); status.Code(err) {
	case codes.Unauthenticated, codes.Canceled, codes.DeadlineExceeded, codes.Unimplemented:
		return err
	case codes.Unavailable:
		return &busyError{said: err, wait: busyWait}
	case codes.PermissionDenied:
		if reason == typev1.Reason_REASON_CALLER_NOT_ALLOWED || reason == typev1.Reason_REASON_SCOPE_MISSING {
			return err
		}
	case codes.ResourceExhausted:
		if reason == typev1.Reason_REASON_OVERLOADED {
			return &busyError{said: err, wait: min(fault.RetryAfterOf(err), busyWait)}
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
