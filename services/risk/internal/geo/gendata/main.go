// Command gendata writes the country data of package geo: the address file, the table of countries and the README and
// licences that go with them. `make data` runs it from the repository's root, with npm on the path.
//
//	go run ./services/risk/internal/geo/gendata
//
// By default it fetches both packages with `npm pack`, from wherever npm is set up to look: the addresses in their newest version, the
// shapes in the one named below.
// With -addresses and -atlas it works from files fetched before; the same files give the same output, byte for byte.
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

// The npm packages. What gendata makes of the shapes, the carves in table.go above all, was checked by eye for this version.
const (
	addressesPackage = "@ip-location-db/geo-whois-asn-country-mmdb"
	atlasPackage     = "world-atlas"
	atlasVersion     = "2.0.2"
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
	out := flags.String("out", "services/risk/internal/geo", "folder of package geo")
	addresses := flags.String("addresses", "", "packed npm package with the address file; fetched if empty")
	atlas := flags.String("atlas", "", "packed npm package with the country shapes; fetched if empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "gendata")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()

	if *addresses == "" {
		if *addresses, err = npm.Pack(ctx, scratch, addressesPackage); err != nil {
			return err
		}
	}
	if *atlas == "" {
		if *atlas, err = npm.Pack(ctx, scratch, atlasPackage+"@"+atlasVersion); err != nil {
			return err
		}
	}
	return write(*out, *addresses, *atlas)
}
