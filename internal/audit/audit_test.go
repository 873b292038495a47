package audit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/audit/audittest"
	"github.com/doorward/doorward/internal/secret"
)

func TestCompleteRecordIsValid(t *testing.T) {
	if err := audittest.Record(1).Validate(); err != nil {
		t.Errorf("Validate = %v", err)
	}
}

func TestRecordNamesWhatItLacks(t *testing.T) {
	cases := map[string]struct {
		spoil func(*audit.Record)
		want  string
	}{
		"no id":             {func(r *audit.Record) { r.ID = "" }, "id is missing"},
		"a sequence":        {func(r *audit.Record) { r.Sequence = 1 }, "sequence is assigned"},
		"no time":           {func(r *audit.Record) { r.At = time.Time{} }, "at is missing"},
		"no actor kind":     {func(r *audit.Record) { r.Actor.Kind = "" }, "actor.kind"},
		"unknown actor":     {func(r *audit.Record) { r.Actor.Kind = "ghost" }, "actor.kind"},
		"no actor id":       {func(r *audit.Record) { r.Actor.ID = "" }, "actor.id is missing"},
		"no action":         {func(r *audit.Record) { r.Action = "" }, "action"},
		"action in prose":   {func(r *audit.Record) { r.Action = "Revoke it" }, "action"},
		"half an action":    {func(r *audit.Record) { r.Action = "session." }, "action"},
		"no outcome":        {func(r *audit.Record) { r.Outcome = "" }, "outcome"},
		"half a target":     {func(r *audit.Record) { r.Target.ID = "" }, "target"},
		"endless reason":    {func(r *audit.Record) { r.Reason = strings.Repeat("x", 1025) }, "reason is longer"},
		"endless detail":    {func(r *audit.Record) { r.Detail["a"] = strings.Repeat("x", 1025) }, "detail"},
		"too many details":  {func(r *audit.Record) { r.Detail = audit.Details(manyPairs()...) }, "detail has more"},
		"endless requestid": {func(r *audit.Record) { r.RequestID = strings.Repeat("x", 257) }, "request_id is longer"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := audittest.Record(1)
			c.spoil(&r)
			err := r.Validate()
			if !errors.Is(err, audit.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Validate = %v, want ErrInvalid with %q", err, c.want)
			}
		})
	}
}

func TestEmptyRecordReportsAllFaultsAtOnce(t *testing.T) {
	err := audit.Record{}.Validate()
	for _, want := range []string{"id", "at", "actor.kind", "actor.id", "action", "outcome"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate = %v, want %q in it", err, want)
		}
	}
}

func TestDetailsHideSecrets(t *testing.T) {
	got := audit.Details("device", "dev_1", "count", 3, "token", secret.Wrap("hunter2"), "lonely")
	want := map[string]string{"device": "dev_1", "count": "3", "token": "[redacted]", "!unnamed": "lonely"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Details (-want +got):\n%s", diff)
	}
}

func TestDetailsAreCutToWhatARecordHolds(t *testing.T) {
	r := audittest.Record(1)
	r.Detail = audit.Details("long", strings.Repeat("é", 2000))
	if err := r.Validate(); err != nil {
		t.Errorf("Validate = %v", err)
	}
	if !utf8.ValidString(r.Detail["long"]) {
		t.Error("a character was cut in two")
	}
}

func TestPageSizeIsBounded(t *testing.T) {
	for limit, want := range map[int]int{-1: audit.MaxPage, 0: audit.MaxPage, 1: 1, audit.MaxPage + 1: audit.MaxPage} {
		if got := (audit.Page{Limit: limit}).Size(); got != want {
			t.Errorf("Size with limit %d = %d, want %d", limit, got, want)
		}
	}
}

func manyPairs() []any {
	var pairs []any
	for i := range 33 {
		pairs = append(pairs, fmt.Sprint(i), i)
	}
	return pairs
}
