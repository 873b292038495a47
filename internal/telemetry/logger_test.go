package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/internal/telemetry"
)

const planted = "hunter2-hunter2"

func logger(t *testing.T, cfg telemetry.LogConfig) (*slog.Logger, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	cfg.Writer = &out
	l, err := telemetry.NewLogger(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l, &out
}

func TestLinesSayWhatTheyBelongTo(t *testing.T) {
	contexts := map[string]func(context.Context) context.Context{
		"req-1": func(ctx context.Context) context.Context { return telemetry.WithRequestID(ctx, "req-1") },
		"evt-1": func(ctx context.Context) context.Context { return telemetry.WithEventID(ctx, "evt-1") },
		"0af7651916cd43dd8448eb211c80319c": func(ctx context.Context) context.Context {
			return telemetry.WithTraceparent(ctx, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		},
	}
	for _, format := range []telemetry.Format{"", telemetry.JSON, telemetry.Text} {
		for id, within := range contexts {
			l, out := logger(t, telemetry.LogConfig{Format: format})
			ctx := within(t.Context())
			l.With("service", "authn").InfoContext(ctx, "done")
			l.WithGroup("store").InfoContext(ctx, "done")
			l.InfoContext(context.Background(), "outside")
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			for i, want := range []bool{true, true, false} {
				if got := strings.Contains(lines[i], id); got != want {
					t.Errorf("format %q, line %d has %s: %v, want %v: %s", format, i, id, got, want, lines[i])
				}
			}
		}
	}
}

func TestLineOfATracedCallInAHandlerHasAllIDs(t *testing.T) {
	l, out := logger(t, telemetry.LogConfig{})
	ctx := telemetry.WithTraceparent(telemetry.WithEventID(telemetry.WithRequestID(t.Context(), "req-1"), "evt-1"), parent)
	l.InfoContext(ctx, "done")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"request_id": "req-1", "event_id": "evt-1", "trace_id": parent[3:35]} {
		if line[name] != want {
			t.Errorf("%s = %v, want %s", name, line[name], want)
		}
	}
}

func TestSecretsDoNotReachTheLog(t *testing.T) {
	tests := map[string]slog.Attr{
		"self-redacting type": slog.Any("value", secret.Wrap(planted)),
		"secret name":         slog.String("password", planted),
		"secret name, case":   slog.String("Refresh_Token", planted),
		"proto message":       slog.Any("request", wrapperspb.String(planted)),
		"within a group":      slog.Group("request", slog.String("token", planted), slog.Any("m", wrapperspb.String(planted))),
	}
	for name, attr := range tests {
		for _, format := range []telemetry.Format{telemetry.JSON, telemetry.Text} {
			l, out := logger(t, telemetry.LogConfig{Format: format})
			l.LogAttrs(t.Context(), slog.LevelInfo, "sign-in", attr)
			if strings.Contains(out.String(), planted) {
				t.Errorf("%s, %s: the secret is in the log: %s", name, format, out.String())
			}
		}
	}
}

func TestOrdinaryAttributesStayReadable(t *testing.T) {
	l, out := logger(t, telemetry.LogConfig{})
	l.Info("call failed", "code", "NotFound", "api_key_id", "key_1")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["code"] != "NotFound" || line["api_key_id"] != "key_1" {
		t.Errorf("line = %v", line)
	}
}

func TestLevelAndFormatAreKept(t *testing.T) {
	l, out := logger(t, telemetry.LogConfig{Level: slog.LevelWarn})
	l.Info("no")
	if out.Len() != 0 {
		t.Errorf("an info line below the level was written: %s", out.String())
	}
	if _, err := telemetry.NewLogger(telemetry.LogConfig{Format: "xml"}); err == nil || !strings.Contains(err.Error(), "json or text") {
		t.Errorf("format xml: %v, want an error that names the formats", err)
	}
}
