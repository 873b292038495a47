package authn_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	randv2 "math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/bcrypt"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	"github.com/doorward/doorward/internal/enumeration"
	"github.com/doorward/doorward/internal/leak"
	"github.com/doorward/doorward/services/authn"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/store/boltstore"
)

// TestEveryEntranceIsProbed: a method that strangers may call, and that the selftest doesn't know, would make it fail on every deployment.
func TestEveryEntranceIsProbed(t *testing.T) {
	if len(authn.Table().Entrances()) < 4 {
		t.Errorf("the entrances are %v", authn.Table().Entrances())
	}
	for _, method := range enumeration.Unwalked(authn.Table()) {
		t.Errorf("%s: say in the access table that its callers are Proven, or walk it in internal/enumeration", method)
	}
}

// TestNobodyCanTellWhoHasAnAccount, before a restart and after it, when all of them have been probed before.
func TestNobodyCanTellWhoHasAnAccount(t *testing.T) {
	w := prepareWorld(t)
	w.populate(bcrypt.MinCost, enumeration.States()...)
	w.adapt = w.withPool(coveringCost)
	w.nats.start()
	for _, when := range []string{"before a restart", "after a restart"} {
		w.start()
		w.block(crowd.Blocked())
		report := w.probe(enumeration.States()...)
		for _, row := range report.Rows {
			if row.Verdict.Leaks() {
				t.Errorf("%s: %s", when, said(row))
			}
		}
		if len(report.Unreached) > 0 {
			t.Errorf("nothing got as far as %v", report.Unreached)
		}
		w.stop()
		w.clock.forward(time.Minute) // an address may have another code by then
	}
}

// TestABuildWhoseFailuresKnowNoDeadlineIsCaught: a password under a slow hash takes longer than the one that nobody has.
func TestABuildWhoseFailuresKnowNoDeadlineIsCaught(t *testing.T) {
	w := prepareWorld(t)
	const slow = 9 // some tens of milliseconds
	w.populate(slow, enumeration.SlowHash)
	w.adapt = w.withPool(time.Nanosecond)
	w.nats.start()
	w.start()
	found := leaks(w.probe(enumeration.SlowHash))
	if found["Continue (password)"] != leak.TimeLeak || len(found) > 1 {
		t.Errorf("found %v, want a wrong password's time", found)
	}
}

// TestABuildWhoseGateLooksAtTheAccountIsCaught: what the gate refuses is seen by whoever knocks.
func TestABuildWhoseGateLooksAtTheAccountIsCaught(t *testing.T) {
	w := prepareWorld(t)
	w.populate(bcrypt.MinCost, enumeration.Plain)
	w.adapt = w.withPool(coveringCost)
	w.risk.mu.Lock()
	w.risk.answer = func(r *riskv1.AssessRequest) *riskv1.AssessResponse {
		gate := riskv1.Gate_GATE_OPEN
		if r.GetUserId() != "" {
			gate = riskv1.Gate_GATE_BLOCK
		}
		return &riskv1.AssessResponse{DecisionId: "dec_test", Gate: gate, Verdict: riskv1.Verdict_VERDICT_ALLOW}
	}
	w.risk.mu.Unlock()
	w.nats.start()
	w.start()
	found := leaks(w.probe(enumeration.Plain))
	if found["Continue (password)"] != leak.ShapeLeak || len(found) > 1 {
		t.Errorf("found %v, want a wrong password's shape", found)
	}
}

// TestBulkModeIsSeenForWhatItIs: where an operator has chosen it, both starts tell.
func TestBulkModeIsSeenForWhatItIs(t *testing.T) {
	w := prepareWorld(t)
	w.populate(bcrypt.MinCost, enumeration.Plain)
	w.adapt = w.withPool(coveringCost)
	w.nats.start()
	w.start()
	policies := authnv1.NewPolicyServiceClient(w.operator().conn)
	current, err := policies.GetPolicy(t.Context(), &authnv1.GetPolicyRequest{})
	w.must(err)
	current.Policy.EnumerationMode = authnv1.EnumerationMode_ENUMERATION_MODE_BULK
	_, err = policies.UpdatePolicy(t.Context(), &authnv1.UpdatePolicyRequest{Policy: current.GetPolicy()})
	w.must(err)
	found := leaks(w.probe(enumeration.Plain))
	if found["StartSignIn"] != leak.ShapeLeak || found["StartSignUp"] != leak.ShapeLeak {
		t.Errorf("found %v, want both starts", found)
	}
}

// TestAnEntranceWithoutAProbeFailsTheMeasurement rather than being left out.
func TestAnEntranceWithoutAProbeFailsTheMeasurement(t *testing.T) {
	table := authn.Table()
	rule := table[authnv1.SessionService_RefreshSession_FullMethodName]
	rule.Proven = false
	table[authnv1.SessionService_RefreshSession_FullMethodName] = rule
	_, err := enumeration.Run(t.Context(), enumeration.Config{Table: table, States: enumeration.States(), Probes: 1})
	if err == nil || !strings.Contains(err.Error(), authnv1.SessionService_RefreshSession_FullMethodName) {
		t.Errorf("Run = %v", err)
	}
}

