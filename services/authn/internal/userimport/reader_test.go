package userimport_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/userimport"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const (
	bcryptForm = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	djangoForm = "pbkdf2_sha256$10000$seasalt$FQCNpiZpTb0zub+HBsH6TOwyRxJ19FwvjbweatNmK/Y="
	argonForm  = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
)

// readAll reads a file to its end: users, and the refusals as text.
func readAll(t *testing.T, file io.Reader) ([]userimport.User, []string, userimport.Summary) {
	t.Helper()
	r := userimport.NewReader(file, now)
	var users []userimport.User
	var refused []string
	for {
		u, err := r.Next()
		var bad *userimport.LineError
		switch {
		case errors.Is(err, io.EOF):
			return users, refused, r.Summary()
		case errors.As(err, &bad):
			refused = append(refused, bad.Error())
		case err != nil:
			t.Fatal(err)
		default:
			users = append(users, u)
		}
	}
}

func TestAFileOfUsersIsRead(t *testing.T) {
	file := strings.Join([]string{
		`{"email": "Ada@Example.org", "email_verified": true, "external_id": "4711", "name": "Ada Lovelace", "password_hash": "` + bcryptForm + `", "created_at": "2019-03-01T10:30:00+01:00"}`,
		`{"email":"grace@example.org"}` + "\r",
		`{"password_hash":"` + djangoForm + `","email":"\u006cinus@example.org","name":"Линус"}`,
	}, "\n")
	want := []userimport.User{
		{
			Line: 1, Email: "Ada@Example.org", Canonical: "ada@example.org", EmailVerified: true, ExternalID: "4711", Name: "Ada Lovelace",
			Password: credential.WrapPHC(bcryptForm), CreatedAt: time.Date(2019, 3, 1, 9, 30, 0, 0, time.UTC),
		},
		{Line: 2, Email: "grace@example.org", Canonical: "grace@example.org"},
		{Line: 3, Email: "linus@example.org", Canonical: "linus@example.org", Name: "Линус", Password: credential.WrapPHC(djangoForm)},
	}
	wantSummary := userimport.Summary{
		Users: 3,
		Kinds: map[string]int{"bcrypt": 1, "pbkdf2-sha256": 1},
		Specimens: map[string]int{
			"$2b$05$.....................................................":                              1,
			"$pbkdf2-sha256$i=10000$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA": 1,
		},
	}
	for name, end := range map[string]string{"with its last end": "\n", "without": ""} {
		t.Run(name, func(t *testing.T) {
			users, refused, summary := readAll(t, iotest.OneByteReader(strings.NewReader(file+end)))
			if diff := cmp.Diff(want, users); diff != "" || len(refused) > 0 {
				t.Errorf("refused %v; users (-want +got):\n%s", refused, diff)
			}
			if diff := cmp.Diff(wantSummary, summary); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
		})
	}
}

