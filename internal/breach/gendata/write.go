package main

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the hash that breached passwords are published under
	_ "embed"     // the README's template
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/doorward/doorward/scripts/npm"
)

//go:embed README.tmpl
var readme string

// What is taken of the package's list, which has the most used password first.
const (
	// ofAny is how many of the most used passwords are taken whatever their length: accounts that were imported may have them.
	ofAny = 1000
	// ofLength is how many are taken of those that could be set, which have at least minLength characters (package credential).
	ofLength  = 4000
	minLength = 8
)

// write makes the files of the data from the package.
func write(out, file string) error {
	files, err := npm.Unpack(file, "frequency_lists.js", "package.json", "LICENSE.txt")
	if err != nil {
		return err
	}
	ranked, err := passwords(files["frequency_lists.js"])
	if err != nil {
		return err
	}
	taken, err := take(ranked)
	if err != nil {
		return err
	}
	about, err := describe(files["package.json"], len(taken))
	if err != nil {
		return err
	}
	for name, body := range map[string][]byte{
		"most-used.sha1": hashes(taken),
		"README.md":      about,
		"LICENSE.zxcvbn": files["LICENSE.txt"],
	} {
		if err := os.WriteFile(filepath.Join(out, name), body, 0o644); err != nil {
			return err
		}
	}
	return nil
}

var list = regexp.MustCompile(`\bpasswords: ("[^"]*")`)

// passwords reads the list out of the package's source, the most used one first.
func passwords(source []byte) ([]string, error) {
	match := list.FindSubmatch(source)
	if match == nil {
		return nil, fmt.Errorf("%s has no list of passwords: has the package changed its layout?", packageName)
	}
	var text string
	quoted := strings.ReplaceAll(string(match[1]), `\'`, `'`) // the one escape that JavaScript has and JSON hasn't
	if err := json.Unmarshal([]byte(quoted), &text); err != nil {
		return nil, fmt.Errorf("the list of passwords: %w", err)
	}
	return strings.Split(text, ","), nil
}

// take chooses from the list. Each password must be in lower case, because that is how they are compared.
func take(ranked []string) ([]string, error) {
	var taken []string
	long := 0
	for rank, password := range ranked {
		if password != strings.ToLower(password) || password == "" {
			return nil, fmt.Errorf("the password of rank %d isn't in lower case, or is empty: has the list changed its form?", rank+1)
		}
		if utf8.RuneCountInString(password) >= minLength && long < ofLength {
			long++
		} else if rank >= ofAny {
			continue
		}
		taken = append(taken, password)
	}
	if long < ofLength {
		return nil, fmt.Errorf("the list has %d passwords of at least %d characters, and %d are wanted", long, minLength, ofLength)
	}
	return taken, nil
}

// hashes are the lines of the list, sorted, each once.
func hashes(taken []string) []byte {
	lines := make([]string, len(taken))
	for i, password := range taken {
		sum := sha1.Sum([]byte(password)) //nolint:gosec // see the import
		lines[i] = hex.EncodeToString(sum[:]) + "\n"
	}
	slices.Sort(lines)
	return []byte(strings.Join(slices.Compact(lines), ""))
}

// describe fills in the README that lies beside the data.
func describe(manifest []byte, passwords int) ([]byte, error) {
	var about struct {
		Name, Version, License               string
		Passwords, OfAny, OfLength, MinChars int
	}
	if err := json.Unmarshal(manifest, &about); err != nil {
		return nil, err
	}
	if about.Version != packageVersion || about.License != "MIT" {
		return nil, fmt.Errorf("%s is version %s under %s, not %s under MIT: read its licence and raise the version in main.go", packageName, about.Version, about.License, packageVersion)
	}
	about.Passwords, about.OfAny, about.OfLength, about.MinChars = passwords, ofAny, ofLength, minLength
	page, err := template.New("README").Parse(readme)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = page.Execute(&b, about)
	return b.Bytes(), err
}
