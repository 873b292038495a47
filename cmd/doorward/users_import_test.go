package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/doorward/doorward/cmd/doorward/internal/userfile"
	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

const importedHash = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

// TestOperatorsMoveUsersIn plays an operator who takes another system's users over.
func TestOperatorsMoveUsersIn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d := startDev(t, filepath.Join(t.TempDir(), "d"))
	c := d.console(ctx, t)
	file, report := filepath.Join(t.TempDir(), "users.jsonl"), filepath.Join(t.TempDir(), "refused.jsonl")
	write := func(lines ...string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := []string{
		`{"email":"ada@example.org","email_verified":true,"external_id":"4711","name":"Ada Lovelace","password_hash":"` + importedHash + `","created_at":"2019-03-01T09:30:00Z"}`,
		`{"email":"grace@example.org"}`,
	}
	for i := range 450 { // more than a call takes
		good = append(good, fmt.Sprintf(`{"email":"user%d@example.org","external_id":"u%d"}`, i, i))
	}
	write(good...)
	c.shows([]string{"452 accounts would be new, 0 were imported before, 0 lines are refused"}, "users", "import", file, "--dry-run")
	c.refuses("no user is 4711", "users", "show", "--external-id", "4711")
	c.refuses("--learning-window: must be at most 14d", "users", "import", file, "--learning-window", "15d")
	c.shows([]string{"452 accounts are new, 0 were"}, "users", "import", file, "--learning-window", "14d", "--note", "moving in")
	c.shows([]string{"0 accounts are new, 452 were imported before"}, "users", "import", file)
	link := filepath.Join(t.TempDir(), "link.jsonl")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, itself := range []string{file, link} {
		c.refuses("which would be lost", "users", "import", file, "--report", itself)
	}
	c.shows([]string{"0 accounts are new, 452 were imported before"}, "users", "import", file) // it is as it was
	c.shows([]string{"Ada Lovelace", "4711", "ada@example.org, verified", "2019-03-01", "imported (UTC)", "learns until (UTC)"}, "users", "show", "--external-id", "4711")
	c.shows([]string{"grace@example.org, not verified", "none"}, "users", "show", "--email", "grace@example.org")

	write(good[0], `{"email":"ada@example.org"}`, `{"email":17}`, `{"email":"new@example.org"}`,
		`{"email":"eve@example.org","password_hash":"`+strings.Replace(importedHash, "05", "15", 1)+`"}`)
	if _, complaint, code := c.try("users", "import", file, "--dry-run"); code != exitFailed || !strings.Contains(complaint, "3 lines would be refused; nothing was stored") {
		t.Errorf("a dry run: exit code %d, complains %q", code, complaint)
	}
	out, complaint, code := c.try("users", "import", file, "--report", report)
	for _, want := range []string{
		"1 accounts are new, 1 were imported before, 3 lines are refused", "2     email_taken      email", "3     line_invalid", "5     hash_too_costly  password_hash", report,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q isn't shown:\n%s", want, out)
		}
	}
	if code != exitFailed || !strings.Contains(complaint, "3 lines were refused; the others stand") {
		t.Errorf("exit code %d, complains %q", code, complaint)
	}
	text, err := os.ReadFile(report)
	if err != nil || strings.Count(string(text), "\n") != 3 {
		t.Errorf("the report: %v\n%s", err, text)
	}
	if all := out + complaint + string(text); strings.Contains(all, importedHash[7:20]) {
		t.Errorf("a hash is told:\n%s", all)
	}
	if _, _, code = c.try("users", "import", file, "--report", report); code != exitFailed || strings.Count(contentOf(t, report), "\n") != 3 {
		t.Errorf("run again with its report: exit code %d\n%s", code, contentOf(t, report))
	}
	c.refuses("is no report of an import", "users", "import", file, "--report", filepath.Join(d.dir, "operator.env"))
	out, _, code = c.try("users", "import", file, "--json")
	var said importReport
	if err := json.Unmarshal([]byte(out), &said); err != nil || code != exitFailed || said.Same != 2 || said.Refused != 3 || said.Lines[0].Line != 2 {
		t.Errorf("as JSON: %v, exit code %d\n%s", err, code, out)
	}
	c.refuses("no such file", "users", "import", file+".gone")
	redirected, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer redirected.Close()
	var lost bytes.Buffer
	code = run(ctx, []string{"users", "import", "-", "--report", file}, streams{in: redirected, out: io.Discard, err: &lost, env: c.env})
	if info, err := os.Stat(file); code != exitFailed || err != nil || info.Size() == 0 || !strings.Contains(lost.String(), "which would be lost") {
		t.Errorf("its own report, as standard input: exit code %d, %v\n%s", code, err, lost.String())
	}
	var piped bytes.Buffer
	code = run(ctx, []string{"users", "import", "-"}, streams{in: strings.NewReader(good[1]), out: &piped, err: io.Discard, env: c.env})
	if code != exitOK || !strings.Contains(piped.String(), "1 were imported before") {
		t.Errorf("from standard input: exit code %d\n%s", code, piped.String())
	}
}

