package verify_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/sdk/doorwardtest"
	"github.com/doorward/doorward/sdk/verify"
	"github.com/doorward/doorward/test/testbed"
)

// reader is somebody with the seed of an application, who may read a stream.
type reader struct {
	*deployment
	conn   *nats.Conn
	stream string
}

// whatTheServerSays makes NATS write its answer to a question to a subject: it stores it in the stream that takes the subject.
func (r *reader) whatTheServerSays(subject string) {
	r.Helper()
	r.ask("$JS.API.STREAM.INFO."+r.stream, subject, nil)
}

// ask makes a request whose answer goes to a subject.
func (r *reader) ask(request, subject string, body any) {
	r.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		r.Fatal(err)
	}
	if err := r.conn.PublishRequest(request, subject, encoded); err != nil {
		r.Fatal(err)
	}
}

// revocations is how the stream of revocations stands.
func (d *deployment) revocations() jetstream.StreamState {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.Context(), testbed.Patience)
	defer cancel()
	stream, err := d.authn.JetStream().Stream(ctx, bus.StreamRevocations)
	if err != nil {
		d.Fatal(err)
	}
	return stream.CachedInfo().State
}

// awaitWritten waits until somebody has written to the stream of revocations, which the test needs to show anything.
func (d *deployment) awaitWritten(after uint64) {
	d.Helper()
	testbed.Eventually(d, "NATS writes for who may only read; if it doesn't any more, this test shows nothing", func() bool {
		return d.revocations().LastSeq > after
	})
}

// NATS doesn't hold the subject of an answer against the asker's permissions, nor the subject a consumer delivers to. So every application can write
// what the server says to the feed. It revokes nothing by that, and makes nothing fresh.
func TestWhoMayOnlyReadCantSpeakAsAuthn(t *testing.T) {
	for name, stream := range map[bus.Name]string{bus.SDK: bus.StreamRevocations, bus.Subscriber: bus.StreamAuthn} {
		t.Run(string(name), func(t *testing.T) {
			d := newDeployment(t)
			dw, _ := d.guard(func(c *verify.Config) { c.MaxFeedAge = 500 * time.Millisecond }) // authn's relay has never run
			token := dw.Token("usr_1", doorwardtest.Session("ses_1"))
			r := &reader{d, d.nats.Connect(name).JetStream().Conn(), stream}

			for _, subject := range []string{"signing_key." + keyOf(t, token), "session.ses_1", "heartbeat"} {
				before := d.revocations().LastSeq
				r.whatTheServerSays("doorward.revocation." + subject)
				d.awaitWritten(before)
			}
			testbed.Eventually(t, "the verifier reads it", func() bool { return dw.Verifier.Stats().Refused >= 3 })
			if stats := dw.Verifier.Stats(); stats.FeedFresh || stats.Revoked != 0 || stats.RevokedKeys != 0 {
				t.Errorf("%+v", stats)
			}
			check(t, dw, "ses_1", nil)
			check(t, dw, "ses_2", nil)
			d.revoke("ses_1")
			testbed.Eventually(t, "authn's own word counts", func() bool { return dw.Verifier.Stats().Revoked == 1 })
			check(t, dw, "ses_1", verify.ErrSessionEnded)
		})
	}
}

// A pull consumer delivers to whatever subject it is asked from, with authn's headers and with the body or without. The server refuses these copies: they
// were written for another place in the stream. Its statuses it stores.
func TestCopiesOfAuthnsMessagesArentStored(t *testing.T) {
	for what, headersOnly := range map[string]bool{"whole": false, "headers alone": true} {
		t.Run(what, func(t *testing.T) {
			d := newDeployment(t)
			d.revoke("ses_1")
			d.beat()
			dw, _ := d.guard()
			r := &reader{d, d.nats.Connect(bus.SDK).JetStream().Conn(), bus.StreamRevocations}
			ctx, cancel := context.WithTimeout(t.Context(), testbed.Patience)
			defer cancel()
			js, err := jetstream.New(r.conn)
			must(t, err)
			copier, err := js.CreateConsumer(ctx, bus.StreamRevocations, jetstream.ConsumerConfig{
				Name: "copier", AckPolicy: jetstream.AckNonePolicy, HeadersOnly: headersOnly,
			})
			must(t, err)
			next := "$JS.API.CONSUMER.MSG.NEXT." + bus.StreamRevocations + ".copier"
			r.ask(next, "doorward.revocation.session.ses_2", map[string]any{"batch": 1, "no_wait": true})
			r.ask(next, "doorward.revocation.heartbeat", map[string]any{"batch": 1, "no_wait": true})
			must(t, r.conn.Flush())
			testbed.Eventually(t, "both are delivered", func() bool {
				info, err := copier.Info(ctx)
				return err == nil && info.Delivered.Consumer == 2
			})
			// Whatever was stored is read before this.
			d.revoke("ses_3")
			testbed.Eventually(t, "what came after is read", func() bool { return dw.Verifier.Stats().Revoked == 2 })
			if state := d.revocations(); state.LastSeq != 3 {
				t.Errorf("the stream took %d messages, want 3 of authn's", state.LastSeq)
			}
			check(t, dw, "ses_2", nil)
		})
	}
}

// keyOf reads the id of the key that signed a token.
func keyOf(t *testing.T, token string) string {
	t.Helper()
	encoded, _, _ := strings.Cut(token, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	must(t, err)
	var header struct{ Kid string }
	must(t, json.Unmarshal(decoded, &header))
	return header.Kid
}
