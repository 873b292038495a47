package main

import "fmt"

// row is one line of the table: a figure, what limits it, and what we aim for.
type row struct {
	what    string
	figure  metric
	limit   metric
	limitIs string
	// share is the figure's share of its limit, where the benchmark reports that and not the limit.
	share metric
	aim   aim
}

// aim is what a figure should be. The zero aim is none.
type aim struct {
	// atLeast and atMost bound the ratio of figure to limit.
	atLeast, atMost float64
	// under bounds the figure itself, in its own unit.
	under float64
}

// rows are the figures that the design has aims for, in its order.
func rows() []row {
	var out []row
	for _, group := range [][]row{passwords(), tokens(), calls(), paces(), restrictions(), storage(), revocation(), breaches()} {
		out = append(out, group...)
	}
	return out
}

func passwords() []row {
	out := hashes()
	for _, callers := range []int{1, 8, 32, 128} {
		name := fmt.Sprintf("test/bench SignIn/callers=%d", callers)
		out = append(out, row{
			what:    fmt.Sprintf("password sign-in, callers: %d", callers),
			figure:  metric{name, "calls/s"},
			limit:   metric{name, "limit/s"},
			limitIs: "bare hash",
			aim:     aim{atLeast: 0.95},
		}, row{
			what:    fmt.Sprintf("the same, memory at its peak, callers: %d", callers),
			figure:  metric{name, "peak-MiB"},
			limit:   metric{name, "limit-MiB"},
			limitIs: "bare hash",
		})
	}
	for _, callers := range []int{8, 128} {
		name := fmt.Sprintf("services/authn/internal/credential Pool/callers=%d", callers)
		out = append(out, row{
			what:    fmt.Sprintf("hash pool, callers: %d", callers),
			figure:  metric{name, "pool/s"},
			limit:   metric{name, "bare/s"},
			limitIs: "bare hash",
			aim:     aim{atLeast: 0.95},
		})
	}
	for _, length := range []int{16, 64} {
		out = append(out, row{
			what:   fmt.Sprintf("strength of a new password, characters: %d", length),
			figure: metric{fmt.Sprintf("services/authn/internal/strength Of/length=%d", length), "ns/op"},
		})
	}
	return out
}

func hashes() []row {
	const benchmark = "internal/argon2id Key/"
	library := metric{benchmark + "library", "ns/op"}
	return []row{{
		what:    "password hash",
		figure:  metric{benchmark + "own", "ns/op"},
		limit:   library,
		limitIs: "x/crypto",
		aim:     aim{atMost: 1},
	}, {
		what:    "the same without AVX2",
		figure:  metric{benchmark + "plain", "ns/op"},
		limit:   library,
		limitIs: "x/crypto",
	}}
}

func tokens() []row {
	return []row{{
		what:    "token check in the SDK, new",
		figure:  metric{"sdk/verify Verify/new", "verify-ns/op"},
		limit:   metric{"sdk/verify Verify/new", "bare-ns/op"},
		limitIs: "bare Ed25519",
		aim:     aim{atMost: 1.25},
	}, {
		what:    "token check in the SDK, remembered",
		figure:  metric{"sdk/verify Verify/remembered", "ns/op"},
		limit:   metric{"sdk/verify Verify/remembered", "sha256-ns/op"},
		limitIs: "SHA-256 of the token",
		aim:     aim{under: 500},
	}}
}

func calls() []row {
	return []row{{
		what:    "VerifySession, callers: 64",
		figure:  metric{"test/bench VerifySession", "calls/s"},
		limit:   metric{"test/bench VerifySession", "limit/s"},
		limitIs: "empty call",
		aim:     aim{atLeast: 0.7},
	}, {
		what:    "every interceptor, callers: 64",
		figure:  metric{"internal/rpc Unary/full", "ns/op"},
		limit:   metric{"internal/rpc Unary/bare", "ns/op"},
		limitIs: "empty call",
		aim:     aim{atMost: 1 / 0.7},
	}, {
		what:    "Assess, callers: 64",
		figure:  metric{"services/risk Assess/64callers", "calls/s"},
		share:   metric{"services/risk Assess/64callers", "of-empty-call"},
		limitIs: "empty call",
		aim:     aim{atLeast: 0.5},
	}, {
		what:    "Assess, callers: 2, p99",
		figure:  metric{"services/risk Assess/2callers", "p99-µs"},
		limit:   metric{"services/risk Assess/2callers", "empty-p99-µs"},
		limitIs: "empty call",
		aim:     aim{under: 2000},
	}, {
		what:    "country look-up",
		figure:  metric{"services/risk/internal/geo Lookup/geo", "ns/op"},
		limit:   metric{"services/risk/internal/geo Lookup/bare", "ns/op"},
		limitIs: "maxminddb",
		aim:     aim{atMost: 1},
	}}
}

