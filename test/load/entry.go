package load

import (
	"time"

	doorward "github.com/doorward/doorward/sdk"
)

// User is an acknowledged account.
type User struct {
	ID, Email, Password string
	At                  time.Time
}

// Session is an acknowledged session.
type Session struct {
	ID, UserID, Email string
	At                time.Time
	// SignUp says that it began with the account, NewDevice that its device wasn't known: its owner is to be alerted.
	SignUp, NewDevice bool
	// RefreshToken is the last that was acknowledged, and From holds the device's last secret.
	RefreshToken doorward.Secret
	From         doorward.From
	Refreshes    int
	// Unsure says that the refresh token may be used up, because the answer to a refresh was lost for good, or that From isn't kept up to date
	// any more. It isn't presented: that could end the session.
	Unsure bool
	// RevokedAt is when its revocation was acknowledged; zero while it wasn't.
	RevokedAt time.Time
	// MaybeRevoked says that the answer to a revocation was lost.
	MaybeRevoked bool
}

// Loss is an operation whose answer was lost, or that was refused or given up.
type Loss struct {
	Kind      Kind
	Outcome   Outcome
	Email     string
	SessionID string // empty where none was named yet
	At        time.Time
	Err       string
}
