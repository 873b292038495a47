// Command doorward is the whole suite in one binary: each service as a subcommand, all of them together as `dev` for development and as `serve` for
// production, `demo` to see the story, and the operators' commands. Commands that talk to a running service are gRPC clients; those that work on files say so in their help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/doorward/doorward/internal/app"
)

func main() {
	ctx, stop := app.SignalContext(context.Background())
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Environ()})
	stop()
	os.Exit(code)
}

// streams are where a command reads and writes, and the environment that it reads.
type streams struct {
	in       io.Reader // nil where nothing is to be read
	out, err io.Writer
	env      []string
}

// Exit codes, for scripts.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// cli is the command line.
type cli struct {
	Version kong.VersionFlag `help:"Print the version and exit."`

	Dev     devCmd     `cmd:"" help:"Run the whole suite in this process, for development: embedded NATS, an inbox for its mails, data in .doorward."`
	Serve   serveCmd   `cmd:"" help:"Run the whole suite in this process, in production settings, on what doorward init made."`
	Demo    demoCmd    `cmd:"" help:"Play the story: a sign-up, a stranger's sign-in, the alert, and what the owner's answer ends."`
	Init    initCmd    `cmd:"" help:"Make what a production deployment needs on disk: certificates, keys, the first API keys."`
	Authn   authnCmd   `cmd:"" help:"Run authn, or make a deployment's first API keys."`
	Risk    riskCmd    `cmd:"" help:"Run risk."`
	Notify  notifyCmd  `cmd:"" help:"Run notify."`
	Portal  portalCmd  `cmd:"" help:"Run the portal."`
	Inbox   inboxCmd   `cmd:"" help:"Run a development mail server with a page that shows what arrived."`
	Certs   certsCmd   `cmd:"" help:"Make or renew the services' certificates, on files."`
	NATS    natsCmd    `cmd:"" name:"nats" help:"Make the nkeys that services connect to NATS with, on files."`
	Streams streamsCmd `cmd:"" help:"Declare the streams at a NATS server."`

	Users     usersCmd       `cmd:"" help:"Show accounts, lock and ban them (these, in development, after . .doorward/operator.env)."`
	Sessions  sessionsCmd    `cmd:"" help:"List and revoke sessions."`
	Devices   devicesCmd     `cmd:"" help:"List devices, and take their trust away."`
	Apps      appsCmd        `cmd:"" help:"Register applications; make, rotate and revoke their API keys."`
	Keys      keysCmd        `cmd:"" help:"List, rotate and replace the signing keys."`
	Policy    policyCmd      `cmd:"" help:"Show and change what authn's operators may tune, while it runs."`
	Restrict  restrictCmd    `cmd:"" help:"Say who may sign up: lists of addresses, domains and networks; ask why somebody may not."`
	Invite    invitationsCmd `cmd:"" name:"invitations" help:"Invite people to sign up; list and revoke invitations."`
	Decisions decisionsCmd   `cmd:"" help:"Show what risk decided, and why."`
	Dead      deadCmd        `cmd:"" help:"List, replay and drop messages that couldn't be handled."`
	Backup    backupCmd      `cmd:"" help:"Copy the stores of running services to disk."`
	Restore   restoreCmd     `cmd:"" help:"Put a backup in the place of a stopped service's store, and end what was issued, on files."`
	Selftest  selftestCmd    `cmd:"" help:"Measure on a running deployment that strangers can't learn who has an account."`
	Breach    breachCmd      `cmd:"" help:"Build the corpus of breached passwords, and look passwords up, on files."`
	Config    configCmd      `cmd:"" help:"Print a service's configuration and where each value comes from; secrets are hidden."`
	Health    healthCmd      `cmd:"" help:"Ask a service whether it serves."`
}

// run is main without the process: it parses, runs the command and returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	var root cli
	exit := -1
	parser, err := kong.New(&root,
		kong.Name("doorward"),
		kong.Description("Sign-in security that backend teams run themselves. Example:\n\n  doorward dev"),
		kong.Writers(s.out, s.err),
		kong.Help(printHelp),
		kong.Exit(func(code int) { exit = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
		kong.Vars{"version": version()},
	)
	if err != nil {
		return s.fail(err)
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 { // --help was printed
		return exit
	}
	if err != nil {
		return s.misused(err)
	}
	if err := parsed.Run(); err != nil && !errors.Is(err, context.Canceled) {
		return s.fail(err)
	}
	return exitOK
}

// misused says what is wrong with the command line, after one line of usage of the command as far as it was understood.
func (s streams) misused(err error) int {
	help := "doorward --help"
	var parse *kong.ParseError
	if errors.As(err, &parse) {
		node := parse.Context.Selected()
		if node == nil {
			node = parse.Context.Model.Node
		}
		fmt.Fprintf(s.err, "Usage: %s\n", usage(node, strings.TrimSpace("doorward "+strings.TrimSpace(node.Summary()))))
		help = strings.Join(append([]string{"doorward"}, commandWords(node)...), " ") + " --help"
	}
	fmt.Fprintf(s.err, "doorward: %v; see %s\n", err, help)
	return exitUsage
}

// fail says what went wrong. Most commands have one way to fail.
func (s streams) fail(err error) int {
	fmt.Fprintf(s.err, "doorward: %v\n", err)
	if other, ok := errors.AsType[*exitError](err); ok {
		return other.code
	}
	return exitFailed
}

// exitError is the error of a command whose exit codes say more.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }
