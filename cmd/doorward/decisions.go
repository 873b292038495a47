package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
)

type decisionsCmd struct {
	List    decisionsListCmd    `cmd:"" help:"List what risk decided, newest first."`
	Explain decisionsExplainCmd `cmd:"" help:"Show one decision, signal by signal."`
}

func (decisionsCmd) Help() string {
	return readsCertificate + " Example:\n\n  . .doorward/operator.env; doorward decisions list --user usr_…"
}

type decisionsListCmd struct {
	User  string `xor:"user" help:"Only this user's, usr_…."`
	Email string `xor:"user" help:"Only this user's, by mail address; authn is asked for the id."`
	paged
	JSON bool `name:"json" help:"Print the answer as JSON."`
}

func (decisionsListCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward decisions list --user usr_…"
}

func (c *decisionsListCmd) Run(ctx context.Context, s streams) error {
	if err := c.identify(ctx, s); err != nil {
		return err
	}
	return query[*riskv1.ListDecisionsResponse]{
		service: "risk", json: c.JSON,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*riskv1.ListDecisionsResponse, error) {
			return riskv1.NewDecisionServiceClient(conn).ListDecisions(ctx,
				&riskv1.ListDecisionsRequest{UserId: c.User, PageSize: c.Limit, PageToken: c.Page})
		},
		show: func(w io.Writer, answer *riskv1.ListDecisionsResponse) error {
			t := newTable(w, "DECISION", "DECIDED (UTC)", "PURPOSE", "USER", "IP", "GATE", "VERDICT")
			for _, d := range answer.GetDecisions() {
				t.row(d.GetId(), moment(d.GetDecidedAt()), enumText(d.GetPurpose(), "PURPOSE_"), orUnknown(d.GetUserId()), d.GetIp(),
					opinion(d.GetGate(), "GATE_"), opinion(d.GetVerdict(), "VERDICT_"))
			}
			if err := t.flush(); err != nil {
				return err
			}
			fmt.Fprint(w, c.more("decisions list"+c.of(), answer.GetNextPageToken()))
			return nil
		},
	}.run(ctx, s)
}

// identify finds the id of a user who is named by address: risk knows ids alone.
func (c *decisionsListCmd) identify(ctx context.Context, s streams) error {
	if c.User != "" && !strings.HasPrefix(c.User, "usr_") {
		return fmt.Errorf("--user: %s isn't a user's id, usr_…; for a mail address give --email", c.User)
	}
	if c.Email == "" {
		return nil
	}
	return query[*authnv1.GetUserResponse]{
		service: "authn", unfound: whose{Email: c.Email}.unfound(),
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.GetUserResponse, error) {
			return authnv1.NewUserServiceClient(conn).GetUser(ctx, &authnv1.GetUserRequest{User: &authnv1.GetUserRequest_Email{Email: c.Email}})
		},
		show: func(_ io.Writer, answer *authnv1.GetUserResponse) error {
			c.User = answer.GetUser().GetId()
			return nil
		},
	}.run(ctx, s)
}

// of is how the command line names whose decisions it lists.
func (c *decisionsListCmd) of() string {
	if c.User == "" {
		return ""
	}
	return " --user " + c.User
}

type decisionsExplainCmd struct {
	Decision string `arg:"" help:"The decision's id, dec_…."`
	JSON     bool   `name:"json" help:"Print the answer as JSON."`
}

func (decisionsExplainCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward decisions explain dec_…"
}

func (c *decisionsExplainCmd) Run(ctx context.Context, s streams) error {
	return query[*riskv1.ExplainDecisionResponse]{
		service: "risk", json: c.JSON, unfound: "no decision is " + c.Decision + "; they are shown by doorward decisions list",
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*riskv1.ExplainDecisionResponse, error) {
			return riskv1.NewDecisionServiceClient(conn).ExplainDecision(ctx, &riskv1.ExplainDecisionRequest{DecisionId: c.Decision})
		},
		show: printDecision,
	}.run(ctx, s)
}

func printDecision(w io.Writer, answer *riskv1.ExplainDecisionResponse) error {
	d := answer.GetDecision()
	if err := fields(w,
		[2]string{"decision", d.GetId()},
		[2]string{"decided (UTC)", moment(d.GetDecidedAt())},
		[2]string{"purpose", enumText(d.GetPurpose(), "PURPOSE_")},
		[2]string{"attempt", d.GetAttemptId()},
		[2]string{"user", d.GetUserId()},
		[2]string{"from", fromText(d)},
		[2]string{"known device", strconv.FormatBool(d.GetKnownDevice())},
		[2]string{"before the password", opinion(d.GetGate(), "GATE_")},
		[2]string{"after it", opinion(d.GetVerdict(), "VERDICT_")},
		[2]string{"policy version", strconv.FormatUint(d.GetPolicyVersion(), 10)},
	); err != nil {
		return err
	}
	if len(d.GetSignals()) == 0 {
		fmt.Fprintln(w, "\nNo signal had anything to say.")
		return nil
	}
	fmt.Fprintln(w)
	t := newTable(w, "SIGNAL", "SEEN", "BEFORE", "AFTER", "WHY")
	for _, s := range d.GetSignals() {
		t.row(s.GetName(), s.GetValue(), opinion(s.GetGate(), "GATE_"), opinion(s.GetVerdict(), "VERDICT_"), s.GetExplanation())
	}
	return t.flush()
}

// opinion is what risk said, or a dash where it wasn't asked.
func opinion(value fmt.Stringer, prefix string) string {
	text := enumText(value, prefix)
	if text == "unspecified" {
		return "–"
	}
	return text
}

func fromText(d *riskv1.Decision) string {
	if country := d.GetPlace().GetCountryName(); country != "" {
		return d.GetIp() + " in " + country
	}
	return d.GetIp() + ", in no known country"
}
