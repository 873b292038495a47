// Package attack_test plays attacks on accounts against a real suite, and holds what comes of them to what docs/lockout.md and docs/rate-limits.md
// promise. The suite is `doorward serve` as test/deployment starts it, with risk, notify and a mail server; the strangers speak to it as an
// application would that has them at its sign-in page, and give themselves whatever address they like.
//
//	go test ./test/attack                     crowds of 40 and a few seconds each, in `make test`
//	go test ./test/attack -v -scale=250       crowds of 10,000, which is what `make attack` does
//
// Each figure is a line of the log, with the bound that it is held to. Everything stays on this machine, and is bounded in count and time.
//
// It owns the attacks, and nothing of what withstands them: a rule's own tests are with the rule.
package attack_test

import (
	"os"
	"testing"

	"github.com/doorward/doorward/test/deployment"
)

func TestMain(m *testing.M) {
	if os.Getenv(elsewhere) == "" {
		deployment.Main(m)
		return
	}
	if err := beStrangers(os.Stdin, os.Stdout); err != nil {
		panic(err)
	}
}
