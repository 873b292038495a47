// Package npm fetches packages from npm's registry and takes files out of them, for the programs that make the data that ships. It runs at a
// developer's hand, by `make data`, and is in no binary.
package npm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxFile bounds what is read of one file of a package.
const maxFile = 64 << 20

// Pack fetches a package into dir, from wherever npm is set up to look, and returns the file.
func Pack(ctx context.Context, dir, spec string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "pack", "--silent", "--pack-destination", dir, spec)
	cmd.Stderr = os.Stderr
	name, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("npm pack %s (is npm installed, and can it reach its registry?): %w", spec, err)
	}
	return filepath.Join(dir, strings.TrimSpace(string(name))), nil
}

// Unpack returns the named files of a packed package; all of them must be there.
func Unpack(file string, names ...string) (map[string][]byte, error) {
	packed, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	found := map[string][]byte{}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		name := path.Base(header.Name)
		if !slices.Contains(names, name) {
			continue
		}
		if found[name], err = io.ReadAll(io.LimitReader(archive, maxFile)); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, name, err)
		}
	}
	for _, name := range names {
		if _, ok := found[name]; !ok {
			return nil, fmt.Errorf("%s has no %s: has the package changed its layout?", file, name)
		}
	}
	return found, nil
}
