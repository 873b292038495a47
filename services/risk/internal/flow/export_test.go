package flow

import (
	"log/slog"

	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/score"
	"github.com/doorward/doorward/services/risk/internal/store"
)

// NewRecorder makes a recorder alone, for tests in a bubble that a file's writer would leave.
func NewRecorder(s store.Store, logger *slog.Logger) *Recorder {
	return newRecorder(Deps{Store: s, KeepMost: 1, Logger: logger})
}

// Add records a decision.
func (r *Recorder) Add(g score.Gate) { r.add(decision.Record{Gate: g}) }

// Lost is how many were lost.
func (r *Recorder) Lost() uint64 { return r.dropped.Load() }