func TestALineThatIsntAUserIsRefusedWithTheReason(t *testing.T) {
	const noObject = "isn't a JSON object in one line of UTF-8, 16 KiB at most"
	const noString = "must be a string; leave it out where there is none"
	for name, c := range map[string]struct{ line, want string }{
		"empty":                    {``, noObject},
		"spaces":                   {`   `, noObject},
		"a heading of CSV":         {`email,password_hash`, noObject},
		"an array":                 {`["ada@example.org"]`, noObject},
		"a null":                   {`null`, noObject},
		"cut off":                  {`{"email":"ada@example.org"`, noObject},
		"two objects":              {`{"email":"ada@example.org"} {}`, noObject},
		"not UTF-8":                {"{\"email\":\"ada\xff@example.org\"}", noObject},
		"a byte order mark":        {"\ufeff" + `{"email":"ada@example.org"}`, noObject},
		"too long":                 {`{"email":"ada@example.org","name":"` + strings.Repeat("x", userimport.MaxLine) + `"}`, noObject},
		"no address":               {`{}`, "email is missing"},
		"an address that is none":  {`{"email":"ada at example.org"}`, "email must be a valid email address"},
		"an empty address":         {`{"email":""}`, "email must be a valid email address"},
		"a null address":           {`{"email":null}`, "email " + noString},
		"a number for an address":  {`{"email":17}`, "email " + noString},
		"half a character":         {`{"email":"ada\ud800@example.org"}`, "email " + noString},
		"a key twice":              {`{"email":"ada@example.org","email":"eve@example.org"}`, "has the key email twice"},
		"a key in other letters":   {`{"email":"ada@example.org","Name":"Ada"}`, "Name is no key of an import"},
		"an unknown key":           {`{"email":"ada@example.org","role":"admin"}`, "role is no key of an import"},
		"many unknown keys":        {`{"email":"ada@example.org","a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1}`, "a is no key of an import; b is no key of an import; c is no key of an import; d is no key of an import; e is no key of an import; has 2 more keys that an import hasn't"},
		"a value for a key":        {`{"email":"ada@example.org","` + bcryptForm + `":1}`, "(no name) is no key of an import"},
		"verified as text":         {`{"email":"ada@example.org","email_verified":"true"}`, "email_verified must be true or false"},
		"verified as null":         {`{"email":"ada@example.org","email_verified":null}`, "email_verified must be true or false"},
		"an empty id":              {`{"email":"ada@example.org","external_id":""}`, "external_id must be 1 to 128 printable characters without spaces"},
		"an id with a space":       {`{"email":"ada@example.org","external_id":"4 7"}`, "external_id must be 1 to 128 printable characters without spaces"},
		"a long id":                {`{"email":"ada@example.org","external_id":"` + strings.Repeat("7", 129) + `"}`, "external_id must be 1 to 128 printable characters without spaces"},
		"a name of spaces":         {`{"email":"ada@example.org","name":"  "}`, "name must be 1 to 200 printable characters"},
		"a name with a line's end": {`{"email":"ada@example.org","name":"Ada\nLovelace"}`, "name must be 1 to 200 printable characters"},
		"a time of no zone":        {`{"email":"ada@example.org","created_at":"2019-03-01 09:30"}`, "created_at must be a time such as 2019-03-01T09:30:00Z, since 1970 and not to come"},
		"a time to come":           {`{"email":"ada@example.org","created_at":"2026-03-02T09:00:01Z"}`, "created_at must be a time such as 2019-03-01T09:30:00Z, since 1970 and not to come"},
		"an unknown form":          {`{"email":"ada@example.org","password_hash":"5f4dcc3b5aa765d61d8327deb882cf99"}`, "password_hash can't be taken: not a form that is known: argon2id, argon2i, bcrypt, scrypt, pbkdf2, firescrypt, sha256-crypt or sha512-crypt"},
		"an empty form":            {`{"email":"ada@example.org","password_hash":""}`, "password_hash can't be taken: not a form that is known: argon2id, argon2i, bcrypt, scrypt, pbkdf2, firescrypt, sha256-crypt or sha512-crypt"},
		"a malformed form":         {`{"email":"ada@example.org","password_hash":"$2b$05$CCCC"}`, "password_hash can't be taken: bcrypt: malformed: it isn't $2b$, two digits of cost, $, and 53 characters"},
		"a costly form":            {`{"email":"ada@example.org","password_hash":"` + strings.Replace(bcryptForm, "05", "15", 1) + `"}`, "password_hash can't be taken: bcrypt: too costly: at most cost 14"},
		"all that is wrong": {
			`{"email":"@","email_verified":1,"external_id":7,"name":"","created_at":"now","password_hash":[],"x":1,"y":{"email":1}}`,
			"email_verified must be true or false; external_id " + noString + "; name must be 1 to 200 printable characters; password_hash " + noString +
				"; created_at must be a time such as 2019-03-01T09:30:00Z, since 1970 and not to come; email must be a valid email address" +
				"; x is no key of an import; y is no key of an import",
		},
	} {
		t.Run(name, func(t *testing.T) {
			const after = `{"email":"grace@example.org"}`
			users, refused, summary := readAll(t, strings.NewReader(c.line+"\n"+after))
			if diff := cmp.Diff([]string{"line 1: " + c.want}, refused); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			if len(users) != 1 || users[0].Line != 2 || summary.Users != 1 || summary.Refused != 1 {
				t.Errorf("users after it: %d; %d counted, %d refused", len(users), summary.Users, summary.Refused)
			}
		})
	}
}

