package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"google.golang.org/grpc"

	notesv1 "github.com/doorward/doorward/examples/notes/gen/notes/v1"
	"github.com/doorward/doorward/examples/notes/notebook"
	"github.com/doorward/doorward/sdk/verify"
)

// stopGrace is how long calls in flight may take once the server stops.
const stopGrace = 5 * time.Second

func runServe(ctx context.Context, args []string, out io.Writer) error {
	flags := newFlags("serve")
	address := flags.String("listen", defaultAddress, "")
	if err := parse(flags, args); err != nil {
		return err
	}
	listener, err := listenHere(*address)
	if err != nil {
		return err
	}
	verifier, err := verify.FromEnv(ctx)
	if err != nil {
		return errors.Join(explain(err), listener.Close())
	}
	fmt.Fprintf(out, "notes on %s, guarded; next, in another terminal:\n  . .doorward/dev.env; go run ./examples/notes watch --email ann@example.com --sign-up\n", listener.Addr())
	return errors.Join(serve(ctx, listener, verifier), verifier.Close())
}

// serve guards the notebook and runs it until ctx ends. Two interceptors are all that a service needs.
func serve(ctx context.Context, listener net.Listener, verifier *verify.Verifier) error {
	book, err := notebook.New()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(verifier.Unary()),
		grpc.ChainStreamInterceptor(verifier.Stream()),
		grpc.MaxRecvMsgSize(64<<10),
	)
	notesv1.RegisterNoteServiceServer(server, book)

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	cutOff := time.AfterFunc(stopGrace, server.Stop)
	defer cutOff.Stop()
	server.GracefulStop()
	return <-served
}

// listenHere opens a port that only this machine reaches. A service that others reach needs TLS: a session token is
// good for whoever reads it on the way.
func listenHere(address string) (net.Listener, error) {
	addr, err := netip.ParseAddrPort(address)
	if err != nil || !addr.Addr().IsLoopback() {
		return nil, fmt.Errorf("listen on %q: the example has no TLS, so give it a loopback address, such as %s", address, defaultAddress)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w; choose another with --listen, and tell watch with --notes", err)
	}
	return listener, nil
}
