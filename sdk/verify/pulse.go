package verify

import "time"

// pulse dates heartbeats. A heartbeat says when authn's outbox was empty, by authn's clock; only one that says a later moment than any before is
// news, so that a copy of an old one makes nothing fresh, whoever has it delivered again.
//
//   - Clocks that differ by up to readMargin: once a read is under way, what is news was written while we listened, and is dated by our clock.
//     Where they differ by more, no token would be good either; such a heartbeat is dated by what it says, and one from that far ahead is refused.
//   - authn's clock goes back, as when it is restored or fails over to another machine: the feed ages until the clock is past where it was,
//     for twice readMargin at most, as nothing from further ahead was believed. Meanwhile authn is asked, which is slower and no less safe.
//   - Our own clock goes back: a last moment that lies further ahead than could be believed now is forgotten. What was written then is refused as
//     too far ahead.
//   - Our own clock goes forward: heartbeats seem old, and the feed is stale. So are the tokens.
//
// It belongs to the goroutine that reads the feed.
type pulse struct{ last time.Time }

// take returns when everything was in the stream before the heartbeat, by our clock. first is for the first heartbeat of a read, which may have
// been written long ago: the stream keeps one. beat says what the heartbeat is.
func (p *pulse) take(drained, now time.Time, first bool) (time.Time, beat) {
	if drained.After(now.Add(readMargin)) {
		return time.Time{}, beatRefused
	}
	if p.last.After(now.Add(readMargin)) {
		p.last = time.Time{}
	}
	switch {
	case drained.Before(p.last):
		return time.Time{}, beatRefused
	case drained.Equal(p.last):
		return time.Time{}, beatKnown
	}
	p.last = drained
	age := now.Sub(drained)
	if age <= 0 || !first && age <= readMargin {
		return now, beatNew
	}
	return now.Add(-age), beatNew // by our clock, monotonic part and all
}

// beat is what a heartbeat turned out to be.
type beat int

const (
	beatRefused beat = iota
	beatKnown        // the one that the stream keeps, read again
	beatNew
)
