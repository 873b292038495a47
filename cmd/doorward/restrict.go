package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

type restrictCmd struct {
	Add     restrictAddCmd     `cmd:"" help:"Put entries into a list."`
	Remove  restrictRemoveCmd  `cmd:"" help:"Take entries out of a list."`
	List    restrictListCmd    `cmd:"" help:"Show a list."`
	Import  restrictImportCmd  `cmd:"" help:"Put the entries of a file into a list."`
	Sweep   restrictSweepCmd   `cmd:"" help:"Judge the accounts that exist, and ban those that may not sign up."`
	Explain restrictExplainCmd `cmd:"" help:"Say whether an address may sign up, and what every rule says of it."`
}

func (restrictCmd) Help() string {
	return readsKey + ` The lists are allow, block, disposable and not-disposable; what they are used for stands in the policy, under restriction_…
(docs/restrictions.md). Accounts that exist aren't touched but by a sweep. Example:

  . .doorward/operator.env; doorward restrict add block spam.example '*.spam.example' 192.0.2.0/24 --note 'spam'
  doorward restrict explain somebody@spam.example`
}

// listed names a list.
type listed struct {
	List string `arg:"" enum:"allow,block,disposable,not-disposable" help:"allow, block, disposable or not-disposable."`
}

func (l listed) message() authnv1.RestrictionList {
	name := "RESTRICTION_LIST_" + strings.ToUpper(strings.ReplaceAll(l.List, "-", "_"))
	return authnv1.RestrictionList(authnv1.RestrictionList_value[name])
}

// warn prints what the operator should know, a line each.
func warn(w io.Writer, warnings []*authnv1.RestrictionWarning) {
	for _, warning := range warnings {
		fmt.Fprintf(w, "warning: %s\n", warning.GetText())
	}
}

type restrictAddCmd struct {
	listed
	Entries []string `arg:"" name:"entry" help:"user@example.com, example.com (that domain alone), *.example.com (all below it) or 192.0.2.0/24; at most 1000."`
	noted
}

func (restrictAddCmd) Help() string {
	return "All are added, or none; those that are there already stay as they are. Example:\n\n" +
		"  . .doorward/operator.env; doorward restrict add block spam.example '*.spam.example' --note 'spam'"
}

func (c *restrictAddCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.AddEntriesResponse]{
		service: "authn", json: c.JSON, whole: true,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.AddEntriesResponse, error) {
			return authnv1.NewRestrictionServiceClient(conn).AddEntries(ctx,
				&authnv1.AddEntriesRequest{List: c.message(), Entries: c.Entries, Note: c.Note})
		},
		show: func(w io.Writer, answer *authnv1.AddEntriesResponse) error {
			fmt.Fprintf(w, "%d of %d are new in the list %s\n", len(answer.GetAdded()), len(c.Entries), c.List)
			warn(w, answer.GetWarnings())
			return nil
		},
	}.run(ctx, s)
}

type restrictRemoveCmd struct {
	listed
	Entries []string `arg:"" name:"entry" help:"The entries, in any spelling; at most 1000."`
	noted
}

func (restrictRemoveCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward restrict remove block spam.example --note 'has a new owner'"
}

func (c *restrictRemoveCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.RemoveEntriesResponse]{
		service: "authn", json: c.JSON, whole: true,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.RemoveEntriesResponse, error) {
			return authnv1.NewRestrictionServiceClient(conn).RemoveEntries(ctx,
				&authnv1.RemoveEntriesRequest{List: c.message(), Entries: c.Entries, Note: c.Note})
		},
		show: func(w io.Writer, answer *authnv1.RemoveEntriesResponse) error {
			fmt.Fprintf(w, "%d of %d are gone from the list %s\n", len(answer.GetRemoved()), len(c.Entries), c.List)
			for _, entry := range answer.GetAbsent() {
				fmt.Fprintf(w, "%s wasn't in it\n", entry)
			}
			warn(w, answer.GetWarnings())
			return nil
		},
	}.run(ctx, s)
}

type restrictListCmd struct {
	listed
	paged
	JSON bool `name:"json" help:"Print the answer as JSON."`
}

func (restrictListCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward restrict list block"
}

func (c *restrictListCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.ListEntriesResponse]{
		service: "authn", json: c.JSON,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.ListEntriesResponse, error) {
			return authnv1.NewRestrictionServiceClient(conn).ListEntries(ctx,
				&authnv1.ListEntriesRequest{List: c.message(), PageSize: c.Limit, PageToken: c.Page})
		},
		show: func(w io.Writer, answer *authnv1.ListEntriesResponse) error {
			if len(answer.GetEntries()) == 0 {
				fmt.Fprintf(w, "the list %s has no entries here\n", c.List)
				return nil
			}
			t := newTable(w, "ENTRY", "ADDED (UTC)", "BY", "NOTE")
			for _, e := range answer.GetEntries() {
				t.row(e.GetEntry(), moment(e.GetAddedAt()), e.GetAddedBy(), e.GetNote())
			}
			if err := t.flush(); err != nil {
				return err
			}
			fmt.Fprint(w, c.more("restrict list "+c.List, answer.GetNextPageToken()))
			return nil
		},
	}.run(ctx, s)
}

type restrictExplainCmd struct {
	Email string `arg:"" help:"The address, as somebody would type it."`
	IP    string `name:"ip" placeholder:"IP" help:"Where they would come from, to ask the rules about networks too."`
	JSON  bool   `name:"json" help:"Print the answer as JSON."`
}

func (restrictExplainCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward restrict explain somebody@spam.example --ip 192.0.2.7"
}

func (c *restrictExplainCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.ExplainAddressResponse]{
		service: "authn", json: c.JSON,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.ExplainAddressResponse, error) {
			return authnv1.NewRestrictionServiceClient(conn).ExplainAddress(ctx, &authnv1.ExplainAddressRequest{Email: c.Email, Ip: c.IP})
		},
		show: func(w io.Writer, answer *authnv1.ExplainAddressResponse) error {
			if answer.GetAllowed() {
				fmt.Fprintf(w, "%s may sign up\n", c.Email)
			} else {
				fmt.Fprintf(w, "%s may not sign up: %s\n", c.Email, answer.GetRule())
			}
			if i := answer.GetInvitation(); i != nil {
				fmt.Fprintf(w, "invited until %s: %s\n", moment(i.GetExpiresAt()), i.GetId())
			}
			if len(answer.GetFindings()) == 0 {
				return nil
			}
			t := newTable(w, "RULE", "EFFECT", "BECAUSE OF")
			for _, f := range answer.GetFindings() {
				t.row(f.GetRule(), f.GetEffect(), because(f))
			}
			return t.flush()
		},
	}.run(ctx, s)
}

// because is what a rule found.
func because(f *authnv1.RestrictionFinding) string {
	switch {
	case f.GetEntry() != "":
		return fmt.Sprintf("%s in %s", f.GetEntry(), enumText(f.GetList(), "RESTRICTION_LIST_"))
	case f.GetShipped() != "":
		return f.GetShipped() + " in the list that ships"
	case f.GetTag() != "":
		return fmt.Sprintf("the tag %s of %s", f.GetTag(), f.GetMailbox())
	case f.GetInvitationId() != "":
		return f.GetInvitationId()
	}
	return f.GetMailbox()
}
