package account

import (
	"time"

	"github.com/doorward/doorward/internal/secret"
)

// Import is how an account came from another system.
type Import struct {
	// At is when.
	At time.Time
	// Row is a keyed digest of all that its row said, by which the same row is known again, whatever became of the account.
	Row secret.Digest
	// LearnUntil is until when the account's first sign-in may make its device known without a second check; zero when it may not, or has been.
	LearnUntil time.Time
}

// Learns says whether a sign-in may still be the one that the account's first device is learned from. The policy's longest window counts from the import
// on, so that whoever lowers it ends the windows that are open.
func (u *User) Learns(longest time.Duration, now time.Time) bool {
	return u.Import != nil && now.Before(u.Import.LearnUntil) && now.Before(u.Import.At.Add(longest)) && !now.Before(u.Import.At)
}

// StopLearning ends the learning window. The first sign-in that is done does it, however it was done.
func (u *User) StopLearning() {
	if u.Import != nil {
		u.Import.LearnUntil = time.Time{}
	}
}

// Proven marks the address that codes go to as one that its owner has proved to read.
func (u *User) Proven(now time.Time) {
	for i := range u.Emails {
		if e := &u.Emails[i]; e.Names() {
			if e.VerifiedAt.IsZero() {
				e.VerifiedAt, e.Claimed = now, false
			}
			return
		}
	}
}
