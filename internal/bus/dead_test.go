package bus_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/doorward/doorward/internal/bus"
)

// An operator reads reasons as strings of a proto message: one that were cut within a character would make the whole list unreadable.
func TestALongReasonIsCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	publish(t, n.as(bus.Authn), row("evt_1", "doorward.mail.code", "usr_1"))
	background(t, consume(n, bus.Notify, bus.ConsumeConfig{
		Stream: bus.StreamMail,
		Handle: func(context.Context, bus.Event) error {
			return bus.Permanent(errors.New("x" + strings.Repeat("é", 400)))
		},
	}))
	dead := bus.NewDead(n.as(bus.Notify))
	var l bus.Letter
	eventually(t, "a dead letter", func() (found bool) {
		var err error
		l, err = dead.Get(deadline(t), "notify.DOORWARD_MAIL.evt_1")
		return err == nil
	})
	if !utf8.ValidString(l.Reason) || !strings.HasSuffix(l.Reason, "é") {
		t.Errorf("the reason ends in %q", l.Reason[len(l.Reason)-4:])
	}
}
