package doorward

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
)

// Why a challenge isn't solved.
var (
	// ErrUnsolvable: it is of a kind that this package doesn't know, or no number solves it.
	ErrUnsolvable = errors.New("doorward: not a challenge that can be solved here")
	// ErrTooMuchWork: it is harder than the caller would work.
	ErrTooMuchWork = errors.New("doorward: the challenge is harder than Config.MostWork allows: let the user's browser solve it")
)

// pause is after how many hashes the solver looks whether it is still wanted.
const pause = 1024

// Solve does the work of a challenge on the caller's goroutine: at most so many hashes, and none when it could take more. The solution is for
// ClientContext.challenge_solution, once. A Client does it when Config.SolveChallenges is set; Solve is for those who call the contract's stubs without one.
func Solve(ctx context.Context, c *typev1.Challenge, most int64) (string, error) {
	wanted, err := hex.DecodeString(c.GetChallenge())
	switch {
	case err != nil, c.GetAlgorithm() != "SHA-256", len(wanted) != sha256.Size:
		return "", ErrUnsolvable
	case c.GetMaxNumber() > most:
		return "", ErrTooMuchWork
	}
	salted := []byte(c.GetSalt())
	for number := range c.GetMaxNumber() + 1 {
		if number%pause == 0 && ctx.Err() != nil {
			return "", ctx.Err()
		}
		salted = strconv.AppendInt(salted[:len(c.GetSalt())], number, 10)
		if sha256.Sum256(salted) == [sha256.Size]byte(wanted) {
			return solutionOf(c, number)
		}
	}
	return "", ErrUnsolvable
}

// solutionOf is what the protocol's widget would send.
func solutionOf(c *typev1.Challenge, number int64) (string, error) {
	text, err := json.Marshal(struct {
		Algorithm string `json:"algorithm"`
		Challenge string `json:"challenge"`
		Number    int64  `json:"number"`
		Salt      string `json:"salt"`
		Signature string `json:"signature"`
	}{
		c.GetAlgorithm(), c.GetChallenge(), number, c.GetSalt(), c.GetSignature(),
	})
	return base64.StdEncoding.EncodeToString(text), err
}
