// Package notebook is the server of the notes example: it keeps each user's notes in memory.
//
// It shows what a guarded service is left with: nothing about passwords, sessions or tokens. The interceptor of
// sdk/verify has let the call in, and verify.FromContext says whose it is. Without that interceptor in front every call
// is refused, so a server that was put together wrongly shows nobody's notes.
//
// Callers are the example's `notes serve`, and demos and tests that want a service to guard.
package notebook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	notesv1 "github.com/doorward/doorward/examples/notes/gen/notes/v1"
	"github.com/doorward/doorward/sdk/verify"
)

// What is kept in memory at most.
const (
	MaxUsers = 10_000
	MaxNotes = 100 // of one user
)

// Server implements notes.v1.NoteService. It may be used from many goroutines at once.
type Server struct {
	notesv1.UnimplementedNoteServiceServer

	validator protovalidate.Validator

	mu    sync.Mutex
	notes map[string][]string // by user id, oldest first
}

var _ notesv1.NoteServiceServer = (*Server)(nil)

// New makes an empty notebook.
func New() (*Server, error) {
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("notebook: %w", err)
	}
	return &Server{validator: validator, notes: map[string][]string{}}, nil
}

// AddNote keeps a note for the caller.
func (s *Server) AddNote(ctx context.Context, in *notesv1.AddNoteRequest) (*notesv1.AddNoteResponse, error) {
	user, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validator.Validate(in); err != nil {
		return nil, status.Error(codes.InvalidArgument, "a note has 1 to 1,000 characters")
	}
	if err := s.add(user, in.GetText()); err != nil {
		return nil, status.Error(codes.ResourceExhausted, err.Error())
	}
	return &notesv1.AddNoteResponse{Note: &notesv1.Note{Text: in.GetText()}}, nil
}

// ListNotes returns the caller's notes.
func (s *Server) ListNotes(ctx context.Context, _ *notesv1.ListNotesRequest) (*notesv1.ListNotesResponse, error) {
	user, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	answer := &notesv1.ListNotesResponse{}
	for _, text := range s.of(user) {
		answer.Notes = append(answer.Notes, &notesv1.Note{Text: text})
	}
	return answer, nil
}

// caller is the id of the user who calls. The interceptor has refused everybody else; if there is none in front, so do we.
func caller(ctx context.Context) (string, error) {
	session, ok := verify.FromContext(ctx)
	if !ok {
		return "", status.Error(codes.Unauthenticated, "sign in first")
	}
	return session.UserID, nil
}

var (
	errUsersFull = errors.New("the notebook has no room for another user")
	errNotesFull = fmt.Errorf("you have %d notes, and there is no room for more", MaxNotes)
)

func (s *Server) add(user, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	notes, known := s.notes[user]
	switch {
	case !known && len(s.notes) >= MaxUsers:
		return errUsersFull
	case len(notes) >= MaxNotes:
		return errNotesFull
	}
	s.notes[user] = append(notes, text)
	return nil
}

func (s *Server) of(user string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notes[user])
}
