package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/doorward/doorward/cmd/doorward/internal/userfile"
	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/timespan"
)

type usersImportCmd struct {
	File           string        `arg:"" placeholder:"FILE" help:"A user a line, as JSON (docs/import.md); - reads standard input."`
	LearningWindow timespan.Span `placeholder:"TIME" help:"For how long, such as 14d, each account's first sign-in may make its device known without a second check; not at all without this."`
	Firebase       string        `placeholder:"FILE" help:"The lines are users as Firebase exports them, and FILE has their project's password hash parameters (docs/import.md)."`
	DryRun         bool          `help:"Store nothing, and say what would become of each line."`
	Report         string        `placeholder:"FILE" help:"Write every refused line's number and reasons there, as JSON lines, when the file is read to its end; a report that lies there is replaced, another file isn't."`
	noted
}

func (usersImportCmd) Help() string {
	return `Makes an account of each line, with the password that the user has in the other system. An account that is there is never changed: a line that was imported
before is passed over, so the same file can be imported again, after an interrupt or with the refused lines put right. Exits 1 when lines were refused.

--learning-window spares users a mailed code, and an alert, on the device that they sign in with first. Whoever has a user's password gets in by it alone
meanwhile: give it where the old system knew no second check either.

--firebase takes the parameters as Firebase's console shows them, and a user a line of its export: firebase auth:export users.json; jq -c '.users[]' users.json.
Import one user first whose password you know, and sign in: with another project's parameters every account is made, and no password is right. Example:

  . .doorward/operator.env; doorward users import users.jsonl --learning-window 14d --report refused.jsonl --note 'from the old system'`
}

// Bounds of one call: authn takes 200 rows and 64 KiB, and a row at the end may have a line's 16 KiB.
const (
	rowsAtOnce  = 200
	bytesAtOnce = 40 << 10
)

// Run sends the file, a batch after the other: what an answer tells of is stored.
func (c *usersImportCmd) Run(ctx context.Context, s streams) error {
	file, size, err := s.openUsers(c.File)
	if err != nil {
		return err
	}
	defer file.Close() // it was only read
	if s.reads(c.File, c.Report) || s.reads(c.Firebase, c.Report) {
		return errors.New("--report names a file that is to be read, which would be lost: name another")
	}
	users, err := c.reader(file)
	if err != nil {
		return err
	}
	kept, err := newReportFile(c.Report)
	if err != nil {
		return err
	}
	conn, err := s.dial("authn")
	if err != nil {
		return err
	}
	defer conn.Close()
	report := newImportReport(c.DryRun)
	sender := &userSender{
		users: authnv1.NewUserServiceClient(conn), report: report,
		request: &authnv1.ImportUsersRequest{DryRun: c.DryRun, Note: c.Note},
	}
	if c.LearningWindow != 0 {
		sender.request.LearningWindow = durationpb.New(time.Duration(c.LearningWindow))
	}
	err = kept.write(func(to io.Writer) error {
		report.to = to
		progress := s.bar("import", bytesText)
		defer progress.end()
		return s.interrupted(ctx, sender.sendAll(ctx, users, func(read int64) { progress.at(read, size) }), sender)
	})
	if err != nil && sender.done == 0 {
		return err
	}
	if err == nil {
		report.path = c.Report
	}
	if c.JSON {
		return errors.Join(report.json(s.out), err, report.verdict())
	}
	report.tell(s.out)
	return errors.Join(err, report.verdict())
}

// reader reads lines as they are said to be written.
func (c *usersImportCmd) reader(file io.Reader) (*userfile.Reader, error) {
	if c.Firebase == "" {
		return userfile.NewReader(file), nil
	}
	parameters, err := os.Open(c.Firebase)
	if err != nil {
		return nil, err
	}
	defer parameters.Close() // it was only read
	project, err := userfile.ReadFirebase(parameters)
	if err != nil {
		return nil, fmt.Errorf("--firebase %s: %w", c.Firebase, err)
	}
	return userfile.NewFirebaseReader(file, project), nil
}

