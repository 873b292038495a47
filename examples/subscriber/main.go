// Command subscriber prints what happens, as authn publishes it: the example of an application that wants to know.
//
//	. .doorward/dev.env
//	go run ./examples/subscriber
//
// Events are CloudEvents in NATS binary mode: the attributes are headers, the body is a protobuf message of doorward.event.v1. They come at
// least once and in order per user; whoever acts on them remembers the ids it has handled. To go on after a restart where it left off, a real
// application keeps the sequence of the last one and begins behind it.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "subscriber:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	url, seed := os.Getenv("DOORWARD_NATS_URL"), os.Getenv("DOORWARD_EVENTS_SEED")
	if url == "" || seed == "" {
		return fmt.Errorf("no DOORWARD_NATS_URL or no DOORWARD_EVENTS_SEED: run . .doorward/dev.env")
	}
	identity, err := nats.NkeyOptionFromSeed(seed)
	if err != nil {
		return fmt.Errorf("read the subscriber's seed: %w", err)
	}
	// Answers come to an inbox that nobody else may listen at.
	options := []nats.Option{identity, nats.CustomInboxPrefix("_INBOX_subscriber")}
	if name := os.Getenv("DOORWARD_NATS_SERVER_NAME"); name != "" { // both anywhere but in development
		options = append(options, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}))
	}
	if ca := os.Getenv("DOORWARD_NATS_CA"); ca != "" {
		options = append(options, nats.RootCAs(ca))
	}
	conn, err := nats.Connect(url, options...)
	if err != nil {
		return fmt.Errorf("connect to NATS at %s; is go run ./cmd/doorward dev running? %w", url, err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	consumer, err := js.OrderedConsumer(ctx, "DOORWARD_AUTHN", jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"doorward.event.authn.>"},
		DeliverPolicy:  jetstream.DeliverNewPolicy,
	})
	if err != nil {
		return fmt.Errorf("read DOORWARD_AUTHN: %w", err)
	}
	consuming, err := consumer.Consume(func(m jetstream.Msg) { show(out, m.Headers(), m.Data()) })
	if err != nil {
		return fmt.Errorf("read DOORWARD_AUTHN: %w", err)
	}
	defer consuming.Stop()
	fmt.Fprintln(out, "listening; sign somebody in")
	<-ctx.Done()
	return nil
}

// show prints an event, and more of one whose body this application knows.
func show(out io.Writer, h nats.Header, body []byte) {
	fmt.Fprintf(out, "%s  %s  %s", h.Get("ce-time"), h.Get("ce-type"), h.Get("ce-subject"))
	if h.Get("ce-type") == "authn.signin.new_device.v1" {
		var event eventv1.SignInNewDevice
		if err := proto.Unmarshal(body, &event); err != nil {
			fmt.Fprintf(out, "  unreadable: %v\n", err)
			return
		}
		fmt.Fprintf(out, "  %s on %s, from %s", event.GetDevice().GetBrowser(), event.GetDevice().GetSystem(), event.GetPlace().GetCountryName())
	}
	fmt.Fprintln(out)
}
