package account

import "time"

// Lock keeps an account from signing in.
type Lock struct {
	At time.Time
	// Until is when it ends by itself; zero when it doesn't.
	Until time.Time
}

// Locked says whether an operator's lock is in force.
func (u *User) Locked(now time.Time) bool {
	return u.Lock != nil && (u.Lock.Until.IsZero() || now.Before(u.Lock.Until))
}

// DropLapsedLock forgets a lock that has ended by itself.
func (u *User) DropLapsedLock(now time.Time) {
	if !u.Locked(now) {
		u.Lock = nil
	}
}

// Banned says whether the account is shut out.
func (u *User) Banned() bool { return !u.BannedAt.IsZero() }

// LockFor locks the account, for good when the time is 0.
func (u *User) LockFor(d time.Duration, now time.Time) {
	u.Lock = &Lock{At: now}
	if d > 0 {
		u.Lock.Until = now.Add(d)
	}
}

// Unlock ends a lock; false when none was in force.
func (u *User) Unlock(now time.Time) bool {
	was := u.Locked(now)
	u.Lock = nil
	return was
}

// Ban shuts the account out and voids what was issued to it; false when it was banned before.
func (u *User) Ban(now time.Time) bool {
	if u.Banned() {
		return false
	}
	u.BannedAt = now
	u.RaiseEpoch()
	return true
}

// Unban lifts a ban; false when there was none.
func (u *User) Unban() bool {
	was := u.Banned()
	u.BannedAt = time.Time{}
	return was
}

// MarkCompromised marks the password; false when there is none, or it lets nobody in as it is.
func (u *User) MarkCompromised(now time.Time) bool {
	if u.Password == nil || u.Password.Compromised() || u.Password.Contained() {
		return false
	}
	u.Password.CompromisedAt = now
	return true
}
