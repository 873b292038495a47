package reconcile

import (
	"context"

	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/test/load"
)

// Enforce presents the refresh token of every acknowledged session: those that weren't revoked go on, the others don't. It is for the end, for it
// uses the tokens up.
func Enforce(ctx context.Context, client *doorward.Client, ledger *load.Ledger) Faults {
	var f Faults
	sessions := ledger.Sessions()
	for _, s := range sessions {
		if !s.RevokedAt.IsZero() || s.MaybeRevoked || s.Unsure {
			continue
		}
		if _, err := client.Refresh(ctx, s.RefreshToken, s.From); err != nil {
			f.wrong("session %s of %s, acknowledged and never revoked, isn't refreshed after %d times: %v", s.ID, s.Email, s.Refreshes, err)
		}
	}
	// Afterwards, because a revoked session may present a device's secret that was replaced long ago, and that untrusts the device.
	for _, s := range sessions {
		if s.RevokedAt.IsZero() {
			continue
		}
		_, err := client.Refresh(ctx, s.RefreshToken, s.From)
		if _, refused := doorward.ReasonOf(err); err == nil || !refused {
			f.wrong("session %s of %s, revoked with an answer at %s, isn't refused a refresh: %v", s.ID, s.Email, clock(s.RevokedAt), err)
		}
	}
	return f
}
