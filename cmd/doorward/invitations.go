package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

type invitationsCmd struct {
	Create invitationsCreateCmd `cmd:"" help:"Invite addresses, and mail each its invitation."`
	List   invitationsListCmd   `cmd:"" help:"List invitations, the newest first."`
	Revoke invitationsRevokeCmd `cmd:"" help:"Make an invitation useless."`
}

func (invitationsCmd) Help() string {
	return readsKey + ` With the policy restriction_access_mode: invitation_only nobody signs up without one (docs/invitations.md). Example:

  . .doorward/operator.env; doorward invitations create ada@example.com --note 'starts in May'
  doorward invitations list --state pending`
}

type invitationsCreateCmd struct {
	Emails    []string `arg:"" name:"email" help:"The addresses, at most 100. One that is invited already gets a new invitation in the place of the old."`
	ShowToken bool     `help:"Print the tokens, once, instead of mailing them."`
	noted
}

func (invitationsCreateCmd) Help() string {
	return `All are invited, or none. Whoever has an account gets no invitation. Example:

  . .doorward/operator.env; doorward invitations create ada@example.com bob@example.com
  doorward invitations create ada@example.com --show-token --json`
}

func (c *invitationsCreateCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.CreateInvitationsResponse]{
		service: "authn", json: c.JSON, show: c.print, whole: true,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.CreateInvitationsResponse, error) {
			return authnv1.NewInvitationServiceClient(conn).CreateInvitations(ctx,
				&authnv1.CreateInvitationsRequest{Emails: c.Emails, ReturnTokens: c.ShowToken, Note: c.Note})
		},
	}.run(ctx, s)
}

func (c *invitationsCreateCmd) print(w io.Writer, answer *authnv1.CreateInvitationsResponse) error {
	for _, r := range answer.GetResults() {
		i := r.GetInvitation()
		if i == nil {
			fmt.Fprintf(w, "%s has an account already: %s\n", r.GetEmail(), r.GetUserId())
			continue
		}
		fmt.Fprintf(w, "%s is invited until %s: %s\n", r.GetEmail(), moment(i.GetExpiresAt()), i.GetId())
		if r.GetToken() != "" {
			fmt.Fprintf(w, "  its token, shown once: %s\n", r.GetToken())
		}
		if r.GetReplacedId() != "" {
			fmt.Fprintf(w, "  in the place of %s, which is revoked\n", r.GetReplacedId())
		}
		if r.GetRefusedBy() != "" {
			fmt.Fprintf(w, "warning: %s may not sign up all the same: %s\n", r.GetEmail(), r.GetRefusedBy())
		}
	}
	return nil
}

type invitationsListCmd struct {
	State string `enum:",pending,accepted,revoked,expired" default:"" placeholder:"STATE" help:"Only those that are pending, accepted, revoked or expired."`
	Email string `placeholder:"EMAIL" help:"Only those for this address."`
	paged
	JSON bool `name:"json" help:"Print the answer as JSON."`
}

func (invitationsListCmd) Help() string {
	return "Those that have ended are listed for 30 days. Example:\n\n  . .doorward/operator.env; doorward invitations list --state pending"
}

func (c *invitationsListCmd) Run(ctx context.Context, s streams) error {
	state := authnv1.InvitationState(authnv1.InvitationState_value["INVITATION_STATE_"+strings.ToUpper(c.State)])
	return query[*authnv1.ListInvitationsResponse]{
		service: "authn", json: c.JSON, show: c.print,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.ListInvitationsResponse, error) {
			return authnv1.NewInvitationServiceClient(conn).ListInvitations(ctx,
				&authnv1.ListInvitationsRequest{PageSize: c.Limit, PageToken: c.Page, State: state, Email: c.Email})
		},
	}.run(ctx, s)
}

func (c *invitationsListCmd) print(w io.Writer, answer *authnv1.ListInvitationsResponse) error {
	if len(answer.GetInvitations()) == 0 {
		fmt.Fprintln(w, "no such invitations here")
	} else {
		t := newTable(w, "INVITATION", "STATE", "EMAIL", "MADE (UTC)", "ENDS (UTC)", "BY", "NOTE")
		for _, i := range answer.GetInvitations() {
			t.row(i.GetId(), enumText(i.GetState(), "INVITATION_STATE_"), i.GetEmail(), moment(i.GetCreatedAt()), moment(i.GetExpiresAt()), i.GetCreatedBy(), i.GetNote())
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	fmt.Fprint(w, c.more(c.command(), answer.GetNextPageToken()))
	return nil
}

// command is the command again, as far as it says which invitations.
func (c *invitationsListCmd) command() string {
	words := "invitations list"
	if c.State != "" {
		words += " --state " + c.State
	}
	if c.Email != "" {
		words += " --email " + c.Email
	}
	return words
}

type invitationsRevokeCmd struct {
	Invitation string `arg:"" help:"Its id, or the address that was invited."`
	noted
}

func (invitationsRevokeCmd) Help() string {
	return "A sign-up that has begun with it ends too. One that was accepted stays so. Example:\n\n" +
		"  . .doorward/operator.env; doorward invitations revoke ada@example.com --note 'wrong address'"
}

func (c *invitationsRevokeCmd) Run(ctx context.Context, s streams) error {
	request := &authnv1.RevokeInvitationRequest{Note: c.Note}
	if strings.Contains(c.Invitation, "@") {
		request.Invitation = &authnv1.RevokeInvitationRequest_Email{Email: c.Invitation}
	} else {
		request.Invitation = &authnv1.RevokeInvitationRequest_InvitationId{InvitationId: c.Invitation}
	}
	return query[*authnv1.RevokeInvitationResponse]{
		service: "authn", json: c.JSON, unfound: c.Invitation + " is no invitation, or of no address that has one; see doorward invitations list",
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.RevokeInvitationResponse, error) {
			return authnv1.NewInvitationServiceClient(conn).RevokeInvitation(ctx, request)
		},
		show: func(w io.Writer, answer *authnv1.RevokeInvitationResponse) error {
			i := answer.GetInvitation()
			fmt.Fprintf(w, "%s for %s is %s\n", i.GetId(), i.GetEmail(), enumText(i.GetState(), "INVITATION_STATE_"))
			return nil
		},
	}.run(ctx, s)
}
