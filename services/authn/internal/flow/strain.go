package flow

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/quota"
)

// strainTold is how often the log is told of one bound that many share. The metrics have how often it was met.
const strainTold = 10 * time.Minute

// strain tells the log when strangers have used up what many share. Its pace isn't theirs: there is a handful of bounds.
type strain struct {
	logger *slog.Logger
	now    func() time.Time

	mu   sync.Mutex
	told map[strained]time.Time
}

type strained struct {
	purpose attempt.Purpose
	bound   quota.Bound
}

func newStrain(logger *slog.Logger, now func() time.Time) *strain {
	return &strain{logger: logger, now: now, told: map[strained]time.Time{}}
}

// tell looks at what became of a code.
func (s *strain) tell(ctx context.Context, purpose attempt.Purpose, p purse, v quota.Verdict) {
	about := []slog.Attr{slog.String("purpose", string(purpose)), slog.Int("codes_per_deployment_hour", p.rules.PerDeploymentHour)}
	switch v.Bound {
	case quota.SiteHour, quota.ProviderHour:
		if s.due(purpose, v.Bound) {
			s.logger.LogAttrs(ctx, slog.LevelWarn, "a network has had its share of the codes that strangers are mailed in an hour",
				append(about, slog.String("network", p.networkOf(v.Bound)))...)
		}
	case quota.DeploymentHalf:
		if s.due(purpose, v.Bound) {
			s.logger.LogAttrs(ctx, slog.LevelWarn, "strangers have been mailed half of an hour's codes; each now takes a challenge", about...)
		}
	case quota.DeploymentHour:
		if s.due(purpose, v.Bound) {
			s.logger.LogAttrs(ctx, slog.LevelError, "strangers have been mailed all of an hour's codes; only known devices get one", about...)
		}
	default:
	}
}

// due says whether it is time to tell of a bound, and takes it as told.
func (s *strain) due(purpose attempt.Purpose, bound quota.Bound) bool {
	of, now := strained{purpose, bound}, s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	// A moment in the future was told before the clock was set back.
	if last, told := s.told[of]; told && !last.After(now) && now.Sub(last) < strainTold {
		return false
	}
	s.told[of] = now
	return true
}

// networkOf is the network whose bound it is; empty for none.
func (p purse) networkOf(bound quota.Bound) string {
	for _, shared := range p.shared {
		if shared.Scope.Bound() == bound {
			return shared.Name
		}
	}
	return ""
}
