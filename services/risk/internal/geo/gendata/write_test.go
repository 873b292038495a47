package main

import (
	"strings"
	"testing"
	"time"
)

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