func restrictions() []row {
	const benchmark = "services/authn/internal/restriction Lookup"
	return []row{{
		what:    "restrictions, a million entries: address and IP",
		figure:  metric{benchmark, "ns/op"},
		limit:   metric{benchmark, "map-ns/op"},
		limitIs: "two Go maps, no domains",
		aim:     aim{under: 2000},
	}, {
		what:    "the same, memory",
		figure:  metric{benchmark, "index-MiB"},
		limit:   metric{benchmark, "map-MiB"},
		limitIs: "Go map of the names",
		aim:     aim{atMost: 1},
	}, {
		what:   "the same, building it at start",
		figure: metric{benchmark, "build-ms"},
		aim:    aim{under: 2000},
	}, {
		what:   "the same, one entry more",
		figure: metric{benchmark, "change-µs"},
	}}
}

func paces() []row {
	return []row{{
		what:    "pace of two keys among a million",
		figure:  metric{"internal/pace Take/pace", "ns/op"},
		limit:   metric{"internal/pace Take/map", "ns/op"},
		limitIs: "a map under a lock",
		aim:     aim{atMost: 1},
	}}
}

func storage() []row {
	return []row{{
		what:    "refreshed sessions, callers: 64",
		figure:  metric{"test/bench Refresh", "calls/s"},
		limit:   metric{"test/bench Refresh", "limit/s"},
		limitIs: "group commit",
	}, {
		what:    "commits, callers: 64",
		figure:  metric{"internal/boltdb Commit/group", "changes/s"},
		limit:   metric{"internal/boltdb Commit/limit", "changes/s"},
		limitIs: "64 in a transaction",
	}, {
		what:    "the same beside bbolt's own batches",
		figure:  metric{"internal/boltdb Commit/group", "changes/s"},
		limit:   metric{"internal/boltdb Commit/batch_as_it_comes", "changes/s"},
		limitIs: "DB.Batch",
		aim:     aim{atLeast: 1},
	}}
}

func revocation() []row {
	const benchmark = "test/bench RevokeSession"
	var out []row
	for _, from := range []struct{ name, what, limit, limitIs string }{
		{"start", "revocation, call to refusal", "disk-nats", "disk and NATS alone"},
		{"answer", "revocation, answer to refusal", "nats", "NATS alone"},
	} {
		for _, percentile := range []string{"p50", "p99", "max"} {
			r := row{
				what:    from.what + ", " + percentile,
				figure:  metric{benchmark, from.name + "-" + percentile + "-ms"},
				limit:   metric{benchmark, from.limit + "-" + percentile + "-ms"},
				limitIs: from.limitIs,
			}
			if percentile == "p99" {
				r.aim.under = 5
			}
			out = append(out, r)
		}
	}
	return out
}

func breaches() []row {
	const pkg = "internal/breach/corpus "
	return []row{{
		what:    "breached passwords, look-up",
		figure:  metric{pkg + "Contains/corpus", "ns/op"},
		limit:   metric{pkg + "Contains/bare", "ns/op"},
		limitIs: "binary fuse in memory",
		aim:     aim{under: 300},
	}, {
		what:   "the same, found and not in it",
		figure: metric{pkg + "Contains/others", "false-%"},
		aim:    aim{under: 0.002},
	}, {
		what:   "the same, size of a hash",
		figure: metric{pkg + "Build", "hash-bytes"},
		aim:    aim{under: 2.4},
	}, {
		what:   "the same, building, a hash", // 10 million in a minute
		figure: metric{pkg + "Build", "hash-ns/op"},
		aim:    aim{under: 6000},
	}}
}
