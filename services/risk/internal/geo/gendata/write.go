package main

import (
	"bytes"
	_ "embed" // the README's template
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
	"golang.org/x/text/language/display"

	"github.com/doorward/doorward/scripts/npm"
)

//go:embed README.tmpl
var readme string

// write makes the files of package geo's data from the two packages. LICENSE.cldr, which is in neither, stays as it is.
func write(out, addressesFile, atlasFile string) error {
	addresses, err := npm.Unpack(addressesFile, "geo-whois-asn-country.mmdb", "package.json", "NRO_LICENSE")
	if err != nil {
		return err
	}
	atlas, err := npm.Unpack(atlasFile, "countries-10m.json", "package.json", "LICENSE")
	if err != nil {
		return err
	}
	used, built, err := codes(addresses["geo-whois-asn-country.mmdb"])
	if err != nil {
		return err
	}
	table, err := countries(atlas["countries-10m.json"], used)
	if err != nil {
		return err
	}
	code, err := source(table)
	if err != nil {
		return err
	}
	about, err := describe(addresses["package.json"], atlas["package.json"], built)
	if err != nil {
		return err
	}
	return writeAll(out, map[string][]byte{
		"countries_gen.go":         code,
		"data/country.mmdb":        addresses["geo-whois-asn-country.mmdb"],
		"data/README.md":           about,
		"data/LICENSE.addresses":   addresses["NRO_LICENSE"],
		"data/LICENSE.world-atlas": atlas["LICENSE"],
	})
}

func writeAll(out string, files map[string][]byte) error {
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(out, filepath.FromSlash(name)), body, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// codes verifies the address file and lists the country codes in it.
func codes(mmdb []byte) (used []string, built time.Time, err error) {
	reader, err := maxminddb.OpenBytes(mmdb)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("address file: %w", err)
	}
	seen := map[string]bool{}
	for network := range reader.Networks() {
		var code string
		if err := network.DecodePath(&code, "country_code"); err != nil {
			return nil, time.Time{}, fmt.Errorf("address file: %s: %w", network.Prefix(), err)
		}
		if !seen[code] {
			seen[code] = true
			used = append(used, code)
		}
	}
	return used, reader.Metadata.BuildTime().UTC(), nil
}

// describe fills in the README that lies beside the data.
func describe(addresses, atlas []byte, built time.Time) ([]byte, error) {
	type source struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	var about struct {
		Addresses, Atlas source
		Built, CLDR      string
	}
	if err := json.Unmarshal(addresses, &about.Addresses); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(atlas, &about.Atlas); err != nil {
		return nil, err
	}
	if about.Atlas.Version != atlasVersion {
		return nil, fmt.Errorf("%s is version %s, not %s: its shapes and names are checked by hand, so raise the version in main.go", atlasPackage, about.Atlas.Version, atlasVersion)
	}
	about.CLDR = display.CLDRVersion
	about.Built = built.Format(time.DateOnly)
	page, err := template.New("README").Parse(readme)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = page.Execute(&b, about)
	return b.Bytes(), err
}
