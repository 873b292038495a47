package userimport

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/credential"
)

const (
	maxExternalID = 128 // code points
	maxName       = 200
	maxUnknown    = 5 // keys that are told
)

// parseUser reads a line by itself.
func parseUser(text []byte, now time.Time) (User, []Problem) {
	found, err := fields(text)
	if err != nil {
		return User{}, []Problem{{Text: err.Error()}}
	}
	l := line{found: found}
	u := User{
		EmailVerified: l.yes("email_verified"),
		ExternalID:    l.printable("external_id", maxExternalID, false),
		Name:          l.printable("name", maxName, true),
		Password:      l.password("password_hash"),
		CreatedAt:     l.past("created_at", now),
	}
	u.Email, u.Canonical = l.email("email")
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

func (l *line) text(name string) (string, bool) {
	const mustBe = "must be a string; leave it out where there is none"
	value, ok := take[string](l, name, mustBe)
	if strings.ContainsRune(value, utf8.RuneError) { // half of an escaped pair, or what became of text somewhere before
		l.refuse(name, mustBe)
		return "", false
	}
	return value, ok
}

func (l *line) printable(name string, most int, spaces bool) string {
	value, ok := l.text(name)
	if !ok {
		return ""
	}
	visible := unicode.IsGraphic
	if !spaces {
		visible = func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }
	}
	if length := utf8.RuneCountInString(value); length > most || strings.TrimSpace(value) == "" ||
		strings.ContainsFunc(value, func(r rune) bool { return !visible(r) }) {
		l.refuse(name, lengthText(most, spaces))
	}
	return value
}

func (l *line) email(name string) (address, canonical string) {
	if _, found := l.found[name]; !found {
		l.refuse(name, "is missing")
		return "", ""
	}
	address, ok := l.text(name)
	if !ok {
		return "", ""
	}
	canonical, ok = account.Canonical(address)
	if !ok {
		l.refuse(name, "must be a valid email address")
	}
	return address, canonical
}

func (l *line) password(name string) credential.PHC {
	value, ok := l.text(name)
	if !ok {
		return credential.PHC{}
	}
	stored := credential.WrapPHC(value)
	if _, err := credential.Inspect(stored); err != nil {
		l.refuse(name, "can't be taken: "+err.Error())
	}
	return stored
}

func (l *line) past(name string, now time.Time) time.Time {
	value, ok := l.text(name)
	if !ok {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil || at.After(now) || at.Year() < 1970 {
		l.refuse(name, "must be a time such as 2019-03-01T09:30:00Z, since 1970 and not to come")
		return time.Time{}
	}
	return at.UTC()
}

func lengthText(most int, spaces bool) string {
	if spaces {
		return fmt.Sprintf("must be 1 to %d printable characters", most)
	}
	return fmt.Sprintf("must be 1 to %d printable characters without spaces", most)
}
