package notebook_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	notesv1 "github.com/doorward/doorward/examples/notes/gen/notes/v1"
	"github.com/doorward/doorward/examples/notes/notebook"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/doorwardtest"
)

// serve runs the notebook with the given interceptors and returns a client.
func serve(t *testing.T, options ...grpc.ServerOption) notesv1.NoteServiceClient {
	t.Helper()
	book, err := notebook.New()
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(options...)
	notesv1.RegisterNoteServiceServer(server, book)
	listener := bufconn.Listen(64 << 10)
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(listener) })
	conn, err := grpc.NewClient("passthrough:///notes", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
		served.Wait()
	})
	return notesv1.NewNoteServiceClient(conn)
}

func guarded(t *testing.T) (*doorwardtest.Doorward, notesv1.NoteServiceClient) {
	t.Helper()
	dw := doorwardtest.New(t)
	return dw, serve(t, grpc.UnaryInterceptor(dw.Verifier.Unary()))
}

func as(t *testing.T, token string) context.Context {
	t.Helper()
	return doorwardtest.Outgoing(t.Context(), token)
}

func texts(t *testing.T, client notesv1.NoteServiceClient, token string) []string {
	t.Helper()
	answer, err := client.ListNotes(as(t, token), &notesv1.ListNotesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, note := range answer.GetNotes() {
		list = append(list, note.GetText())
	}
	return list
}

func TestUsersSeeTheirOwnNotesAlone(t *testing.T) {
	dw, client := guarded(t)
	ann, bob := dw.Token("usr_ann"), dw.Token("usr_bob")
	for _, text := range []string{"first", "second"} {
		if _, err := client.AddNote(as(t, ann), &notesv1.AddNoteRequest{Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"first", "second"}, texts(t, client, ann)); diff != "" {
		t.Errorf("Ann's notes (-want +got):\n%s", diff)
	}
	if got := texts(t, client, bob); got != nil {
		t.Errorf("Bob sees %q", got)
	}
}

func TestRevokedSessionSeesNothing(t *testing.T) {
	dw, client := guarded(t)
	token := dw.Token("usr_ann")
	texts(t, client, token)
	dw.Revoke(doorwardtest.SessionID("usr_ann"))
	_, err := client.ListNotes(as(t, token), &notesv1.ListNotesRequest{})
	if reason, _ := doorward.ReasonOf(err); reason != typev1.Reason_REASON_SESSION_ENDED {
		t.Errorf("ListNotes = %v, want SESSION_ENDED", err)
	}
}

func TestNobodyGetsInWithoutTheInterceptor(t *testing.T) {
	client := serve(t)
	_, list := client.ListNotes(t.Context(), &notesv1.ListNotesRequest{})
	_, add := client.AddNote(t.Context(), &notesv1.AddNoteRequest{Text: "x"})
	if status.Code(list) != codes.Unauthenticated || status.Code(add) != codes.Unauthenticated {
		t.Errorf("%v, %v; want UNAUTHENTICATED", list, add)
	}
}

func TestNotesAreBounded(t *testing.T) {
	dw, client := guarded(t)
	ann := as(t, dw.Token("usr_ann"))
	for _, text := range []string{"", strings.Repeat("é", 1001)} {
		if _, err := client.AddNote(ann, &notesv1.AddNoteRequest{Text: text}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("a note of %d bytes: %v", len(text), err)
		}
	}
	for i := range notebook.MaxNotes {
		if _, err := client.AddNote(ann, &notesv1.AddNoteRequest{Text: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.AddNote(ann, &notesv1.AddNoteRequest{Text: "one more"}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("one note more than there is room for: %v", err)
	}
	if got := len(texts(t, client, dw.Token("usr_ann"))); got != notebook.MaxNotes {
		t.Errorf("%d notes, want %d", got, notebook.MaxNotes)
	}
}
