package audit

import (
	"errors"
	"fmt"
	"strings"
)

// Bounds, so that nobody can fill the store through what they may say in a
// record.
const (
	maxName   = 256
	maxText   = 1024
	maxDetail = 32
)

// Validate reports all that is missing or too long, joined under ErrInvalid.
// Faults name fields and don't quote them.
func (r Record) Validate() error {
	var faults []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	refuse(r.ID == "", "id is missing")
	refuse(r.Sequence != 0, "sequence is assigned by the store")
	refuse(r.At.IsZero(), "at is missing")
	refuse(!r.Actor.Kind.known(), "actor.kind is missing or unknown")
	refuse(r.Actor.ID == "", "actor.id is missing")
	refuse(!validAction(r.Action), "action must be lower-case words joined by dots")
	refuse(!r.Outcome.known(), "outcome is missing or unknown")
	refuse((r.Target.Kind == "") != (r.Target.ID == ""), "target needs both kind and id, or neither")
	refuse(len(r.Detail) > maxDetail, "detail has more than %d entries", maxDetail)
	for _, f := range r.bounds() {
		refuse(len(f.text) > f.most, "%s is longer than %d bytes", f.name, f.most)
	}
	for name, value := range r.Detail {
		refuse(len(name) > maxName || len(value) > maxText, "an entry of detail is too long")
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrInvalid, errors.Join(faults...))
}

type bounded struct {
	name, text string
	most       int
}

func (r Record) bounds() []bounded {
	return []bounded{
		{"id", r.ID, maxName},
		{"actor.id", r.Actor.ID, maxName},
		{"actor.name", r.Actor.Name, maxName},
		{"action", r.Action, maxName},
		{"target.kind", r.Target.Kind, maxName},
		{"target.id", r.Target.ID, maxName},
		{"authority", r.Authority, maxText},
		{"reason", r.Reason, maxText},
		{"request_id", r.RequestID, maxName},
	}
}

func (k ActorKind) known() bool {
	switch k {
	case User, Application, Operator, Service, System:
		return true
	}
	return false
}

func (o Outcome) known() bool {
	switch o {
	case Done, Refused, Failed:
		return true
	}
	return false
}

// validAction admits the form that events use: session.revoke.
func validAction(action string) bool {
	for word := range strings.SplitSeq(action, ".") {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return false
		}
	}
	return true
}