// interruptedUsers answers some calls, and then the operator presses Ctrl-C.
type interruptedUsers struct {
	authnv1.UserServiceClient
	calls, answered int
	interrupt       context.CancelFunc
}

func (u *interruptedUsers) ImportUsers(ctx context.Context, in *authnv1.ImportUsersRequest, _ ...grpc.CallOption) (*authnv1.ImportUsersResponse, error) {
	if u.calls++; u.calls > u.answered {
		u.interrupt()
		return nil, ctx.Err()
	}
	answer := &authnv1.ImportUsersResponse{}
	for range in.GetUsers() {
		answer.Rows = append(answer.Rows, &authnv1.ImportedRow{Outcome: authnv1.ImportOutcome_IMPORT_OUTCOME_CREATED})
	}
	return answer, nil
}

func TestAnInterruptedImportSaysHowFarItCame(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var file strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&file, `{"email":"user%d@example.org"}`+"\n", i)
	}
	report := newImportReport(false)
	sender := &userSender{users: &interruptedUsers{answered: 2, interrupt: cancel}, report: report, request: &authnv1.ImportUsersRequest{}}
	err := sender.sendAll(ctx, userfile.NewReader(strings.NewReader(file.String())), func(int64) {})
	err = streams{}.interrupted(ctx, err, sender)
	if err == nil || !strings.Contains(err.Error(), "interrupted\nthe lines to 400 are done; import the same file again for the rest") || report.Created != 400 {
		t.Errorf("err = %v; %d counted", err, report.Created)
	}
}

// endlessFile is a file of lines that mean no user, of which the operator has enough at some point.
type endlessFile struct {
	reads     int
	interrupt context.CancelFunc
}

func (f *endlessFile) Read(p []byte) (int, error) {
	if f.reads++; f.reads == 3 {
		f.interrupt()
	}
	if f.reads > 100 {
		return 0, io.EOF
	}
	return copy(p, strings.Repeat("no user\n", 1000)), nil
}

func TestAnImportOfNothingButBadLinesCanBeInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	report := newImportReport(false)
	sender := &userSender{users: &sizedUsers{}, report: report, request: &authnv1.ImportUsersRequest{}}
	file := &endlessFile{interrupt: cancel}
	err := sender.sendAll(ctx, userfile.NewReader(file), func(int64) {})
	if err = (streams{}).interrupted(ctx, err, sender); err == nil || !strings.Contains(err.Error(), "interrupted\nthe lines to ") || file.reads > 3 {
		t.Errorf("err = %v, after %d reads", err, file.reads)
	}
}

// TestNoCallHasMoreThanAuthnTakes holds for lines as long as they may be.
func TestNoCallHasMoreThanAuthnTakes(t *testing.T) {
	const most = 64 << 10
	users := &sizedUsers{}
	report := newImportReport(false)
	var file strings.Builder
	for i := range 50 {
		name := strings.Repeat("x", i*311) // the longest has 15 KiB
		fmt.Fprintf(&file, `{"email":"user%d@example.org","name":"x%s"}`+"\n", i, name)
	}
	sender := &userSender{users: users, report: report, request: &authnv1.ImportUsersRequest{Note: strings.Repeat("n", 500)}}
	if err := sender.sendAll(t.Context(), userfile.NewReader(strings.NewReader(file.String())), func(int64) {}); err != nil {
		t.Fatal(err)
	}
	if users.rows != 50 || users.largest > most {
		t.Errorf("%d rows; the largest call has %d bytes", users.rows, users.largest)
	}
}

// sizedUsers remembers the largest call.
type sizedUsers struct {
	authnv1.UserServiceClient
	rows, largest int
}

func (u *sizedUsers) ImportUsers(_ context.Context, in *authnv1.ImportUsersRequest, _ ...grpc.CallOption) (*authnv1.ImportUsersResponse, error) {
	u.rows, u.largest = u.rows+len(in.GetUsers()), max(u.largest, proto.Size(in))
	return &authnv1.ImportUsersResponse{Rows: make([]*authnv1.ImportedRow, len(in.GetUsers()))}, nil
}
