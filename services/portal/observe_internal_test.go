package portal

import (
	"log/slog"
	"net/http"
	"testing"
)

// Strangers send forms at whatever pace they like: only those that were taken, and faults of ours, are worth a line.
func TestStrangersDontFillTheLog(t *testing.T) {
	for _, test := range []struct {
		route string
		code  int
		want  slog.Level
	}{
		{routeTake, http.StatusOK, slog.LevelInfo},
		{routeTake, http.StatusUnprocessableEntity, slog.LevelDebug},
		{routeTake, http.StatusNotFound, slog.LevelDebug},
		{routeTake, http.StatusTooManyRequests, slog.LevelDebug},
		{routeShow, http.StatusOK, slog.LevelDebug},
		{noRoute, http.StatusMethodNotAllowed, slog.LevelDebug},
		{routeShow, http.StatusServiceUnavailable, slog.LevelWarn},
	} {
		if got := levelOf(test.route, test.code); got != test.want {
			t.Errorf("%s answered with %d is logged at %v, want %v", test.route, test.code, got, test.want)
		}
	}
}
