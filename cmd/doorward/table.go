package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
)

// table prints rows in columns, for people.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer, header ...string) table {
	t := table{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.row(header...)
	return t
}

func (t table) row(cells ...string) { fmt.Fprintln(t.w, strings.Join(cells, "\t")) }

func (t table) flush() error { return t.w.Flush() }

// fields prints names and values, one pair a line; pairs without a value are left out.
func fields(w io.Writer, pairs ...[2]string) error {
	t := table{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	for _, p := range pairs {
		if p[1] != "" {
			t.row(p[0], p[1])
		}
	}
	return t.flush()
}

// moment is a time in UTC; empty when it isn't set.
func moment(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format(time.DateTime)
}

// enumText is an enum's value as people say it: SESSION_END_REFRESH_REUSE is "refresh reuse".
func enumText(value fmt.Stringer, prefix string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(value.String(), prefix)), "_", " ")
}

func deviceText(d *typev1.Device) string {
	switch {
	case d.GetBrowser() != "" && d.GetSystem() != "":
		return d.GetBrowser() + " on " + d.GetSystem()
	case d.GetBrowser() != "":
		return d.GetBrowser()
	}
	return orUnknown(d.GetSystem())
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
