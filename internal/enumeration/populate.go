package enumeration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

const (
	// importPage is how many rows go into one call, which may have 64 KiB: a row has some 250 bytes.
	importPage = 100
	// note is the audit records'.
	note = "doorward selftest enumeration"
	// listsRead is how soon a replica reads the lists anew, and more.
	listsRead = 10 * time.Second
	// tidying is the time to take back what isn't to stay, whatever became of the caller.
	tidying = 10 * time.Second
)

// Population is what a crowd's accounts are to be.
type Population struct {
	Crowd  Crowd
	States []State
	// Accounts are how many there are in each state; see Accounts.
	Accounts int
	// SlowCost is bcrypt's cost of those with the SlowHash.
	SlowCost int
	// Progress, if any, is told of each account that is as it should be.
	Progress func(done, of int)
}

// Populate makes the accounts as an operator, or finds that they are there from another time, and blocks their blocked domain until Close is called. The
// accounts stay: the same crowd is found again, nobody knows a password of theirs, and no mail reaches them.
func Populate(ctx context.Context, operator grpc.ClientConnInterface, p Population) (*Populated, error) {
	made := &Populated{
		Population: p, users: authnv1.NewUserServiceClient(operator), lists: authnv1.NewRestrictionServiceClient(operator),
	}
	for _, s := range p.States {
		if err := made.state(ctx, s); err != nil {
			return nil, fmt.Errorf("make accounts (%s): %w", s, err)
		}
	}
	if slices.Contains(p.States, Restricted) {
		if err := made.block(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("block %s: %w", p.Crowd.Blocked(), err), made.Close(ctx))
		}
	}
	return made, nil
}

// Populated is a deployment that has the accounts.
type Populated struct {
	Population
	users   authnv1.UserServiceClient
	lists   authnv1.RestrictionServiceClient
	done    int
	blocked bool
}

// Close takes the domain out of the list again, if it wasn't in it before. It does so for a context that has ended too.
func (p *Populated) Close(ctx context.Context) error {
	if !p.blocked {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidying)
	defer cancel()
	_, err := p.lists.RemoveEntries(ctx, &authnv1.RemoveEntriesRequest{
		List: authnv1.RestrictionList_RESTRICTION_LIST_BLOCK, Entries: []string{p.Crowd.Blocked()}, Note: note,
	})
	if err != nil {
		return fmt.Errorf("%s is still in the list block: take it out with doorward restrict remove block %[1]s: %w", p.Crowd.Blocked(), err)
	}
	p.blocked = false
	return nil
}

func (p *Populated) state(ctx context.Context, s State) error {
	for from := 0; from < p.Accounts; from += importPage {
		to := min(from+importPage, p.Accounts)
		if err := p.bring(ctx, s, from, to); err != nil {
			return err
		}
		for n := from; n < to; n++ {
			if err := p.stand(ctx, s, n); err != nil {
				return err
			}
			p.done++
			if p.Progress != nil {
				p.Progress(p.done, p.Accounts*len(p.States))
			}
		}
	}
	return nil
}

// bring imports accounts. One of another time is the same, for its row is.
func (p *Populated) bring(ctx context.Context, s State, from, to int) error {
	request := &authnv1.ImportUsersRequest{Note: note}
	for n := from; n < to; n++ {
		request.Users = append(request.Users, &authnv1.ImportedUser{
			Email: p.Crowd.Address(s, n), EmailVerified: true, ExternalId: p.Crowd.ExternalID(s, n), PasswordHash: p.hash(s, n),
		})
	}
	answer, err := patiently(ctx, func() (*authnv1.ImportUsersResponse, error) { return p.users.ImportUsers(ctx, request) })
	if err != nil {
		return err
	}
	for i, row := range answer.GetRows() {
		if row.GetOutcome() == authnv1.ImportOutcome_IMPORT_OUTCOME_REFUSED {
			return fmt.Errorf("%s was refused (%v): give another batch", request.GetUsers()[i].GetEmail(), row.GetFaults())
		}
	}
	return nil
}

// hash is the stored form of a password that nobody knows.
func (p *Populated) hash(s State, n int) string {
	switch s {
	case NoPassword:
		return ""
	case SlowHash:
		return unknownBcrypt(p.Crowd.ExternalID(s, n), p.SlowCost)
	case Plain, Locked, Banned, Restricted, control:
	}
	return unknownArgon2id(p.Crowd.ExternalID(s, n))
}

// stand locks or bans an account that is to be so.
func (p *Populated) stand(ctx context.Context, s State, n int) error {
	var err error
	switch email := p.Crowd.Address(s, n); s {
	case Locked:
		_, err = patiently(ctx, func() (*authnv1.LockUserResponse, error) {
			return p.users.LockUser(ctx, &authnv1.LockUserRequest{User: &authnv1.LockUserRequest_Email{Email: email}, Note: note})
		})
	case Banned:
		_, err = patiently(ctx, func() (*authnv1.BanUserResponse, error) {
			return p.users.BanUser(ctx, &authnv1.BanUserRequest{User: &authnv1.BanUserRequest_Email{Email: email}, Note: note})
		})
	case Plain, NoPassword, Restricted, SlowHash, control:
	}
	return err
}

// block keeps the domain from signing up, and waits until it is so.
func (p *Populated) block(ctx context.Context) error {
	answer, err := p.lists.AddEntries(ctx, &authnv1.AddEntriesRequest{
		List: authnv1.RestrictionList_RESTRICTION_LIST_BLOCK, Entries: []string{p.Crowd.Blocked()}, Note: note,
	})
	if err != nil {
		return err
	}
	p.blocked = len(answer.GetAdded()) > 0
	ctx, cancel := context.WithTimeout(ctx, listsRead)
	defer cancel()
	for {
		explained, err := p.lists.ExplainAddress(ctx, &authnv1.ExplainAddressRequest{Email: p.Crowd.Address(Restricted, 0)})
		if err != nil {
			return err
		}
		if !explained.GetAllowed() {
			return nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return errors.New("its addresses may sign up all the same: the list allow has them, or the lists can't be read")
		}
	}
}

// patiently makes an operator's call again when it came too fast.
func patiently[A any](ctx context.Context, call func() (A, error)) (A, error) {
	for {
		answer, err := call()
		if reason := fault.ReasonOf(err); err == nil || reason != typev1.Reason_REASON_RATE_LIMITED && reason != typev1.Reason_REASON_OVERLOADED {
			return answer, err
		}
		if err := pause(ctx, max(fault.RetryAfterOf(err), 10*time.Millisecond)); err != nil {
			return answer, err
		}
	}
}
