package story

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	doorward "github.com/doorward/doorward/sdk"
)

// World is what the story is played in.
type World struct {
	// Doorward is the application's client.
	Doorward *doorward.Client
	// Guarded is the guarded service.
	Guarded *Backend
	// Inbox is the mailbox of everybody.
	Inbox Inbox
	// Events tells what authn published.
	Events *Events
	// Home and Away are addresses in two countries.
	Home, Away Network
	// Report hears of each step, once it is as told.
	Report func(Step)
}

// Network is where somebody signs in from.
type Network struct {
	IP      netip.Addr
	Country string
}

// Step is one step of the story, done.
type Step struct {
	// Number is the story's.
	Number int
	// Text is what happened, Seen what shows it.
	Text, Seen string
	// Took is the time since the step before.
	Took time.Duration
}

// The browsers' headers. They are made up, and decide nothing: they are what the owner reads in the alert.
const (
	homeBrowser = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
	awayBrowser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)

// ErrNotAsTold says that a step wasn't as the story tells.
var ErrNotAsTold = errors.New("not as told")

// expect makes an error of what isn't as told.
func expect(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrNotAsTold, fmt.Sprintf(format, args...))
}
