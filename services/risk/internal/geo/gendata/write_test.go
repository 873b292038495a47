package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// packed writes an npm package with these files and returns its path.
func packed(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	archive := tar.NewWriter(zip)
	for name, body := range files {
		if err := archive.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o644, Size: int64(len(body))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "package.tgz")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestUnpackWantsEveryFile(t *testing.T) {
	file := packed(t, map[string]string{"package.json": "{}", "LICENSE": "free", "other": "…"})
	got, err := unpack(file, "package.json", "LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]byte{"package.json": []byte("{}"), "LICENSE": []byte("free")}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := unpack(file, "moved.json"); err == nil || !strings.Contains(err.Error(), "moved.json") {
		t.Errorf("unpack of a package without the file: %v", err)
	}
}

// An atlas of two squares: one has a code of its own, the other is carved out of it.
func TestTableNamesPlacesAndTerritories(t *testing.T) {
	const atlas = `{
		"transform": {"scale": [1, 1], "translate": [0, 0]},
		"arcs": [[[0,44],[4,0],[0,4],[-4,0],[0,-4]], [[-55,3],[4,0],[0,2],[-4,0],[0,-2]]],
		"objects": {"countries": {"geometries": [
			{"type": "MultiPolygon", "id": "250", "arcs": [[[0]],[[1]]], "properties": {"name": "France"}},
			{"type": "Polygon", "arcs": [[0]], "properties": {"name": "Siachen Glacier"}}
		]}}}`
	table, err := countries([]byte(atlas), []string{"AN", "DE", "FR"})
	if err != nil {
		t.Fatal(err)
	}
	code, err := source(table)
	if err != nil {
		t.Fatal(err)
	}
	_, rows, _ := strings.Cut(string(code), "[...]country{\n")
	for i, want := range []string{`{"DE", "Germany", 0.00, 0.00, 0},`, `{"FR", "France", 45.99, 2.00, `, `{"GF", "French Guiana", 4.00, -53.00, `, "}"} {
		if got := strings.TrimSpace(strings.Split(rows, "\n")[i]); !strings.HasPrefix(got, want) {
			t.Errorf("row %d is %s, want %s: no withdrawn codes, no land without a code", i, got, want)
		}
	}
}

func TestReadmeSaysVersionsAndDate(t *testing.T) {
	built := time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC)
	page, err := describe([]byte(`{"name":"addresses","version":"1.2.3"}`), []byte(`{"name":"atlas","version":"`+atlasVersion+`"}`), built)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"`addresses`", "1.2.3, built 2026-06-17", "`atlas`", "CC BY 4.0"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the README lacks %q", want)
		}
	}
	if _, err := describe([]byte(`{}`), []byte(`{"version":"9"}`), built); err == nil {
		t.Error("another version of the atlas was taken without a word")
	}
}
