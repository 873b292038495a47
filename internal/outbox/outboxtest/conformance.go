package outboxtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/telemetry"
)

// Store is a queue together with a way to run one service transaction that appends.
type Store interface {
	outbox.Queue
	// Append runs one transaction that appends all the rows, or none.
	Append(ctx context.Context, rows ...outbox.Row) error
}

// epoch is when the suite's rows happen. It has nanoseconds, which a store must not lose: a stream's creation time is compared.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// Run checks one implementation. open returns an empty store that lives as long as t.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, Store){
		"PendingKeepsTheOrderAndEveryField": pendingKeepsOrder,
		"PendingStopsAtTheLimit":            pendingStopsAtLimit,
		"RowsCarryTheTraceOfTheirContext":   tracedByContext,
		"IncompleteRowsAreRefused":          incompleteRefused,
		"AcknowledgedRowsAreNoLonger":       acknowledgedLeave,
		"AcksOfUnknownRowsAreIgnored":       unknownAcksIgnored,
		"RewindBringsBackALostTail":         rewindLostTail,
		"RewindBringsBackARecreatedStream":  rewindRecreated,
		"RewoundRowsKeepTheirPlace":         rewoundKeepPlace,
		"ForgetSparesWhatIsPending":         forgetSparesPending,
		"ForgetSparesWhatIsYoung":           forgetSparesYoung,
		"DepthCountsPendingRows":            depthCounts,
		"ChangedIsSignalledOnce":            changedSignalled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, open(t))
		})
	}
}

// NewRow returns a complete row; n gives it its id and its time.
func NewRow(n int, key string) outbox.Row {
	return outbox.Row{
		ID:      fmt.Sprintf("evt_%04d", n),
		Subject: "doorward.event.authn.signin.succeeded",
		Key:     key,
		Type:    "authn.signin.succeeded.v1",
		Source:  "authn",
		Time:    epoch.Add(time.Duration(n) * time.Second),
		Data:    []byte{byte(n), 0, 0xff},
	}
}

// ack acknowledges the row as the sequence of stream S.
func ack(row outbox.Row, sequence uint64, at time.Time) outbox.Ack {
	return outbox.Ack{ID: row.ID, Stream: "S", StreamCreated: epoch, Sequence: sequence, At: at}
}

// fill appends n rows in one transaction.
func fill(t *testing.T, s Store, n int) []outbox.Row {
	t.Helper()
	rows := make([]outbox.Row, n)
	for i := range rows {
		rows[i] = NewRow(i+1, "usr_1")
	}
	must(t, s.Append(t.Context(), rows...))
	return rows
}

// acknowledge gives the rows the sequences 1, 2, 3…
func acknowledge(t *testing.T, s Store, rows []outbox.Row) {
	t.Helper()
	acks := make([]outbox.Ack, len(rows))
	for i, row := range rows {
		acks[i] = ack(row, uint64(i+1), epoch)
	}
	must(t, s.Acknowledged(t.Context(), acks))
}

func pendingKeepsOrder(t *testing.T, s Store) {
	// The ids run against the order of appending: it is the order that counts.
	first, second := NewRow(9, "usr_1"), NewRow(1, "")
	first.UserVersion, first.Traceparent = 7, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	must(t, s.Append(t.Context(), first))
	must(t, s.Append(t.Context(), second))
	wantPending(t, s, first, second)
}

// tracedByContext: what is appended on behalf of a traced request belongs to its trace, unless the row says of which.
func tracedByContext(t *testing.T, s Store) {
	const requests, rows = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	ctx := telemetry.WithTraceparent(t.Context(), requests)
	silent, told := NewRow(1, ""), NewRow(2, "")
	told.Traceparent = rows
	must(t, s.Append(ctx, silent, told))
	silent.Traceparent = requests
	wantPending(t, s, silent, told)
}

func pendingStopsAtLimit(t *testing.T, s Store) {
	rows := fill(t, s, 5)
	got, err := s.Pending(t.Context(), 3)
	must(t, err)
	same(t, rows[:3], got)
}

func incompleteRefused(t *testing.T, s Store) {
	bad := NewRow(2, "")
	bad.Subject = ""
	if err := s.Append(t.Context(), NewRow(1, ""), bad); !errors.Is(err, outbox.ErrInvalidRow) {
		t.Fatalf("Append = %v, want ErrInvalidRow", err)
	}
	wantPending(t, s)
}

func acknowledgedLeave(t *testing.T, s Store) {
	rows := fill(t, s, 3)
	must(t, s.Acknowledged(t.Context(), []outbox.Ack{ack(rows[1], 1, epoch)}))
	wantPending(t, s, rows[0], rows[2])
	// A second acknowledgement, as after a crash between publishing and storing, is harmless.
	must(t, s.Acknowledged(t.Context(), []outbox.Ack{ack(rows[1], 1, epoch), ack(rows[0], 2, epoch)}))
	wantPending(t, s, rows[2])
}

