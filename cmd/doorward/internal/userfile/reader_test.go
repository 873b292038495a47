package userfile_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorward/doorward/cmd/doorward/internal/userfile"
	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

const hash = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

// readAll reads a file to its end: rows, and the refusals as text.
func readAll(t *testing.T, file io.Reader) (rows []userfile.Row, refused []string) {
	t.Helper()
	r := userfile.NewReader(file)
	for {
		row, err := r.Next()
		var bad *userfile.LineError
		switch {
		case errors.Is(err, io.EOF):
			return rows, refused
		case errors.As(err, &bad):
			refused = append(refused, bad.Error())
		case err != nil:
			t.Fatal(err)
		default:
			rows = append(rows, row)
		}
	}
}

func TestAFileOfUsersIsRead(t *testing.T) {
	file := strings.Join([]string{
		`{"email": "Ada@Example.org", "email_verified": true, "external_id": "4711", "name": "Ada Lovelace", "password_hash": "` + hash + `", "created_at": "2019-03-01T10:30:00+01:00"}`,
		`{"email":"grace@example.org"}` + "\r",
		`{"name":"Линус","email":"\u006cinus@example.org"}`,
	}, "\n")
	want := []userfile.Row{
		{Line: 1, User: &authnv1.ImportedUser{
			Email: "Ada@Example.org", EmailVerified: true, ExternalId: "4711", Name: "Ada Lovelace", PasswordHash: hash,
			CreatedAt: timestamppb.New(time.Date(2019, 3, 1, 9, 30, 0, 0, time.UTC)),
		}},
		{Line: 2, User: &authnv1.ImportedUser{Email: "grace@example.org"}},
		{Line: 3, User: &authnv1.ImportedUser{Email: "linus@example.org", Name: "Линус"}},
	}
	for name, end := range map[string]string{"with its last end": "\n", "without": ""} {
		t.Run(name, func(t *testing.T) {
			rows, refused := readAll(t, iotest.OneByteReader(strings.NewReader(file+end)))
			if diff := cmp.Diff(want, rows, protocmp.Transform()); diff != "" || len(refused) > 0 {
				t.Errorf("refused %v; rows (-want +got):\n%s", refused, diff)
			}
		})
	}
}

func TestALineThatCantBeToldIsRefusedWithTheReason(t *testing.T) {
	const noObject = "isn't a JSON object in one line of UTF-8, 16 KiB at most"
	const noString = "must be a string that isn't empty; leave it out where there is none"
	for name, c := range map[string]struct{ line, want string }{
		"empty":                   {``, noObject},
		"spaces":                  {`   `, noObject},
		"a heading of CSV":        {`email,password_hash`, noObject},
		"an array":                {`["ada@example.org"]`, noObject},
		"a null":                  {`null`, noObject},
		"cut off":                 {`{"email":"ada@example.org"`, noObject},
		"two objects":             {`{"email":"ada@example.org"} {}`, noObject},
		"not UTF-8":               {"{\"email\":\"ada\xff@example.org\"}", noObject},
		"a byte order mark":       {"\ufeff" + `{"email":"ada@example.org"}`, noObject},
		"too long":                {`{"email":"ada@example.org","name":"` + strings.Repeat("x", 3*userfile.MaxLine) + `"}`, noObject},
		"an empty address":        {`{"email":""}`, "email " + noString},
		"a null address":          {`{"email":null}`, "email " + noString},
		"a number for an address": {`{"email":17}`, "email " + noString},
		"half a character":        {`{"email":"ada\ud800@example.org"}`, "email " + noString},
		"a key twice":             {`{"email":"ada@example.org","email":"eve@example.org"}`, "has the key email twice"},
		"a key in other letters":  {`{"email":"ada@example.org","Name":"Ada"}`, "Name is no key of an import"},
		"an unknown key":          {`{"email":"ada@example.org","role":"admin"}`, "role is no key of an import"},
		"many unknown keys":       {`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1}`, "a is no key of an import; b is no key of an import; c is no key of an import; d is no key of an import; e is no key of an import; has 2 more keys that an import hasn't"},
		"a value for a key":       {`{"` + hash + `":1}`, "(no name) is no key of an import"},
		"verified as text":        {`{"email_verified":"true"}`, "email_verified must be true or false"},
		"verified as null":        {`{"email_verified":null}`, "email_verified must be true or false"},
		"a time of no zone":       {`{"created_at":"2019-03-01 09:30"}`, "created_at must be a time such as 2019-03-01T09:30:00Z"},
		"all that is wrong": {
			`{"email":1,"email_verified":1,"external_id":7,"name":"","created_at":"now","password_hash":[],"x":1}`,
			"email " + noString + "; email_verified must be true or false; external_id " + noString + "; name " + noString + "; password_hash " + noString +
				"; created_at must be a time such as 2019-03-01T09:30:00Z; x is no key of an import",
		},
	} {
		t.Run(name, func(t *testing.T) {
			rows, refused := readAll(t, strings.NewReader(c.line+"\n"+`{"email":"grace@example.org"}`))
			if diff := cmp.Diff([]string{"line 1: " + c.want}, refused); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			if len(rows) != 1 || rows[0].Line != 2 {
				t.Errorf("after it: %v", rows)
			}
		})
	}
}

func TestAFileThatCantBeReadSaysWhere(t *testing.T) {
	r := userfile.NewReader(io.MultiReader(strings.NewReader("{\"email\":\"ada@example.org\"}\n{"), iotest.ErrReader(errors.New("the disk is gone"))))
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	_, err := r.Next()
	var bad *userfile.LineError
	if err == nil || errors.As(err, &bad) || err.Error() != "line 2 can't be read: the disk is gone" {
		t.Errorf("err = %v", err)
	}
}

// TestAFileOfAnySizeTakesTheMemoryOfALine reads lines that are made as they are read; a million hold as much.
func TestAFileOfAnySizeTakesTheMemoryOfALine(t *testing.T) {
	const lines = 50_000
	pipe, file := io.Pipe()
	go func() {
		for i := range lines {
			fmt.Fprintf(file, `{"email":"user%d@example.org","external_id":"%d","password_hash":"%s"}`+"\n", i, i, hash)
		}
		file.Close()
	}()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r, n := userfile.NewReader(pipe), 0
	for {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n++
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	held := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d lines, %d MiB; %d KiB are held after them", n, r.Bytes()>>20, held>>10)
	if n != lines || held > 1<<20 {
		t.Errorf("%d lines; %d bytes are held", n, held)
	}
}

// FuzzReader: whatever is in a file, each line is a row or a refusal that quotes none of its values.
func FuzzReader(f *testing.F) {
	f.Add(`{"email":"ada@example.org","email_verified":true,"external_id":"4711","name":"Ada","password_hash":"` + hash + `","created_at":"2019-03-01T09:30:00Z"}`)
	f.Add("{}\n\n{\"email\":\"a@b.example\"}\r\n[{]\n")
	f.Add(`{"email":"ada@example.org","email":1,"\u0065mail":null}`)
	f.Fuzz(func(t *testing.T, file string) {
		rows, refused := readAll(t, strings.NewReader(file))
		lines := strings.Count(file, "\n")
		if !strings.HasSuffix(file, "\n") && file != "" {
			lines++
		}
		if len(rows)+len(refused) != lines {
			t.Errorf("%d lines gave %d rows and %d refusals", lines, len(rows), len(refused))
		}
		for _, reason := range refused {
			if strings.Contains(reason, "@") || len(reason) > 4<<10 {
				t.Errorf("a reason quotes the line: %s", reason)
			}
		}
	})
}
