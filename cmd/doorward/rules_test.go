package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"go.yaml.in/yaml/v3"
)

// expressions are the queries of deploy/alerts.yaml and deploy/dashboard.json, by where they stand.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	text, err := os.ReadFile("../../deploy/alerts.yaml")
	must(t, err)
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	must(t, yaml.Unmarshal(text, &rules))
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			out["alert "+rule.Alert] = rule.Expr
			if severity := rule.Labels["severity"]; severity != "page" && severity != "ticket" {
				t.Errorf("%s has the severity %q", rule.Alert, severity)
			}
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%s doesn't say what is wrong and what that means", rule.Alert)
			}
		}
	}
	text, err = os.ReadFile("../../deploy/dashboard.json")
	must(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	must(t, json.Unmarshal(text, &dashboard))
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			out["panel "+panel.Title+": "+target.Expr] = target.Expr
		}
	}
	return out
}

var (
	selector = regexp.MustCompile(`(doorward_[a-z_]+)(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`([a-z_]+)(?:=|!=|=~|!~)"([^"]*)"`)
)

// expectKnown demands that a query names metrics, labels and values that the services show. Codes aren't looked at: those of
// failures don't show until something fails.
func expectKnown(t *testing.T, where, expr string, families []*dto.MetricFamily) {
	t.Helper()
	found := selector.FindAllStringSubmatch(expr, -1)
	if len(found) == 0 {
		t.Errorf("%s names no metric: %s", where, expr)
	}
	for _, s := range found {
		f := family(families, s[1])
		if f == nil {
			t.Errorf("%s names %s, which no service shows", where, s[1])
			continue
		}
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			for value := range strings.SplitSeq(m[2], "|") {
				if m[1] != "code" && !shows(f, m[1], value) {
					t.Errorf("%s asks %s for %s=%q, which no service shows", where, s[1], m[1], value)
				}
			}
		}
	}
}

// family finds a metric by its name, or by that of one of a histogram's series.
func family(families []*dto.MetricFamily, name string) *dto.MetricFamily {
	for _, f := range families {
		part, histogram := strings.CutPrefix(name, f.GetName()+"_")
		if f.GetName() == name || histogram && f.GetType() == dto.MetricType_HISTOGRAM && (part == "bucket" || part == "sum" || part == "count") {
			return f
		}
	}
	return nil
}

func shows(f *dto.MetricFamily, label, value string) bool {
	for _, m := range f.GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetName() == label && l.GetValue() == value {
				return true
			}
		}
	}
	return false
}