func unknownAcksIgnored(t *testing.T, s Store) {
	rows := fill(t, s, 1)
	must(t, s.Acknowledged(t.Context(), []outbox.Ack{ack(NewRow(99, ""), 1, epoch), ack(rows[0], 2, epoch)}))
	wantPending(t, s)
}

func rewindLostTail(t *testing.T, s Store) {
	rows := fill(t, s, 4)
	acknowledge(t, s, rows)
	wantRewound(t, s, 0, "S", epoch, 4)
	wantRewound(t, s, 0, "another", epoch, 0)
	wantRewound(t, s, 2, "S", epoch, 2)
	wantPending(t, s, rows[2], rows[3])
	wantRewound(t, s, 0, "S", epoch, 2)
}

func rewindRecreated(t *testing.T, s Store) {
	rows := fill(t, s, 3)
	acknowledge(t, s, rows)
	// One nanosecond apart is another stream, however far it has come.
	wantRewound(t, s, 3, "S", epoch.Add(1), 1000)
	wantPending(t, s, rows...)
}

func rewoundKeepPlace(t *testing.T, s Store) {
	rows := fill(t, s, 2)
	acknowledge(t, s, rows)
	later := NewRow(3, "usr_1")
	must(t, s.Append(t.Context(), later))
	wantRewound(t, s, 1, "S", epoch, 1)
	wantPending(t, s, rows[1], later)
}

func forgetSparesPending(t *testing.T, s Store) {
	rows := fill(t, s, 3)
	acknowledge(t, s, rows[:2])
	wantForgotten(t, s, 2, epoch.Add(time.Hour))
	wantPending(t, s, rows[2])
	wantRewound(t, s, 0, "S", epoch, 0)
}

func forgetSparesYoung(t *testing.T, s Store) {
	rows := fill(t, s, 3)
	must(t, s.Acknowledged(t.Context(), []outbox.Ack{
		ack(rows[0], 1, epoch), ack(rows[1], 2, epoch.Add(time.Minute)), ack(rows[2], 3, epoch.Add(time.Hour)),
	}))
	wantForgotten(t, s, 1, epoch.Add(time.Minute))
	wantRewound(t, s, 2, "S", epoch, 0)
	// Pending again, they are old no more.
	wantForgotten(t, s, 0, epoch.Add(24*time.Hour))
	wantPending(t, s, rows[1], rows[2])
}

func depthCounts(t *testing.T, s Store) {
	wantDepth(t, s, 0, time.Time{})
	rows := fill(t, s, 3)
	wantDepth(t, s, 3, rows[0].Time)
	acknowledge(t, s, rows[:1])
	wantDepth(t, s, 2, rows[1].Time)
	wantRewound(t, s, 1, "S", epoch, 0)
	wantDepth(t, s, 3, rows[0].Time)
}

func changedSignalled(t *testing.T, s Store) {
	fill(t, s, 1)
	must(t, s.Append(t.Context(), NewRow(2, "")))
	select {
	case <-s.Changed():
	case <-t.Context().Done():
		t.Fatal("no signal after a commit that appended")
	}
	select {
	case <-s.Changed():
		t.Fatal("a second signal: capacity is one")
	default:
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, want, got []outbox.Row) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("rows (-want +got):\n%s", diff)
	}
}

func wantPending(t *testing.T, s Store, want ...outbox.Row) {
	t.Helper()
	got, err := s.Pending(t.Context(), 100)
	must(t, err)
	if len(want) == 0 && len(got) == 0 {
		return
	}
	same(t, want, got)
}

func wantRewound(t *testing.T, s Store, want int, stream string, created time.Time, last uint64) {
	t.Helper()
	got, err := s.Rewind(t.Context(), stream, created, last)
	must(t, err)
	if got != want {
		t.Fatalf("Rewind(%s, last %d) = %d rows, want %d", stream, last, got, want)
	}
}

func wantForgotten(t *testing.T, s Store, want int, before time.Time) {
	t.Helper()
	got, err := s.Forget(t.Context(), before)
	must(t, err)
	if got != want {
		t.Fatalf("Forget = %d rows, want %d", got, want)
	}
}

func wantDepth(t *testing.T, s Store, want int, oldest time.Time) {
	t.Helper()
	n, got, err := s.Depth(t.Context())
	must(t, err)
	if n != want || !got.Equal(oldest) {
		t.Fatalf("Depth = %d, %v; want %d, %v", n, got, want, oldest)
	}
}
