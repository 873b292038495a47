package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/timespan"
)

// noted is what a change of an account takes beside the account.
type noted struct {
	Note string `help:"Why, for the audit record."`
	JSON bool   `name:"json" help:"Print the answer as JSON."`
}

// accountAnswer is the answer to a change of one account.
type accountAnswer interface {
	proto.Message
	GetUser() *authnv1.User
}

// changeAccount asks for a change of one account, and says how the account stands then.
func changeAccount[A accountAnswer](ctx context.Context, s streams, w whose, n noted,
	ask func(context.Context, authnv1.UserServiceClient) (A, error), say func(A) string,
) error {
	return query[A]{
		service: "authn", json: n.JSON, unfound: w.unfound(),
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (A, error) {
			return ask(ctx, authnv1.NewUserServiceClient(conn))
		},
		show: func(out io.Writer, answer A) error {
			fmt.Fprintf(out, "%s %s\n", answer.GetUser().GetId(), say(answer))
			return nil
		},
	}.run(ctx, s)
}

type usersLockCmd struct {
	whose
	For timespan.Span `placeholder:"TIME" help:"For how long, such as 24h or 7d; without it, until the account is unlocked."`
	noted
}

func (usersLockCmd) Help() string {
	return "Its sessions go on; to end them too: doorward users ban. Example:\n\n" +
		"  . .doorward/operator.env; doorward users lock --email ada@example.com --for 24h --note 'asked by phone'"
}

func (c *usersLockCmd) Run(ctx context.Context, s streams) error {
	request := &authnv1.LockUserRequest{Note: c.Note}
	if c.For != 0 {
		request.LockFor = durationpb.New(time.Duration(c.For))
	}
	if c.User != "" {
		request.User = &authnv1.LockUserRequest_UserId{UserId: c.User}
	} else {
		request.User = &authnv1.LockUserRequest_Email{Email: c.Email}
	}
	return changeAccount(ctx, s, c.whose, c.noted,
		func(ctx context.Context, users authnv1.UserServiceClient) (*authnv1.LockUserResponse, error) {
			return users.LockUser(ctx, request)
		},
		func(a *authnv1.LockUserResponse) string { return "is " + standingText(a.GetUser()) })
}

type usersUnlockCmd struct {
	whose
	noted
}

func (usersUnlockCmd) Help() string {
	return "Ends an operator's lock, and the waits after failures in a row. Example:\n\n  . .doorward/operator.env; doorward users unlock --email ada@example.com"
}

func (c *usersUnlockCmd) Run(ctx context.Context, s streams) error {
	request := &authnv1.UnlockUserRequest{Note: c.Note}
	if c.User != "" {
		request.User = &authnv1.UnlockUserRequest_UserId{UserId: c.User}
	} else {
		request.User = &authnv1.UnlockUserRequest_Email{Email: c.Email}
	}
	return changeAccount(ctx, s, c.whose, c.noted,
		func(ctx context.Context, users authnv1.UserServiceClient) (*authnv1.UnlockUserResponse, error) {
			return users.UnlockUser(ctx, request)
		},
		func(a *authnv1.UnlockUserResponse) string {
			return "may sign in at once; it is " + standingText(a.GetUser())
		})
}

type usersBanCmd struct {
	whose
	noted
}

func (usersBanCmd) Help() string {
	return "Ends its sessions everywhere within milliseconds, voids what was issued to it, and keeps it from signing in until the ban is lifted. Example:\n\n" +
		"  . .doorward/operator.env; doorward users ban --email ada@example.com --note 'spam'"
}

func (c *usersBanCmd) Run(ctx context.Context, s streams) error {
	request := &authnv1.BanUserRequest{Note: c.Note}
	if c.User != "" {
		request.User = &authnv1.BanUserRequest_UserId{UserId: c.User}
	} else {
		request.User = &authnv1.BanUserRequest_Email{Email: c.Email}
	}
	return changeAccount(ctx, s, c.whose, c.noted,
		func(ctx context.Context, users authnv1.UserServiceClient) (*authnv1.BanUserResponse, error) {
			return users.BanUser(ctx, request)
		},
		func(a *authnv1.BanUserResponse) string {
			return fmt.Sprintf("is %s; %d sessions ended", standingText(a.GetUser()), len(a.GetEndedSessionIds()))
		})
}

type usersUnbanCmd struct {
	whose
	noted
}

func (usersUnbanCmd) Help() string {
	return "What ended with the ban stays ended. Example:\n\n  . .doorward/operator.env; doorward users unban --email ada@example.com"
}

func (c *usersUnbanCmd) Run(ctx context.Context, s streams) error {
	request := &authnv1.UnbanUserRequest{Note: c.Note}
	if c.User != "" {
		request.User = &authnv1.UnbanUserRequest_UserId{UserId: c.User}
	} else {
		request.User = &authnv1.UnbanUserRequest_Email{Email: c.Email}
	}
	return changeAccount(ctx, s, c.whose, c.noted,
		func(ctx context.Context, users authnv1.UserServiceClient) (*authnv1.UnbanUserResponse, error) {
			return users.UnbanUser(ctx, request)
		},
		func(a *authnv1.UnbanUserResponse) string { return "is " + standingText(a.GetUser()) })
}

type usersCompromisedCmd struct {
	Users       []string `arg:"" name:"user" help:"The users' ids, usr_…, at most 200."`
	EndSessions bool     `help:"End their sessions too."`
	noted
}

func (usersCompromisedCmd) Help() string {
	return "Each can sign in with its password once more, with a mailed code besides, and has to choose another. All are marked, or none. Example:\n\n" +
		"  . .doorward/operator.env; doorward users mark-compromised usr_… usr_… --end-sessions --note 'found in a leak'"
}

func (c *usersCompromisedCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.MarkCompromisedResponse]{
		service: "authn", json: c.JSON, unfound: "not all of these are users; nothing was changed",
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.MarkCompromisedResponse, error) {
			return authnv1.NewUserServiceClient(conn).MarkCompromised(ctx, &authnv1.MarkCompromisedRequest{
				UserIds: c.Users, EndSessions: c.EndSessions, Note: c.Note,
			})
		},
		show: func(w io.Writer, answer *authnv1.MarkCompromisedResponse) error {
			fmt.Fprintf(w, "%d of %d passwords are marked now; %d sessions ended\n", len(answer.GetMarkedUserIds()), len(c.Users), len(answer.GetEndedSessionIds()))
			return nil
		},
	}.run(ctx, s)
}

// standingText is what operators have said of an account.
func standingText(user *authnv1.User) string {
	var said []string
	if at := user.GetBannedAt(); at != nil {
		said = append(said, "banned since "+moment(at))
	}
	if user.GetLockedAt() != nil {
		until := "until it is unlocked"
		if at := user.GetLockedUntil(); at != nil {
			until = "until " + moment(at)
		}
		said = append(said, "locked "+until)
	}
	if len(said) == 0 {
		return "in good standing"
	}
	return strings.Join(said, ", ")
}
