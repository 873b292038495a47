package attempt

import (
	"crypto/subtle"
	"time"

	"github.com/doorward/doorward/internal/secret"
)

// maxLiveCodes is how many codes of one attempt are good at a time: mails arrive out of order. One more voids the oldest.
const maxLiveCodes = 3

// Code is a code that was sent.
type Code struct {
	// MAC is the code under authn's key, bound to attempt and purpose: six digits under a bare hash would be guessed.
	MAC [32]byte
	// ExpiresAt is until when it is good.
	ExpiresAt time.Time
}

// Outcome is how an answer fared.
type Outcome string

// The outcomes.
const (
	Accepted Outcome = "accepted"
	Wrong    Outcome = "wrong"
	Expired  Outcome = "expired"
)

// CodeMAC is what a code of this attempt is stored and compared as.
func (a *Attempt) CodeMAC(key secret.Key, code secret.Text) [32]byte {
	return key.MAC("authn/email-code/v1", []byte(a.ID), []byte(a.Purpose), []byte(code.Reveal()))
}

// AddCode makes one more code good.
func (a *Attempt) AddCode(mac [32]byte, expiresAt time.Time) {
	a.Codes = append(a.Codes, Code{MAC: mac, ExpiresAt: expiresAt})
	a.Codes = a.Codes[max(0, len(a.Codes)-maxLiveCodes):]
}

// AnswerCode compares an answer with every code that was sent, each in constant time. A right answer is a proof and voids all codes,
// so that each is good once.
func (a *Attempt) AnswerCode(mac [32]byte, now time.Time) Outcome {
	outcome := Wrong
	for _, c := range a.Codes {
		if subtle.ConstantTimeCompare(c.MAC[:], mac[:]) != 1 {
			continue
		}
		if now.Before(c.ExpiresAt) {
			outcome = Accepted
		} else if outcome == Wrong {
			outcome = Expired
		}
	}
	if outcome == Accepted {
		a.Codes = nil
		a.Proofs.EmailCodeAt = now
	}
	return outcome
}