const (
	// probes are few, and so are the tests' demands: what is caught is large.
	probes = 14
	// coveringCost is what a hash is said to take, so that the deadline is far above the slowest here, on a busy machine and with the race detector too.
	coveringCost = 25 * time.Millisecond
)

var crowd = enumeration.Crowd{Domain: "example.org", Batch: "t"}

// probe measures with the criteria of a machine that others use too: only what lasts counts.
func (w *world) probe(states ...enumeration.State) enumeration.Report {
	w.Helper()
	report, err := enumeration.Run(w.Context(), enumeration.Config{
		Conn: w.application().conn, Table: authn.Table(), Crowd: crowd, States: states, Probes: probes,
		Criteria: leak.Criteria{Error: 1e-3, Tolerance: 5 * time.Millisecond, Resolution: time.Minute, Resamples: 100},
		Random:   randv2.New(randv2.NewPCG(1, 2)),
	})
	w.must(err)
	return report
}

// leaks are the entries that tell.
func leaks(r enumeration.Report) map[string]leak.Verdict {
	found := map[string]leak.Verdict{}
	for _, row := range r.Rows {
		if row.Verdict.Leaks() {
			found[row.Entry] = row.Verdict
		}
	}
	return found
}

func said(row enumeration.Row) string {
	return fmt.Sprintf("%s of %s: %s; known %v, unknown %v, p %.2g and %.2g, %v", row.Entry, row.State, row.Verdict, row.Known, row.Unknown,
		row.Welch.P, row.Ranks.P, row.Shapes)
}

// withPool gives the flows a pool with a cheap hash, which answers failures at four times the cost.
func (w *world) withPool(cost time.Duration) func(flow.Deps) flow.Deps {
	return func(d flow.Deps) flow.Deps {
		pool, err := credential.NewPool(credential.Config{
			Params: credential.Params{MemoryKiB: 8, Time: 1, Threads: 1}, Cost: cost, Metrics: prometheus.NewRegistry(),
		})
		w.must(err)
		w.Cleanup(pool.Close)
		d.Pool = pool
		return d
	}
}

// populate stores the crowd's accounts in some states, while authn doesn't run. The slow hash among them is bcrypt's at a cost.
func (w *world) populate(cost int, states ...enumeration.State) {
	w.Helper()
	slow, err := bcrypt.GenerateFromPassword([]byte(rand.Text()), cost)
	w.must(err)
	s, err := boltstore.Open(filepath.Join(w.cfg.DataDir, "authn.db"), boltstore.Options{})
	w.must(err)
	err = s.Update(w.Context(), func(tx store.Tx) error {
		for _, state := range states {
			for n := range enumeration.Accounts(probes) {
				if err := tx.Users.Put(inState(state, n, string(slow))); err != nil {
					return err
				}
			}
		}
		return nil
	})
	w.must(errors.Join(err, s.Close()))
}

func inState(state enumeration.State, n int, slow string) account.User {
	made, address := time.Now().Add(-time.Hour), crowd.Address(state, n)
	canonical, _ := account.Canonical(address)
	u := account.User{
		ID: crowd.ExternalID(state, n), CreatedAt: made, Version: 1, Epoch: 1,
		Emails:   []account.Email{{ID: "eml_" + crowd.ExternalID(state, n), Address: address, Canonical: canonical, VerifiedAt: made}},
		Password: &account.Password{PHC: nobodys(), SetAt: made},
	}
	switch state {
	case enumeration.NoPassword:
		u.Password = nil
	case enumeration.SlowHash:
		u.Password.PHC = slow
	case enumeration.Locked:
		u.Lock = &account.Lock{At: made}
	case enumeration.Banned:
		u.BannedAt = made
	case enumeration.Plain, enumeration.Restricted:
	}
	return u
}

// nobodys is the stored form of a password that nobody has.
func nobodys() string {
	salt, sum := make([]byte, 16), make([]byte, 32)
	_, _ = rand.Read(salt)
	_, _ = rand.Read(sum)
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s", encode(salt), encode(sum))
}

// block keeps a domain from signing up.
func (w *world) block(domain string) {
	w.Helper()
	lists := authnv1.NewRestrictionServiceClient(w.operator().conn)
	_, err := lists.AddEntries(w.Context(), &authnv1.AddEntriesRequest{List: authnv1.RestrictionList_RESTRICTION_LIST_BLOCK, Entries: []string{domain}})
	w.must(err)
	w.eventually(domain+" is blocked", func() bool {
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		answer, err := lists.ExplainAddress(ctx, &authnv1.ExplainAddressRequest{Email: "somebody@" + domain, Ip: "2001:db8::1"})
		return err == nil && !answer.GetAllowed()
	})
}
