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
	// busyTries are how often a call is made that a busy deployment doesn't take, and busyWait how long is waited in between at most.
	busyTries = 10
	busyWait  = 3 * time.Second
	// mostWork is the hardest challenge that is solved, in hashes.
	mostWork = 10_000_000
)

// notReached is the shape of what couldn't be asked.
const notReached = "not reached"

// answered is what came of an entry. Took is zero where it wasn't reached.
type answered struct {
	took  time.Duration
	shape string
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

// anyNetwork is an address of 2001:db8::/32, in a /64 of its own.
func anyNetwork() netip.Addr {
	ip := [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 1}
	_, _ = rand.Read(ip[4:8]) // never fails
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

// call makes one call. Where the deployment is too busy to look at it, it is made again: that says nothing of the address.
func (v *visit) call(ctx context.Context, e entry) (answered, error) {
	var err error
	for range busyTries {
		var a answered
		if a, err = v.once(ctx, e); err == nil {
			return a, nil
		}
		var busy *busyError
		if !errors.As(err, &busy) {
			return answered{}, err
		}
		if err := pause(ctx, busy.wait); err != nil {
			return answered{}, err
		}
	}
	return answered{}, err
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

// challenged goes before the shape of an answer that a challenge was asked for first.
const challenged = "after a challenge: "

// once makes a call; where it takes a challenge, makes it again with the solution. What solving took is nobody's secret and isn't counted.
func (v *visit) once(ctx context.Context, e entry) (answered, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	first, asked, err := v.invoke(ctx, e)
	if err != nil || asked == nil {
		return first, err
	}
	if v.client.ChallengeSolution, err = doorward.Solve(ctx, asked, mostWork); err != nil {
		return answered{}, err
	}
	second, again, err := v.invoke(ctx, e)
	v.client.ChallengeSolution = ""
	if again != nil {
		err = errors.New("the deployment didn't take the solution of its challenge")
	}
	return answered{took: first.took + second.took, shape: challenged + second.shape}, err
}

func (v *visit) invoke(ctx context.Context, e entry) (a answered, asked *typev1.Challenge, err error) {
	request, response := e.ask(v), e.answer()
	var header, trailer metadata.MD
	began := time.Now()
	err = v.conn.Invoke(ctx, e.method, request, response, grpc.Header(&header), grpc.Trailer(&trailer))
	a.took = time.Since(began)
	if err := unmeasurable(err); err != nil {
		return answered{}, nil, err
	}
	if asked := fault.ChallengeOf(err); asked != nil {
		return a, asked, nil
	}
	if e.begins && err == nil {
		v.learn(response)
	}
	a.shape = shapeOf(seen{response: response, err: err, header: header, trailer: trailer, address: v.address, at: began})
	return a, nil, nil
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
