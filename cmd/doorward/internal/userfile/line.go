package userfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

// maxUnknown is how many keys that aren't known are told of a line.
const maxUnknown = 5

// parse reads a line.
func parse(text []byte) (*authnv1.ImportedUser, []Problem) {
	found, err := fields(text)
	if err != nil {
		return nil, []Problem{{Text: err.Error()}}
	}
	l := line{found: found}
	u := &authnv1.ImportedUser{
		Email:         l.text("email"),
		EmailVerified: l.yes("email_verified"),
		ExternalId:    l.text("external_id"),
		Name:          l.text("name"),
		PasswordHash:  l.text("password_hash"),
		CreatedAt:     l.moment("created_at"),
	}
	l.refuseUnknown()
	return u, l.problems
}

// line is an object that is being read. A key that was read is taken out, and those that are left are unknown.
type line struct {
	found    map[string]json.RawMessage
	problems []Problem
}

func (l *line) refuse(field, text string) {
	l.problems = append(l.problems, Problem{Field: field, Text: text})
}

// refuseUnknown tells of the keys that are left, up to a few.
func (l *line) refuseUnknown() {
	for i, name := range slices.Sorted(maps.Keys(l.found)) {
		if i == maxUnknown {
			l.refuse("", fmt.Sprintf("has %d more keys that an import hasn't", len(l.found)-i))
			return
		}
		l.refuse(shown(name), "is no key of an import")
	}
}

// take reads a value of a type; false when the line doesn't have it, or not of that type.
func take[T string | bool](l *line, name, mustBe string) (value T, ok bool) {
	raw, found := l.found[name]
	if !found {
		return value, false
	}
	delete(l.found, name)
	// A null would leave the value as it is.
	if string(raw) == "null" || json.Unmarshal(raw, &value) != nil {
		l.refuse(name, mustBe)
		return value, false
	}
	return value, true
}

func (l *line) yes(name string) bool {
	value, _ := take[bool](l, name, "must be true or false")
	return value
}

// text refuses an empty one: what isn't there is left out, and isn't guessed to be meant so.
func (l *line) text(name string) string {
	const mustBe = "must be a string that isn't empty; leave it out where there is none"
	value, ok := take[string](l, name, mustBe)
	// A replacement character is half of an escaped pair, or what became of text somewhere before.
	if ok && (value == "" || strings.ContainsRune(value, utf8.RuneError)) {
		l.refuse(name, mustBe)
		return ""
	}
	return value
}

func (l *line) moment(name string) *timestamppb.Timestamp {
	value := l.text(name)
	if value == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		l.refuse(name, "must be a time such as 2019-03-01T09:30:00Z")
		return nil
	}
	return timestamppb.New(at)
}
