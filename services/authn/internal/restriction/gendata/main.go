// Command gendata writes the disposable mail domains of package restriction, with the README and the licence that go with them. `make data` runs
// it from the repository's root, with npm on the path.
//
//	go run ./services/authn/internal/restriction/gendata
//
// By default it asks npm for the package's newest version. With -package and -published it works from a package fetched before; the same
// package gives the same output, byte for byte.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"github.com/doorward/doorward/scripts/npm"
)

// listPackage is the npm package with the domains.
const listPackage = "disposable-email-domains-js"

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
	out := flags.String("out", "services/authn/internal/restriction/data", "folder of the data")
	list := flags.String("package", "", "packed npm package with the domains; fetched if empty")
	published := flags.String("published", "", "the day it was published, such as 2026-09-21; asked for if empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	scratch, err := os.MkdirTemp("", "gendata")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()

	if *list == "" {
		if *list, err = npm.Pack(ctx, scratch, listPackage); err != nil {
			return err
		}
	}
	found, err := unpack(*list)
	if err != nil {
		return err
	}
	if *published == "" {
		if *published, err = publishedOn(ctx, found.about.Version); err != nil {
			return err
		}
	}
	return write(*out, found, *published)
}

// publishedOn asks npm for the day of a version.
func publishedOn(ctx context.Context, version string) (string, error) {
	cmd := exec.CommandContext(ctx, "npm", "view", listPackage, "time", "--json")
	cmd.Stderr = os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("npm view %s (is npm installed, and can it reach its registry?): %w", listPackage, err)
	}
	var times map[string]time.Time
	if err := json.Unmarshal(answer, &times); err != nil {
		return "", fmt.Errorf("npm's times of %s: %w", listPackage, err)
	}
	at, ok := times[version]
	if !ok {
		return "", fmt.Errorf("npm doesn't know when %s %s was published: say it with -published", listPackage, version)
	}
	return at.UTC().Format(time.DateOnly), nil
}
