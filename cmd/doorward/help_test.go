package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestEveryCommandShowsAnExample goes through the command line as it is declared, so that a command that is added is looked at too.
func TestEveryCommandShowsAnExample(t *testing.T) {
	parser, err := kong.New(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = kong.Visit(parser.Model.Node, func(node kong.Visitable, next kong.Next) error {
		if command, ok := node.(*kong.Node); ok {
			seen++
			showsExample(t, command)
		}
		return next(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	const least = 15
	if seen < least {
		t.Errorf("looked at %d commands, there are at least %d", seen, least)
	}
}

// showsExample asks for a command's help, as a person does.
func showsExample(t *testing.T, command *kong.Node) {
	t.Helper()
	var out, errs bytes.Buffer
	args := append(commandWords(command), "--help")
	if code := run(t.Context(), args, streams{out: &out, err: &errs}); code != exitOK {
		t.Errorf("doorward %s: exit code %d", strings.Join(args, " "), code)
	}
	if text := out.String(); !strings.Contains(text, "Example:\n\n") || !strings.Contains(text, "doorward ") {
		t.Errorf("doorward %s shows no example:\n%s", strings.Join(args, " "), text)
	}
	if errs.Len() > 0 {
		t.Errorf("doorward %s complains: %s", strings.Join(args, " "), errs.String())
	}
}
