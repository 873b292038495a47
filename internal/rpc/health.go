package rpc

import (
	"context"
	"log/slog"
	"time"
)

// healthEvery is how often ReportHealth asks.
const healthEvery = time.Second

// ReportHealth asks the service at once and then each second whether it can work, and tells health checks, until ctx ends; then it takes them
// back. A change is logged. healthy is given a second to answer.
func (s *Server) ReportHealth(ctx context.Context, healthy func(context.Context) error) error {
	ticker := time.NewTicker(healthEvery)
	defer ticker.Stop()
	serving := false
	for {
		err := ask(ctx, healthy)
		if ctx.Err() == nil && (err == nil) != serving {
			serving = err == nil
			s.logHealth(ctx, err)
			s.SetServing(serving)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			s.SetServing(false)
			return nil
		}
	}
}

func ask(ctx context.Context, healthy func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, healthEvery)
	defer cancel()
	return healthy(ctx)
}

func (s *Server) logHealth(ctx context.Context, err error) {
	if err != nil {
		s.logger.LogAttrs(ctx, slog.LevelError, "not serving", slog.Any("error", err))
		return
	}
	s.logger.LogAttrs(ctx, slog.LevelInfo, "serving")
}
