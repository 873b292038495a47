package story

import (
	"context"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	notesv1 "github.com/doorward/doorward/examples/notes/gen/notes/v1"
	"github.com/doorward/doorward/examples/notes/notebook"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/verify"
)

// Backend is the guarded service of the story: the notes example behind the SDK's interceptors, on loopback.
type Backend struct {
	verifier *verify.Verifier
	server   *grpc.Server
	served   chan error
	conn     *grpc.ClientConn
	notes    notesv1.NoteServiceClient
}

// StartBackend serves at once. Close ends it.
func StartBackend(ctx context.Context, verifier *verify.Verifier) (*Backend, error) {
	book, err := notebook.New()
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the guarded service: %w", err)
	}
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	b := &Backend{
		verifier: verifier,
		server:   grpc.NewServer(grpc.ChainUnaryInterceptor(verifier.Unary()), grpc.ChainStreamInterceptor(verifier.Stream())),
		served:   make(chan error, 1),
		conn:     conn,
		notes:    notesv1.NewNoteServiceClient(conn),
	}
	notesv1.RegisterNoteServiceServer(b.server, book)
	go func() { b.served <- b.server.Serve(listener) }() // ends with Close
	return b, nil
}

// Call lists the notes of whoever the token is of.
func (b *Backend) Call(ctx context.Context, token doorward.Secret) error {
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token.Reveal())
	_, err := b.notes.ListNotes(ctx, &notesv1.ListNotesRequest{})
	return err
}

// Asked is how often the service had to ask authn about a session.
func (b *Backend) Asked() uint64 { return b.verifier.Stats().Asked }

// Close ends the service.
func (b *Backend) Close() error {
	b.server.Stop()
	return errors.Join(<-b.served, b.conn.Close())
}
