package userimport

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/credential"
)

// MaxRows is how many rows are taken at once.
const MaxRows = 200

const (
	maxExternalID = 128 // code points
	maxName       = 200
)

// Row is a user as the other system has it.
type Row struct {
	Email         string
	EmailVerified bool
	// ExternalID, Name and Password are empty where the row has none.
	ExternalID, Name string
	Password         credential.PHC
	// CreatedAt is zero where the row doesn't say.
	CreatedAt time.Time
}

// User is a row that can be imported.
type User struct {
	Row
	// Canonical is what its address is compared by.
	Canonical string
	// Form is what its password's form costs; nil where it has none.
	Form *credential.Inspection
}

// Parts are all that the row says, for a digest by which it is known again. The address counts as it is compared, the rest as it is written.
func (u User) Parts() [][]byte {
	created := ""
	if !u.CreatedAt.IsZero() {
		created = u.CreatedAt.UTC().Format(time.RFC3339Nano)
	}
	var parts [][]byte
	for _, text := range []string{u.Canonical, strconv.FormatBool(u.EmailVerified), u.ExternalID, u.Name, u.Password.Reveal(), created} {
		parts = append(parts, []byte(text))
	}
	return parts
}

// Parse reads a row. now is what no user may have been created after.
func Parse(r Row, now time.Time) (User, []Problem) {
	u := User{Row: r}
	var problems []Problem
	refuse := func(field, text string) {
		problems = append(problems, Problem{Reason: FieldInvalid, Field: field, Text: text})
	}
	canonical, ok := account.Canonical(r.Email)
	switch {
	case r.Email == "":
		refuse("email", "is missing")
	case !ok:
		refuse("email", "must be a valid email address")
	}
	u.Canonical = canonical
	if r.ExternalID != "" && !printable(r.ExternalID, maxExternalID, false) {
		refuse("external_id", "must be 1 to 128 printable characters without spaces")
	}
	if strings.HasPrefix(r.ExternalID, "usr_") { // whoever reads one must not take it for another's id of ours
		refuse("external_id", "must not begin as our own ids do, with usr_")
	}
	if r.Name != "" && !printable(r.Name, maxName, true) {
		refuse("name", "must be 1 to 200 printable characters")
	}
	if !r.CreatedAt.IsZero() && (r.CreatedAt.After(now) || r.CreatedAt.UTC().Year() < 1970) {
		refuse("created_at", "must be since 1970 and not to come")
	}
	if !r.Password.IsZero() {
		form, err := credential.Inspect(r.Password)
		if err != nil {
			problems = append(problems, hashProblem(err))
		}
		u.Form = &form
	}
	return u, problems
}

func printable(value string, most int, spaces bool) bool {
	if utf8.RuneCountInString(value) > most || strings.TrimSpace(value) == "" || !utf8.ValidString(value) || strings.ContainsRune(value, utf8.RuneError) {
		return false
	}
	return !strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsGraphic(r) || !spaces && unicode.IsSpace(r) })
}
