package verify_test

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/doorward/doorward/sdk/verify"
)

// A service whose every method needs a session, but for the health check.
func Example() {
	serve := func(ctx context.Context) error {
		v, err := verify.FromEnv(ctx)
		if err != nil {
			return err
		}
		health := verify.Public("/grpc.health.v1.Health/Check")
		server := grpc.NewServer(
			grpc.ChainUnaryInterceptor(v.Unary(health)),
			grpc.ChainStreamInterceptor(v.Stream(health)),
		)
		server.Stop()
		return v.Close()
	}
	_ = serve
}

// A handler asks who is calling.
func ExampleFromContext() {
	handler := func(ctx context.Context) (string, error) {
		session, ok := verify.FromContext(ctx)
		if !ok {
			return "", verify.ErrTokenMissing
		}
		return "hello, " + session.UserID, nil
	}
	_, err := handler(context.Background())
	fmt.Println(err)
	// Output: no session token: send it as authorization: Bearer … in the metadata
}

// Closed refuses when neither the feed nor authn can tell whether a session was revoked.
func ExampleFromEnv() {
	start := func(ctx context.Context) (*verify.Verifier, error) {
		return verify.FromEnv(ctx, func(c *verify.Config) { c.OnStale = verify.Closed })
	}
	_ = start
}
