package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
)

type sessionsCmd struct {
	List   sessionsListCmd   `cmd:"" help:"List a user's sessions, newest first."`
	Revoke sessionsRevokeCmd `cmd:"" help:"End a session at once, everywhere."`
}

func (sessionsCmd) Help() string {
	return `Reads DOORWARD_ADDRESS, DOORWARD_API_KEY (an operator's) and DOORWARD_CA from the environment. Example:

  . .doorward/operator.env; doorward sessions list --email ada@example.com`
}

type sessionsListCmd struct {
	Email string `xor:"user" required:"" help:"The user's mail address; give this or --user."`
	User  string `xor:"user" required:"" help:"The user's id, usr_…; give this or --email."`
	Limit int32  `default:"50" help:"At most this many, 1 to 200."`
	JSON  bool   `name:"json" help:"Print the answer as JSON."`
}

func (sessionsListCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward sessions list --email ada@example.com"
}

func (c *sessionsListCmd) Run(ctx context.Context, s streams) error {
	conn, err := s.dialAuthn()
	if err != nil {
		return err
	}
	defer conn.Close()
	request := &authnv1.ListSessionsRequest{PageSize: c.Limit}
	if c.User != "" {
		request.User = &authnv1.ListSessionsRequest_UserId{UserId: c.User}
	} else {
		request.User = &authnv1.ListSessionsRequest_Email{Email: c.Email}
	}
	answer, err := authnv1.NewSessionServiceClient(conn).ListSessions(ctx, request)
	if err != nil {
		return s.advise(err, "no user is "+c.Email+c.User)
	}
	if c.JSON {
		return printJSON(s.out, answer)
	}
	return printSessions(s.out, answer.GetSessions())
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
	conn, err := s.dialAuthn()
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := authnv1.NewSessionServiceClient(conn).RevokeSession(ctx, &authnv1.RevokeSessionRequest{SessionId: c.Session, Note: c.Note})
	if err != nil {
		return s.advise(err, "no session is "+c.Session+"; a user's are shown by doorward sessions list")
	}
	if c.JSON {
		return printJSON(s.out, answer)
	}
	ended := answer.GetSession()
	fmt.Fprintf(s.out, "%s ended at %s (%s)\n", ended.GetId(), ended.GetEndedAt().AsTime().Format(time.RFC3339), endText(ended))
	return nil
}

// printJSON prints an answer, for scripts. Only answers that hold no secret come here: sessions are named, not carried.
func printJSON(w io.Writer, answer proto.Message) error {
	text, err := protojson.MarshalOptions{Multiline: true, UseProtoNames: true}.Marshal(answer) //nolint:forbidigo // for the operator who asked, and it holds no secret
	if err != nil {
		return fmt.Errorf("print as JSON: %w", err)
	}
	fmt.Fprintln(w, string(text))
	return nil
}

func printSessions(w io.Writer, sessions []*authnv1.Session) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SESSION\tSTARTED (UTC)\tLAST USED (UTC)\tSTATE\tDEVICE\tPLACE\tIP")
	for _, session := range sessions {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			session.GetId(),
			session.GetStartedAt().AsTime().Format(time.DateTime),
			session.GetLastUsedAt().AsTime().Format(time.DateTime),
			endText(session),
			deviceText(session.GetDevice()),
			orUnknown(session.GetPlace().GetCountryName()),
			session.GetIp())
	}
	return table.Flush()
}

func endText(s *authnv1.Session) string {
	if s.GetEndedAt() == nil {
		return "active"
	}
	return strings.ToLower(strings.TrimPrefix(s.GetEnd().String(), "SESSION_END_"))
}

func deviceText(d *typev1.Device) string {
	switch {
	case d.GetBrowser() != "" && d.GetSystem() != "":
		return d.GetBrowser() + " on " + d.GetSystem()
	case d.GetBrowser() != "":
		return d.GetBrowser()
	}
	return orUnknown(d.GetSystem())
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
