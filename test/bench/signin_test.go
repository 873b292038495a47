package bench_test

import (
	"fmt"
	"testing"

	"github.com/doorward/doorward/internal/argon2id"
	"github.com/doorward/doorward/test/testbed"
)

// hashed is what authn hashes passwords with, and how long the keys are.
var hashed = argon2id.Params{Passes: 2, MemoryKiB: 19 << 10, Lanes: 1}

const hashSize = 32

// BenchmarkSignIn is a whole sign-in with a password on a known device: two calls, one hash, and what is committed for them. Its limit is the
// bare hash on as many goroutines as there are callers or cores, whichever is fewer. Callers whom the hash pool turns away ask again when they
// were told to. The peak of memory stands beside what as many hashes as there are cores need, whatever the number of callers.
func BenchmarkSignIn(b *testing.B) {
	bed := testbed.New(b)
	bed.Unpaced()
	var people []*testbed.Person
	for _, callers := range []int{1, 8, 32, 128} {
		for len(people) < callers {
			people = append(people, bed.SignUp(fmt.Sprintf("user%d@example.org", len(people))))
		}
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			c := compare(b,
				func(r *rate) { r.measure(b, min(callers, cores), hashOnce) },
				func(r *rate) {
					r.measure(b, callers, func(caller int) error {
						_, err := people[caller].SignIn(b.Context())
						return err
					})
				})
			b.ReportMetric(float64(c.limitMemory)/mib, "limit-MiB")
			b.ReportMetric(float64(c.callsMemory)/mib, "peak-MiB")
		})
	}
}

func hashOnce(int) error {
	var salt [16]byte
	_ = argon2id.Key([]byte("correct horse battery staple"), salt[:], hashed, hashSize)
	return nil
}
