package bus

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// natsLog hands the server's messages to slog as data: their text isn't constant.
type natsLog struct{ log *slog.Logger }

var _ server.Logger = natsLog{}

func (l natsLog) at(level slog.Level, format string, v []any) {
	text := strings.TrimSpace(fmt.Sprintf(format, v...))
	if strangers(text) {
		level = slog.LevelDebug
	}
	l.log.LogAttrs(context.Background(), level, "nats server", slog.String("message", text))
}

// ofAClient is how the server begins what it has to say of one connection: its address, and its number.
var ofAClient = regexp.MustCompile(`^\S+ - \w*cid:\d+`)

// strangers says whether a message is what anybody who reaches the port can cause, as often as they like, with text of their choosing. Those who should be let
// in and aren't say so themselves.
func strangers(text string) bool {
	return ofAClient.MatchString(text) || strings.Contains(text, "handshake error")
}

func (l natsLog) Noticef(format string, v ...any) { l.at(slog.LevelDebug, format, v) }
func (l natsLog) Warnf(format string, v ...any)   { l.at(slog.LevelWarn, format, v) }
func (l natsLog) Fatalf(format string, v ...any)  { l.at(slog.LevelError, format, v) }
func (l natsLog) Errorf(format string, v ...any)  { l.at(slog.LevelError, format, v) }
func (l natsLog) Debugf(format string, v ...any)  { l.at(slog.LevelDebug, format, v) }
func (l natsLog) Tracef(format string, v ...any)  { l.at(slog.LevelDebug, format, v) }
