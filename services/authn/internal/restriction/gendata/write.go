package main

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the README's template
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/doorward/doorward/scripts/npm"
	"github.com/doorward/doorward/services/authn/internal/account"
)

//go:embed README.tmpl
var readme string

const (
	// fewest is a number of domains below which the package must have changed its layout: it had 8,883 in September 2026.
	fewest = 1000
	// licence is the only one under which the list is taken.
	licence = "CC0-1.0"

	domainsFile = "disposable_email_blocklist.json"
)

// about is what the package says of itself.
type about struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	License string `json:"license"`
}

// list is what is taken from the package.
type list struct {
	about   about
	domains []string
	licence []byte
}

// unpack reads a packed npm package. All it needs must be there.
func unpack(file string) (list, error) {
	files, err := npm.Unpack(file, "package.json", "LICENSE", domainsFile)
	if err != nil {
		return list{}, err
	}
	l := list{licence: files["LICENSE"]}
	if err := json.Unmarshal(files["package.json"], &l.about); err != nil {
		return list{}, fmt.Errorf("%s: package.json: %w", file, err)
	}
	if l.about.License != licence {
		return list{}, fmt.Errorf("%s is under the licence %q, not %s: read it before you take the list", file, l.about.License, licence)
	}
	var domains []string
	if err := json.Unmarshal(files[domainsFile], &domains); err != nil {
		return list{}, fmt.Errorf("%s: %s: %w", file, domainsFile, err)
	}
	l.domains, err = canonical(domains)
	return l, err
}

// canonical folds the domains, sorts them, and leaves out those that are twice or below another one, which stands for them too. A single label is
// refused: it would be a whole top-level domain.
func canonical(domains []string) ([]string, error) {
	all := map[string]bool{}
	for _, written := range domains {
		domain, ok := account.CanonicalDomain(written)
		if !ok || !strings.Contains(domain, ".") {
			return nil, fmt.Errorf("%q isn't a domain: look at what the package has become", written)
		}
		all[domain] = true
	}
	var kept []string
	for domain := range all {
		covered := false
		for _, above, more := strings.Cut(domain, "."); more && !covered; _, above, more = strings.Cut(above, ".") {
			covered = all[above]
		}
		if !covered {
			kept = append(kept, domain)
		}
	}
	if len(kept) < fewest {
		return nil, fmt.Errorf("there are only %d domains: look at what the package has become", len(kept))
	}
	slices.Sort(kept)
	return kept, nil
}

func write(out string, l list, published string) error {
	if _, err := time.Parse(time.DateOnly, published); err != nil {
		return fmt.Errorf("-published: %w", err)
	}
	var zipped bytes.Buffer
	zip, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = io.WriteString(zip, strings.Join(l.domains, "\n")+"\n")
	if err := errors.Join(err, zip.Close()); err != nil {
		return err
	}
	page, err := template.New("README").Parse(readme)
	if err != nil {
		return err
	}
	var described bytes.Buffer
	if err := page.Execute(&described, map[string]any{
		"Package": l.about.Name, "Version": l.about.Version, "Published": published, "Domains": len(l.domains), "File": domainsFile,
	}); err != nil {
		return err
	}
	for name, body := range map[string][]byte{
		"disposable.txt.gz": zipped.Bytes(),
		"README.md":         described.Bytes(),
		"LICENSE":           l.licence,
	} {
		if err := os.WriteFile(filepath.Join(out, name), body, 0o644); err != nil {
			return err
		}
	}
	return nil
}