// reads says whether a file that is there, however its name is written, is the one that is read by another name, or as standard input.
func (s streams) reads(name, other string) bool {
	a, errA := os.Stat(name)
	if input, isFile := s.in.(*os.File); name == "-" && isFile {
		a, errA = input.Stat()
	}
	b, errB := os.Stat(other)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// openUsers opens the file, and says how long it is where that is known.
func (s streams) openUsers(name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		if s.in == nil {
			return nil, 0, errors.New("there is no standard input to read")
		}
		return io.NopCloser(s.in), 0, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, 0, errors.Join(err, file.Close())
	case !info.Mode().IsRegular():
		return file, 0, nil
	}
	return file, info.Size(), nil
}

// interrupted says of an import that ended before the file did how far it came, and how to go on.
func (s streams) interrupted(ctx context.Context, err error, sender *userSender) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	} else {
		err = s.advise(err, "authn", "")
	}
	if sender.done == 0 {
		return err
	}
	return fmt.Errorf("%w\nthe lines to %d are done; import the same file again for the rest", err, sender.done)
}

// userSender sends rows in batches, in the order of the file.
type userSender struct {
	users  authnv1.UserServiceClient
	report *importReport
	// request has what every call says.
	request *authnv1.ImportUsersRequest
	// batch is lines that aren't reported yet, those that mean no user among them, so that the report has the file's order.
	batch []batchLine
	size  int
	// done is the last line of which it is known what became of it.
	done int
}

// batchLine is a row to be sent, or a line that means no user.
type batchLine struct {
	userfile.Row
	bad *userfile.LineError
}

func (u *userSender) sendAll(ctx context.Context, file *userfile.Reader, read func(int64)) error {
	for {
		if ctx.Err() != nil { // lines that mean no user are told without a call
			return ctx.Err()
		}
		row, err := file.Next()
		var bad *userfile.LineError
		switch {
		case errors.Is(err, io.EOF):
			return u.flush(ctx)
		case errors.As(err, &bad):
			u.batch = append(u.batch, batchLine{Row: userfile.Row{Line: bad.Line}, bad: bad})
		case err != nil:
			return errors.Join(u.flush(ctx), err)
		default:
			u.batch, u.size = append(u.batch, batchLine{Row: row}), u.size+proto.Size(row.User)
		}
		if len(u.batch) < rowsAtOnce && u.size < bytesAtOnce {
			continue
		}
		if err := u.flush(ctx); err != nil {
			return err
		}
		read(file.Bytes())
	}
}

func (u *userSender) flush(ctx context.Context) error {
	if len(u.batch) == 0 {
		return nil
	}
	request := proto.CloneOf(u.request)
	for _, line := range u.batch {
		if line.bad == nil {
			request.Users = append(request.Users, line.User)
		}
	}
	answer := &authnv1.ImportUsersResponse{}
	if len(request.GetUsers()) > 0 {
		var err error
		if answer, err = u.ask(ctx, request); err != nil {
			return err
		}
	}
	if len(answer.GetRows()) != len(request.GetUsers()) {
		return errors.New("authn's answer isn't about the lines that were sent")
	}
	return u.tell(answer.GetRows())
}

// tell reports what became of the batch.
func (u *userSender) tell(rows []*authnv1.ImportedRow) error {
	for _, line := range u.batch {
		var err error
		if line.bad != nil {
			err = u.report.unreadable(line.bad)
		} else {
			err = u.report.judged(line.Line, rows[0])
			rows = rows[1:]
		}
		if err != nil {
			return err
		}
		u.done = line.Line
	}
	u.batch, u.size = u.batch[:0], 0
	return nil
}

const (
	// importTimeout bounds one call: the first with a slow form waits until it is measured.
	importTimeout = time.Minute
	// importTries is how often a batch is sent whose answer didn't come, or that came too early. Sent twice, it is stored once.
	importTries = 5
)

func (u *userSender) ask(ctx context.Context, request *authnv1.ImportUsersRequest) (*authnv1.ImportUsersResponse, error) {
	for try := 1; ; try++ {
		asking, cancel := context.WithTimeout(ctx, importTimeout)
		answer, err := u.users.ImportUsers(asking, request)
		cancel()
		if err == nil || try == importTries || ctx.Err() != nil || !passes(err) {
			return answer, err
		}
		if err := pause(ctx, max(fault.RetryAfterOf(err), time.Duration(try)*time.Second)); err != nil {
			return nil, err
		}
	}
}

// pause waits, unless the operator doesn't.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// passes says of a failure that it may be over soon.
func passes(err error) bool {
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.Exhausted, fault.DeadlineExceeded:
		return true
	default:
		return false
	}
}
