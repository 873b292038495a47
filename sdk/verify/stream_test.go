package verify

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/doorward/doorward/sdk/internal/authntest"
)

// opening is a stream that is only asked for its context.
type opening struct {
	grpc.ServerStream
	ctx context.Context
}

func (o opening) Context() context.Context { return o.ctx }

// A revocation may come after the token was checked and before the stream can be ended by one.
func TestStreamRevokedWhileItOpensIsRefused(t *testing.T) {
	config := Config{Revocations: authntest.NewFeed(time.Now)}.withDefaults()
	keys, _ := startKeyring(t, "key_1")
	v := newVerifier(keys, nil, &config)
	now := time.Now()
	v.feed.revoked.add("ses_1", now.Add(time.Minute), now)

	err := v.serve(nil, opening{ctx: t.Context()}, Session{SessionID: "ses_1"}, func(any, grpc.ServerStream) error {
		t.Error("the handler ran")
		return nil
	})
	if !errors.Is(err, ErrSessionEnded) {
		t.Errorf("%v", err)
	}
	if v.feed.watchers.len() != 0 {
		t.Error("the refused stream is still watched")
	}
}
