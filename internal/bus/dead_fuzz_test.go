package bus

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// delivered is a message as a consumer gets it.
type delivered struct {
	jetstream.Msg // its remaining methods aren't called
	subject       string
	headers       nats.Header
	data          []byte
}

func (d delivered) Subject() string      { return d.subject }
func (d delivered) Headers() nats.Header { return d.headers }
func (d delivered) Data() []byte         { return d.data }
func (d delivered) Metadata() (*jetstream.MsgMetadata, error) {
	return &jetstream.MsgMetadata{Sequence: jetstream.SequencePair{Stream: 5}, Timestamp: time.Unix(0, 0)}, nil
}

// FuzzLetter buries a message with a header of any name and reads the letter again: it is never taken for a settled one, says what was written
// into it, and stands on a subject of its own.
func FuzzLetter(f *testing.F) {
	f.Add("evt_1", "ce-subject", "usr_1", "it failed", uint64(7), []byte{1})
	f.Add("evt 2", deadSettled, "dropped", "é\r\nDoorward-Dead-Settled: dropped", uint64(0), []byte{})
	f.Add("", "doorward-dead-reason", "forged", strings.Repeat("é", 400), uint64(1), []byte{})
	f.Add("evt_3.>", "Nats-Msg-Id", "evt_3", "\xff", uint64(1), []byte{})
	k := &consumer{ConsumeConfig: ConsumeConfig{Stream: StreamMail}, conn: &Conn{name: Notify}}
	f.Fuzz(func(t *testing.T, id, name, value, cause string, sequence uint64, data []byte) {
		died := message(sample())
		died.Header[name] = []string{value}
		event := Event{ID: id, Sequence: sequence, Delivery: 10, Stored: time.Unix(1, 0)}
		written := k.letter(delivered{subject: died.Subject, headers: died.Header, data: data}, event, errors.New(cause))

		place, ok := strings.CutPrefix(written.Subject, deadPrefix+"notify."+StreamMail+".")
		if !ok || !token(place) {
			t.Errorf("the letter stands on %q", written.Subject)
		}
		got, err := letter(delivered{subject: written.Subject, headers: written.Header, data: written.Data})
		if err != nil {
			t.Fatal(err)
		}
		if got.headers.Get(deadSettled) != "" {
			t.Errorf("with the header %q: %q it passes for settled", name, value)
		}
		want := Letter{
			ID: "notify." + StreamMail + "." + place, Owner: Notify, Reason: got.Reason, At: got.At, Stream: StreamMail, Sequence: sequence,
			Subject: died.Subject, Deliveries: 10,
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Letter{})); diff != "" {
			t.Errorf("letter (-want +got):\n%s", diff)
		}
		if !utf8.ValidString(got.Reason) || len(got.Reason) > maxReason || strings.ContainsFunc(got.Reason, func(r rune) bool { return r < ' ' }) {
			t.Errorf("reason %q", got.Reason)
		}
		if _, err := got.Event(); err != nil && !errors.Is(err, ErrInvalidEvent) {
			t.Errorf("%v isn't ErrInvalidEvent", err)
		}
	})
}
