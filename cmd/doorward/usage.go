package main

import (
	"bytes"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// printHelp is kong's help with a usage line that can be typed.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	var text bytes.Buffer
	out := ctx.Stdout
	ctx.Stdout = &text
	err := kong.DefaultHelpPrinter(options, ctx)
	ctx.Stdout = out
	if err != nil {
		return err
	}
	node := ctx.Selected()
	if node == nil {
		node = ctx.Model.Node
	}
	_, err = out.Write([]byte(usage(node, text.String())))
	return err
}

// usage mends what kong writes of a command: of flags of which one is needed it names all as if all were, and other names of a command stand in brackets that a
// shell takes for something else.
func usage(command *kong.Node, text string) string {
	var choices []string
	of := map[string][]string{}
	for _, flag := range command.Flags {
		for _, choice := range flag.Xor {
			if !flag.Required {
				continue
			}
			if !slices.Contains(choices, choice) {
				choices = append(choices, choice)
			}
			of[choice] = append(of[choice], flag.Summary())
		}
	}
	for _, choice := range choices {
		flags := of[choice]
		text = strings.Replace(text, strings.Join(flags, " "), "("+strings.Join(flags, " | ")+")", 1)
	}
	for _, named := range append(slices.Clone(command.Children), command) {
		if len(named.Aliases) > 0 {
			text = strings.ReplaceAll(text, " ("+strings.Join(named.Aliases, ",")+")", "")
		}
	}
	return text
}

// commandWords are what leads to a command.
func commandWords(command *kong.Node) []string {
	if command.Parent == nil {
		return nil
	}
	return append(commandWords(command.Parent), command.Name)
}
