package device_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/device"
)

const (
	lifetime = 90 * 24 * time.Hour
	grace    = time.Minute
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func digest(n int) secret.Digest { return secret.Hash(secret.Wrap(fmt.Sprint("secret ", n))) }

// signedIn is a device after n completed sign-ins, an hour apart; the last one was at noon. Its secrets are 1 to n.
func signedIn(n int) device.Device {
	d := device.Device{ID: "dev_1", UserID: "usr_1"}
	for i := 1; i <= n; i++ {
		d.Trust(digest(i), noon.Add(time.Duration(i-n)*time.Hour), lifetime, grace)
	}
	return d
}

func TestASecretIsRecognisedForWhatItIs(t *testing.T) {
	untrusted := signedIn(2)
	untrusted.Untrust(noon)
	for name, c := range map[string]struct {
		device    device.Device
		presented secret.Digest
		at        time.Time
		want      device.Recognition
	}{
		"the current one":                        {signedIn(1), digest(1), noon, device.Known},
		"the current one, on the last moment":    {signedIn(1), digest(1), noon.Add(lifetime - 1), device.Known},
		"the current one, expired":               {signedIn(1), digest(1), noon.Add(lifetime), device.Lapsed},
		"the current one, trust taken away":      {untrusted, digest(2), noon, device.Lapsed},
		"the one before, within its grace":       {signedIn(2), digest(1), noon.Add(grace - 1), device.Known},
		"the one before, after its grace":        {signedIn(2), digest(1), noon.Add(grace), device.Copied},
		"the one before, trust taken away":       {untrusted, digest(1), noon, device.Lapsed},
		"an older one":                           {signedIn(3), digest(1), noon, device.Copied},
		"the oldest that is remembered":          {signedIn(18), digest(1), noon, device.Copied},
		"one older than what is remembered":      {signedIn(19), digest(1), noon, device.Stranger},
		"an older one, trust expired":            {signedIn(3), digest(1), noon.Add(lifetime), device.Copied},
		"another's":                              {signedIn(3), digest(9), noon, device.Stranger},
		"none":                                   {signedIn(3), secret.Digest{}, noon, device.Stranger},
		"none, of a device that never had a one": {device.Device{}, secret.Digest{}, noon, device.Stranger},
		"any, of a device that never had a one":  {device.Device{}, digest(1), noon, device.Stranger},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.device.Recognise(c.presented, c.at); got != c.want {
				t.Errorf("Recognise = %v, want %v", got, c.want)
			}
		})
	}
}

// A device that was never signed in on has no secret and no trust; neither has the gap before its first sign-in.
func TestTrustComesOnlyFromACompletedSignIn(t *testing.T) {
	var d device.Device
	if d.Trusted(noon) || d.TrustedBefore(noon.Add(time.Hour), noon) {
		t.Error("a new device is trusted")
	}
	d.TrustedUntil = noon.Add(time.Hour)
	if d.Trusted(noon) {
		t.Error("a device whose trust never began is trusted")
	}
}

func TestTrustThatEndedBeginsAnew(t *testing.T) {
	for name, end := range map[string]func(*device.Device) time.Time{
		"taken away": func(d *device.Device) time.Time {
			d.Untrust(noon.Add(time.Hour))
			return noon.Add(time.Hour)
		},
		"expired": func(*device.Device) time.Time { return noon.Add(lifetime) },
	} {
		t.Run(name, func(t *testing.T) {
			d := signedIn(1)
			ended := end(&d)
			if d.Trusted(ended) || d.TrustedBefore(noon.Add(time.Minute), ended) {
				t.Fatal("trust hasn't ended")
			}
			again := ended.Add(time.Hour)
			d.Trust(digest(2), again, lifetime, grace)
			if !d.Trusted(again) {
				t.Error("a completed sign-in gives no trust")
			}
			if d.TrustedBefore(again, again) {
				t.Error("trust that began at a moment counts as trust before it")
			}
			if got := d.Recognise(digest(1), again); got != device.Copied {
				t.Errorf("the secret from before trust ended is recognised as %v, want a copy", got)
			}
			if !d.FirstTrustedAt.Equal(again) {
				t.Errorf("trust began at %v, want %v", d.FirstTrustedAt, again)
			}
		})
	}
}

func TestTrustThatIsRenewedIsAsOldAsBefore(t *testing.T) {
	d := signedIn(1)
	later := noon.Add(lifetime / 2)
	d.Trust(digest(2), later, lifetime, grace)
	if !d.TrustedBefore(noon.Add(1), later) || d.TrustedBefore(noon, later) {
		t.Errorf("trust began at %v, want %v", d.FirstTrustedAt, noon)
	}
	if !d.Trusted(later.Add(lifetime-1)) || d.Trusted(later.Add(lifetime)) {
		t.Errorf("trust ends at %v, want %v", d.TrustedUntil, later.Add(lifetime))
	}
}

// A device's life: sign-ins, losses of trust and time passing, in any order.
func TestDeviceLife(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		life := deviceLife{now: noon}
		t.Repeat(map[string]func(*rapid.T){
			"sign in": func(*rapid.T) {
				life.issued++
				life.renewed = life.trusted && life.now.Before(life.until)
				life.device.Trust(digest(life.issued), life.now, lifetime, grace)
				life.rotated, life.trusted = life.now, true
				life.until = life.now.Add(lifetime)
			},
			"untrust": func(*rapid.T) {
				life.device.Untrust(life.now)
				life.trusted = false
			},
			"wait": func(t *rapid.T) {
				life.now = life.now.Add(rapid.SampledFrom([]time.Duration{1, grace / 2, grace, time.Hour, lifetime}).Draw(t, "time"))
			},
			"": life.check,
		})
	})
}

// deviceLife is a device and what should be true of it.
type deviceLife struct {
	device              device.Device
	now, rotated, until time.Time
	issued              int
	// renewed: the last sign-in was on a device that was trusted then, and so the secret before has its grace.
	trusted, renewed bool
}

func (l *deviceLife) check(t *rapid.T) {
	trusted := l.trusted && l.now.Before(l.until)
	if got := l.device.Trusted(l.now); got != trusted {
		t.Fatalf("trusted = %t, want %t", got, trusted)
	}
	for n := range l.issued + 2 { // 0 and issued+1 were never handed out
		if got, want := l.device.Recognise(digest(n), l.now), l.expected(n, trusted); !slices.Contains(want, got) {
			t.Fatalf("secret %d of %d is recognised as %v, want one of %v", n, l.issued, got, want)
		}
	}
	if len(l.device.Spent) > 16 {
		t.Fatalf("%d spent secrets are kept", len(l.device.Spent))
	}
}

func (l *deviceLife) expected(n int, trusted bool) []device.Recognition {
	good := device.Lapsed
	if trusted {
		good = device.Known
	}
	switch age := l.issued - n; {
	case n == 0, age < 0:
		return []device.Recognition{device.Stranger}
	case age == 0, age == 1 && l.renewed && l.now.Before(l.rotated.Add(grace)):
		return []device.Recognition{good}
	case age <= 17:
		return []device.Recognition{device.Copied}
	}
	return []device.Recognition{device.Stranger} // too old to be remembered
}
