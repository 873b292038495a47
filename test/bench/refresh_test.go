package bench_test

import (
	"context"
	"fmt"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/test/testbed"
)

// sessionSize is about what a session takes in the store, in bytes.
const sessionSize = 200

// BenchmarkRefresh is the write that sessions see most: a token is exchanged for its successor, which is committed before the answer. 64 callers
// go on with a session each. The limit is the group commit alone, by as many callers who each wait for a change of a session's size: no call, no
// token, no signature.
func BenchmarkRefresh(b *testing.B) {
	bed := testbed.New(b)
	bed.Unpaced()
	people := make([]*testbed.Person, sessionCallers)
	tokens := make([]doorward.Secret, sessionCallers)
	for i := range people {
		people[i] = bed.SignUp(fmt.Sprintf("user%d@example.org", i))
		grant, err := people[i].SignIn(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		tokens[i] = grant.RefreshToken
	}
	store := boltdbtest.Open(b, boltdb.Options{Buckets: []string{"sessions"}})
	compare(b,
		func(r *rate) {
			r.measure(b, sessionCallers, func(caller int) error { return commitAlone(b.Context(), store, caller) })
		},
		func(r *rate) {
			r.measure(b, sessionCallers, func(caller int) error {
				next, err := people[caller].Refresh(b.Context(), tokens[caller])
				tokens[caller] = next.RefreshToken
				return err
			})
		})
}

func commitAlone(ctx context.Context, store *boltdb.DB, caller int) error {
	return store.Update(ctx, func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("sessions")).Put(fmt.Appendf(nil, "ses_%d", caller), make([]byte, sessionSize))
	})
}
