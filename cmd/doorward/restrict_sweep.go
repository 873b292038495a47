package main

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

type restrictSweepCmd struct {
	DryRun bool `help:"Only show who would be banned."`
	noted
}

func (restrictSweepCmd) Help() string {
	return `Bans every account of whose addresses none may sign up by the rules as they are now; its sessions end. An address that may keeps its account. Networks, invitations
and mailboxes aren't asked. A ban is lifted by doorward users unban. With --json an account a line. Example:

  . .doorward/operator.env; doorward restrict sweep --dry-run`
}

func (c *restrictSweepCmd) Run(ctx context.Context, s streams) error {
	conn, err := s.dial("authn")
	if err != nil {
		return err
	}
	defer conn.Close()
	judged, found, err := c.sweep(ctx, s, authnv1.NewRestrictionServiceClient(conn))
	if err != nil {
		return err
	}
	if c.JSON {
		return nil
	}
	what := "are banned"
	if c.DryRun {
		what = "would be banned"
	}
	fmt.Fprintf(s.out, "%d of %d accounts %s\n", found, judged, what)
	return nil
}

// sweep goes through all accounts, and shows those that it finds.
func (c *restrictSweepCmd) sweep(ctx context.Context, s streams, lists authnv1.RestrictionServiceClient) (judged, found int, err error) {
	size := int32(200)
	if !c.DryRun {
		size = 50 // each ban is a transaction, and a call has seconds
	}
	progress := s.bar("judged", thousands)
	defer progress.end()
	for token, next := "", true; next; {
		page, err := lists.SweepUsers(ctx, &authnv1.SweepUsersRequest{PageSize: size, PageToken: token, Ban: !c.DryRun, Note: c.Note})
		if err != nil {
			return 0, 0, s.advise(err, "authn", "")
		}
		progress.end()
		for _, u := range page.GetUsers() {
			if err := c.show(s, u); err != nil {
				return 0, 0, err
			}
		}
		judged, found = judged+int(page.GetJudged()), found+len(page.GetUsers())
		progress.at(int64(judged), 0)
		token = page.GetNextPageToken()
		next = token != ""
	}
	return judged, found, nil
}

// show prints an account on a line as soon as its page is there: what was banned has been shown when a later page fails.
func (c *restrictSweepCmd) show(s streams, u *authnv1.SweptUser) error {
	if !c.JSON {
		_, err := fmt.Fprintf(s.out, "%s  %s  %s\n", u.GetUserId(), u.GetEmail(), u.GetRule())
		return err
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(u) //nolint:forbidigo // for the operator who asked
	if err != nil {
		return fmt.Errorf("print as JSON: %w", err)
	}
	_, err = fmt.Fprintln(s.out, string(text))
	return err
}