func TestASecondOneOfAFileIsRefused(t *testing.T) {
	users, refused, _ := readAll(t, strings.NewReader(strings.Join([]string{
		`{"email":"ada@example.org","external_id":"1"}`,
		`{"email":"Ada@EXAMPLE.org","external_id":"2"}`,
		`{"email":"grace@example.org","external_id":"1"}`,
		`{"email":"ada@example.org","external_id":"1"}`,
		`{"email":"grace@example.org","external_id":"2"}`, // the lines that had these were refused
		`{"email":"no1@example.org"}`,
		`{"email":"no2@example.org"}`,
	}, "\n")))
	want := []string{
		"line 2: email is that of line 1 too",
		"line 3: external_id is that of line 1 too",
		"line 4: email is that of line 1 too; external_id is that of line 1 too",
	}
	if diff := cmp.Diff(want, refused); diff != "" || len(users) != 4 {
		t.Errorf("%d users; refused (-want +got):\n%s", len(users), diff)
	}
}

func TestCostsAreCountedAndBounded(t *testing.T) {
	var file strings.Builder
	for i := range userimport.MaxCosts + 2 {
		fmt.Fprintf(&file, `{"email":"user%d@example.org","password_hash":"%s"}`+"\n", i, strings.Replace(djangoForm, "10000", fmt.Sprint(10000+i), 1))
	}
	fmt.Fprintf(&file, `{"email":"ada@example.org","password_hash":"%s"}`, djangoForm)
	users, refused, summary := readAll(t, strings.NewReader(file.String()))
	if len(users) != userimport.MaxCosts+1 || len(summary.Specimens) != userimport.MaxCosts || len(refused) != 2 {
		t.Fatalf("%d users, %d costs, refused %v", len(users), len(summary.Specimens), refused)
	}
	if want := "line 65: password_hash is of one more cost than the 64 that a file may have"; refused[0] != want {
		t.Errorf("refused: %s; want %s", refused[0], want)
	}
	_, _, summary = readAll(t, strings.NewReader(`{"email":"ada@example.org","password_hash":"`+argonForm+`"}`))
	if summary.MemoryKiB != 65536 || summary.Kinds["argon2id"] != 1 {
		t.Errorf("%+v", summary)
	}
}

func TestAFileThatCantBeReadSaysWhere(t *testing.T) {
	r := userimport.NewReader(io.MultiReader(strings.NewReader("{\"email\":\"ada@example.org\"}\n{"), iotest.ErrReader(errors.New("the disk is gone"))), now)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	_, err := r.Next()
	var bad *userimport.LineError
	if err == nil || errors.As(err, &bad) || err.Error() != "line 2 can't be read: the disk is gone" {
		t.Errorf("err = %v", err)
	}
}

func TestAFileOfTooManyUsersEnds(t *testing.T) {
	r := userimport.NewReader(strings.NewReader("{}\n{}\n{}\n{}\n"), now)
	r.Bound(3)
	for range 3 {
		if _, err := r.Next(); errors.Is(err, userimport.ErrTooManyUsers) || errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, userimport.ErrTooManyUsers) {
		t.Errorf("err = %v", err)
	}
}

// FuzzReader: whatever is in a file, each line is a user or a refusal that quotes none of its values.
func FuzzReader(f *testing.F) {
	f.Add(`{"email":"ada@example.org","email_verified":true,"external_id":"4711","name":"Ada","password_hash":"` + bcryptForm + `","created_at":"2019-03-01T09:30:00Z"}`)
	f.Add("{}\n\n{\"email\":\"a@b.example\"}\r\n[{]\n")
	f.Add(`{"email":"ada@example.org","email":1,"\u0065mail":null}`)
	f.Fuzz(func(t *testing.T, file string) {
		users, refused, summary := readAll(t, strings.NewReader(file))
		lines := strings.Count(file, "\n")
		if !strings.HasSuffix(file, "\n") && file != "" {
			lines++
		}
		if len(users)+len(refused) != lines || summary.Users != len(users) || summary.Refused != len(refused) {
			t.Errorf("%d lines gave %d users and %d refusals", lines, len(users), len(refused))
		}
		for _, u := range users {
			if _, err := credential.Inspect(u.Password); err != nil && !u.Password.IsZero() || u.Canonical == "" || u.CreatedAt.After(now) {
				t.Errorf("line %d: %v", u.Line, err)
			}
		}
		for _, reason := range refused {
			if strings.Contains(reason, "@") || len(reason) > 4<<10 {
				t.Errorf("a reason quotes the line: %s", reason)
			}
		}
	})
}
