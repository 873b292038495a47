// Package bench_test measures the whole through its contract: sign-ins and session checks as callers make them, and how long a revocation
// takes to reach a backend. Each figure has its limit beside it, measured in the same run and in turns with it, because the
// machine is another from run to run and from minute to minute.
//
// Client and server share the machine's cores here, so the absolute figures are low; the ratios hold. `make bench` runs this with the
// packages' own benchmarks, and prints the table.
package bench_test
