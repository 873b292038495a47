package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

type usersCmd struct {
	List usersListCmd `cmd:"" help:"List the accounts, the oldest first."`
	Show usersShowCmd `cmd:"" help:"Show one account."`

	Import usersImportCmd `cmd:"" help:"Make accounts of another system's users, with the passwords that they have there."`

	Lock        usersLockCmd        `cmd:"" help:"Keep an account from signing in, for a time or until it is unlocked."`
	Unlock      usersUnlockCmd      `cmd:"" help:"End a lock, and the waits after failures."`
	Ban         usersBanCmd         `cmd:"" help:"Shut an account out: end its sessions, and keep it from signing in."`
	Unban       usersUnbanCmd       `cmd:"" help:"Lift a ban."`
	Compromised usersCompromisedCmd `cmd:"" name:"mark-compromised" help:"Have users choose another password at their next sign-in."`
}

func (usersCmd) Help() string {
	return readsKey + " Example:\n\n  . .doorward/operator.env; doorward users show --email ada@example.com"
}

type usersListCmd struct {
	paged
	JSON bool `name:"json" help:"Print the answer as JSON."`
}

func (usersListCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward users list --limit 200"
}

func (c *usersListCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.ListUsersResponse]{
		service: "authn", json: c.JSON, show: c.print,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.ListUsersResponse, error) {
			return authnv1.NewUserServiceClient(conn).ListUsers(ctx, &authnv1.ListUsersRequest{PageSize: c.Limit, PageToken: c.Page})
		},
	}.run(ctx, s)
}

type usersShowCmd struct {
	Email      string `xor:"user" required:"" help:"The user's mail address; give this, --user or --external-id."`
	User       string `xor:"user" required:"" help:"The user's id, usr_…."`
	ExternalID string `xor:"user" required:"" name:"external-id" help:"The id that the system which the user was imported from has."`
	JSON       bool   `name:"json" help:"Print the answer as JSON."`
}

func (usersShowCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward users show --email ada@example.com"
}

func (c *usersShowCmd) Run(ctx context.Context, s streams) error {
	request := &authnv1.GetUserRequest{}
	switch {
	case c.User != "":
		request.User = &authnv1.GetUserRequest_UserId{UserId: c.User}
	case c.ExternalID != "":
		request.User = &authnv1.GetUserRequest_ExternalId{ExternalId: c.ExternalID}
	default:
		request.User = &authnv1.GetUserRequest_Email{Email: c.Email}
	}
	return query[*authnv1.GetUserResponse]{
		service: "authn", json: c.JSON, unfound: "no user is " + c.User + c.ExternalID + c.Email, show: printUser,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.GetUserResponse, error) {
			return authnv1.NewUserServiceClient(conn).GetUser(ctx, request)
		},
	}.run(ctx, s)
}

func (c *usersListCmd) print(w io.Writer, answer *authnv1.ListUsersResponse) error {
	t := newTable(w, "USER", "SIGNED UP (UTC)", "PASSWORD", "EMAIL")
	for _, user := range answer.GetUsers() {
		t.row(user.GetId(), moment(user.GetCreatedAt()), passwordText(user), primary(user))
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprint(w, c.more("users list", answer.GetNextPageToken()))
	return nil
}

func printUser(w io.Writer, answer *authnv1.GetUserResponse) error {
	user := answer.GetUser()
	pairs := [][2]string{
		{"user", user.GetId()},
		{"external id", user.GetExternalId()},
		{"name", user.GetName()},
		{"signed up (UTC)", moment(user.GetCreatedAt())},
		{"password", passwordText(user)},
		{"password set (UTC)", moment(user.GetPasswordSetAt())},
		{"standing", standingText(user)},
		{"imported (UTC)", moment(user.GetImportedAt())},
		{"learns until (UTC)", moment(user.GetLearnUntil())},
		{"security epoch", strconv.FormatUint(user.GetSecurityEpoch(), 10)},
	}
	for _, email := range user.GetEmails() {
		pairs = append(pairs, [2]string{"email", emailText(email)})
	}
	return fields(w, pairs...)
}

func passwordText(user *authnv1.User) string {
	if user.GetPassword() == authnv1.PasswordState_PASSWORD_STATE_UNSPECIFIED {
		return "none"
	}
	return enumText(user.GetPassword(), "PASSWORD_STATE_")
}

// primary is the address that codes go to.
func primary(user *authnv1.User) string {
	for _, email := range user.GetEmails() {
		if email.GetRemovedAt() == nil {
			return email.GetAddress()
		}
	}
	return ""
}

func emailText(email *authnv1.UserEmail) string {
	said := []string{email.GetAddress()}
	if at := email.GetVerifiedAt(); at != nil {
		said = append(said, "verified "+moment(at))
	} else {
		said = append(said, "not verified")
	}
	if at := email.GetRemovedAt(); at != nil {
		said = append(said, "removed "+moment(at))
	}
	return strings.Join(said, ", ")
}
