package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/doorward/doorward/cmd/doorward/internal/policyfile"
	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/fault"
)

type policyCmd struct {
	Get   policyGetCmd   `cmd:"" help:"Print the policy in force, as a file to edit."`
	Diff  policyDiffCmd  `cmd:"" help:"Show what a file would change."`
	Apply policyApplyCmd `cmd:"" help:"Put a file's settings in force, all or none."`
}

func (policyCmd) Help() string {
	return readsKey + ` A change is in force within a second. Example:

  . .doorward/operator.env; doorward policy get > policy.yaml
  doorward policy diff -f policy.yaml
  doorward policy apply -f policy.yaml --note 'longer passwords'`
}

type policyGetCmd struct {
	JSON bool `name:"json" help:"Print the answer as JSON."`
}

func (policyGetCmd) Help() string {
	return "What each setting is for stands in docs/policy.md. Example:\n\n  . .doorward/operator.env; doorward policy get > policy.yaml"
}

func (c *policyGetCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.GetPolicyResponse]{service: "authn", json: c.JSON, ask: getPolicy, show: printPolicy}.run(ctx, s)
}

func getPolicy(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.GetPolicyResponse, error) {
	return authnv1.NewPolicyServiceClient(conn).GetPolicy(ctx, &authnv1.GetPolicyRequest{})
}

func printPolicy(w io.Writer, answer *authnv1.GetPolicyResponse) error {
	if answer.GetVersion() == 0 {
		fmt.Fprintln(w, "# authn's policy: the defaults")
	} else {
		fmt.Fprintf(w, "# authn's policy, version %d, changed %s by %s\n", answer.GetVersion(), moment(answer.GetChangedAt()), answer.GetChangedBy())
	}
	return policyfile.Encode(w, answer.GetPolicy())
}

// policyFile is the file of a change.
type policyFile struct {
	File string `short:"f" required:"" placeholder:"FILE" help:"YAML file of settings. Those that it doesn't name stay as they are."`
}

// proposal is a policy as a file wants it, beside the one in force.
type proposal struct {
	version     uint64
	now, wanted *authnv1.Policy
}

// propose lays the file over the policy in force.
func (f policyFile) propose(ctx context.Context, conn grpc.ClientConnInterface) (proposal, error) {
	text, err := f.read()
	if err != nil {
		return proposal{}, err
	}
	answer, err := getPolicy(ctx, conn)
	if err != nil {
		return proposal{}, err
	}
	wanted := proto.CloneOf(answer.GetPolicy())
	if err := policyfile.Merge(text, wanted, renamedSettings()); err != nil {
		return proposal{}, fmt.Errorf("%s can't be applied:\n%w", f.File, err)
	}
	return proposal{answer.GetVersion(), answer.GetPolicy(), wanted}, nil
}

// renamedSettings are settings that had another name before, for whoever keeps a file of that time.
func renamedSettings() map[string]string {
	return map[string]string{
		"rate_account_starts":  "rate_identifier_starts",
		"rate_account_answers": "rate_identifier_answers",
	}
}

func (f policyFile) read() ([]byte, error) {
	file, err := os.Open(f.File)
	if err != nil {
		return nil, err
	}
	defer file.Close()                                            // it was only read
	return io.ReadAll(io.LimitReader(file, policyfile.MaxSize+1)) // one more shows that it is too large
}

// request asks for the proposal to be in force.
func (p proposal) request() *authnv1.UpdatePolicyRequest {
	return &authnv1.UpdatePolicyRequest{Policy: p.wanted, ExpectedVersion: p.version}
}

func (p proposal) differs() bool { return len(policyfile.Diff(p.now, p.wanted)) > 0 }

func (p proposal) print(w io.Writer) (changed bool) {
	changes := policyfile.Diff(p.now, p.wanted)
	for _, c := range changes {
		fmt.Fprintf(w, "%s: %s → %s\n", c.Setting, c.Before, c.After)
	}
	if len(changes) == 0 {
		fmt.Fprintf(w, "nothing differs from version %d\n", p.version)
	}
	return len(changes) > 0
}

type policyDiffCmd struct {
	policyFile
	ExitCode bool `help:"Exit with 1 when something differs."`
}

func (policyDiffCmd) Help() string {
	return "authn checks the values too, and changes nothing. Example:\n\n  . .doorward/operator.env; doorward policy diff -f policy.yaml"
}

var errDiffers = errors.New("the file differs from the policy in force")

func (c *policyDiffCmd) Run(ctx context.Context, s streams) error {
	conn, err := s.dial("authn")
	if err != nil {
		return err
	}
	defer conn.Close()
	p, err := c.propose(ctx, conn)
	if err != nil {
		return s.advise(err, "authn", "")
	}
	request := p.request()
	request.ValidateOnly = true
	answer, err := authnv1.NewPolicyServiceClient(conn).UpdatePolicy(ctx, request)
	if err != nil {
		return s.advise(err, "authn", "")
	}
	differs := p.print(s.out)
	warn(s.out, answer.GetWarnings())
	if differs && c.ExitCode {
		return errDiffers
	}
	return nil
}

type policyApplyCmd struct {
	policyFile
	Note string `help:"Why, for the audit record."`
	JSON bool   `name:"json" help:"Print the answer as JSON."`
}

func (policyApplyCmd) Help() string {
	return `Prints what was changed once it is. A file that can't be applied, or that authn refuses, changes nothing, and the command says so and exits 1. Example:

  . .doorward/operator.env; doorward policy apply -f policy.yaml --note 'longer passwords'`
}

func (c *policyApplyCmd) Run(ctx context.Context, s streams) error {
	conn, err := s.dial("authn")
	if err != nil {
		return err
	}
	defer conn.Close()
	p, err := c.propose(ctx, conn)
	if err != nil {
		return unchanged(s.advise(err, "authn", ""))
	}
	answer := &authnv1.UpdatePolicyResponse{Version: p.version}
	if p.differs() {
		request := p.request()
		request.Note = c.Note
		if answer, err = authnv1.NewPolicyServiceClient(conn).UpdatePolicy(ctx, request); err != nil {
			return unapplied(err, s.advise(err, "authn", ""))
		}
	}
	if c.JSON {
		return printJSON(s.out, answer)
	}
	if p.print(s.out) {
		fmt.Fprintf(s.out, "version %d is in force\n", answer.GetVersion())
		warn(s.out, answer.GetWarnings())
	}
	return nil
}

func unchanged(why error) error { return fmt.Errorf("nothing was changed: %w", why) }

// unapplied says of a change that failed whether it may be in force: an answer that didn't come leaves that open.
func unapplied(err, advice error) error {
	switch fault.KindOf(err) {
	case fault.Internal, fault.Unavailable, fault.DeadlineExceeded, fault.Canceled:
		return fmt.Errorf("%w\nit isn't known whether the policy was changed: doorward policy get shows it", advice)
	default:
		return unchanged(advice)
	}
}
