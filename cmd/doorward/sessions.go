package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

type sessionsCmd struct {
	List      sessionsListCmd      `cmd:"" help:"List a user's sessions, newest first."`
	Revoke    sessionsRevokeCmd    `cmd:"" help:"End a session at once, everywhere."`
	RevokeAll sessionsRevokeAllCmd `cmd:"" help:"End all of a user's sessions at once, everywhere."`
}

func (sessionsCmd) Help() string {
	return readsKey + " Example:\n\n  . .doorward/operator.env; doorward sessions list --email ada@example.com"
}

type sessionsListCmd struct {
	whose
	paged
	JSON bool `name:"json" help:"Print the answer as JSON."`
}

func (sessionsListCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward sessions list --email ada@example.com"
}

func (c *sessionsListCmd) Run(ctx context.Context, s streams) error {
	request := &authnv1.ListSessionsRequest{PageSize: c.Limit, PageToken: c.Page}
	if c.User != "" {
		request.User = &authnv1.ListSessionsRequest_UserId{UserId: c.User}
	} else {
		request.User = &authnv1.ListSessionsRequest_Email{Email: c.Email}
	}
	return query[*authnv1.ListSessionsResponse]{
		service: "authn", json: c.JSON, unfound: c.unfound(), show: c.print,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.ListSessionsResponse, error) {
			return authnv1.NewSessionServiceClient(conn).ListSessions(ctx, request)
		},
	}.run(ctx, s)
}

type sessionsRevokeCmd struct {
	Session string `arg:"" help:"The session's id, ses_…."`
	Note    string `help:"Why, for the audit record."`
	JSON    bool   `name:"json" help:"Print the answer as JSON."`
}

func (sessionsRevokeCmd) Help() string {
	return "Guarded services refuse the session's tokens within milliseconds. Example:\n\n  . .doorward/operator.env; doorward sessions revoke ses_… --note 'lost laptop'"
}

func (c *sessionsRevokeCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.RevokeSessionResponse]{
		service: "authn", json: c.JSON, unfound: "no session is " + c.Session + "; a user's are shown by doorward sessions list",
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.RevokeSessionResponse, error) {
			return authnv1.NewSessionServiceClient(conn).RevokeSession(ctx, &authnv1.RevokeSessionRequest{SessionId: c.Session, Note: c.Note})
		},
		show: func(w io.Writer, answer *authnv1.RevokeSessionResponse) error {
			ended := answer.GetSession()
			fmt.Fprintf(w, "%s ended at %s (%s)\n", ended.GetId(), ended.GetEndedAt().AsTime().Format(time.RFC3339), endText(ended))
			return nil
		},
	}.run(ctx, s)
}

type sessionsRevokeAllCmd struct {
	whose
	Note string `help:"Why, for the audit record."`
	JSON bool   `name:"json" help:"Print the answer as JSON."`
}

func (sessionsRevokeAllCmd) Help() string {
	return `Guarded services refuse the sessions' tokens within milliseconds. What the user needs to sign in again stays the same; devices stay trusted. Example:

  . .doorward/operator.env; doorward sessions revoke-all --email ada@example.com --note 'asked by phone'`
}

func (c *sessionsRevokeAllCmd) Run(ctx context.Context, s streams) error {
	request := &authnv1.RevokeUserSessionsRequest{Note: c.Note}
	if c.User != "" {
		request.User = &authnv1.RevokeUserSessionsRequest_UserId{UserId: c.User}
	} else {
		request.User = &authnv1.RevokeUserSessionsRequest_Email{Email: c.Email}
	}
	return query[*authnv1.RevokeUserSessionsResponse]{
		service: "authn", json: c.JSON, unfound: c.unfound(),
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.RevokeUserSessionsResponse, error) {
			return authnv1.NewSessionServiceClient(conn).RevokeUserSessions(ctx, request)
		},
		show: func(w io.Writer, answer *authnv1.RevokeUserSessionsResponse) error {
			fmt.Fprintf(w, "%d sessions of %s ended\n", len(answer.GetSessionIds()), answer.GetUserId())
			for _, id := range answer.GetSessionIds() {
				fmt.Fprintf(w, "  %s\n", id)
			}
			return nil
		},
	}.run(ctx, s)
}

func (c *sessionsListCmd) print(w io.Writer, answer *authnv1.ListSessionsResponse) error {
	t := newTable(w, "SESSION", "STARTED (UTC)", "LAST USED (UTC)", "STATE", "DEVICE", "PLACE", "IP")
	for _, session := range answer.GetSessions() {
		t.row(session.GetId(), moment(session.GetStartedAt()), moment(session.GetLastUsedAt()), endText(session),
			deviceText(session.GetDevice()), orUnknown(session.GetPlace().GetCountryName()), session.GetIp())
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprint(w, c.more("sessions list"+c.flag(), answer.GetNextPageToken()))
	return nil
}

func endText(s *authnv1.Session) string {
	if s.GetEndedAt() == nil {
		return "active"
	}
	return strings.ToLower(strings.TrimPrefix(s.GetEnd().String(), "SESSION_END_"))
}
