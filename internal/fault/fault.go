package fault

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
)

// Error is a failure with an answer for the caller. It is immutable: the methods
// that add to it return a copy, so a package may keep one as a sentinel and add
// the cause at each use. errors.Is finds the sentinel again by kind and reason.
//
// Error has no GRPCStatus method on purpose: grpc would use the text of whatever
// wraps it, cause included, as the public message.
type Error struct {
	Kind    Kind
	Reason  typev1.Reason
	Message string // for the caller: safe to show, says what to do
	Fields  []Field
	// RetryAfter is when to come back; zero means that nothing is promised.
	RetryAfter time.Duration
	// Metadata goes to ErrorInfo.metadata: public, for programs.
	Metadata map[string]string
	// Challenge is what the caller must solve first; nil when it needn't.
	Challenge *typev1.Challenge

	cause  error
	remote bool // came from another service's status; see FromStatus
}

var (
	_ error          = (*Error)(nil)
	_ slog.LogValuer = (*Error)(nil)
)

// Field is one part of a request that can't be accepted.
type Field struct {
	Name    string // the path in the request, such as "client.ip"
	Problem string // what is wrong with it; never the value
	// Reason is the problem's name for programs, in UPPER_SNAKE_CASE, where one field may have several: a page shows its own words for it. It stays as it is.
	Reason string
}

// New makes a fault. message is public and says what to do.
func New(kind Kind, reason typev1.Reason, message string) *Error {
	return &Error{Kind: kind, Reason: reason, Message: message}
}

// Because adds the cause, which only the log sees.
func (e *Error) Because(err error) *Error {
	c := e.clone()
	c.cause = err
	return c
}

// RetryIn says how long the caller should wait before it tries again.
func (e *Error) RetryIn(d time.Duration) *Error {
	c := e.clone()
	c.RetryAfter = d
	return c
}

// Field names a part of the request and what is wrong with it.
func (e *Error) Field(name, problem string) *Error {
	return e.Violation(Field{Name: name, Problem: problem})
}

// Violation is Field for a problem that has a name.
func (e *Error) Violation(f Field) *Error {
	c := e.clone()
	c.Fields = append(c.Fields, f)
	return c
}

// With adds a public detail for programs, such as the scope that is missing.
func (e *Error) With(key, value string) *Error {
	c := e.clone()
	if c.Metadata == nil {
		c.Metadata = make(map[string]string, 1)
	}
	c.Metadata[key] = value
	return c
}

// WithChallenge says what the caller must solve before it calls again. The challenge mustn't be changed afterwards.
func (e *Error) WithChallenge(c *typev1.Challenge) *Error {
	d := e.clone()
	d.Challenge = c
	return d
}

func (e *Error) clone() *Error {
	c := *e
	c.Fields = slices.Clone(e.Fields)
	c.Metadata = maps.Clone(e.Metadata)
	return &c
}

// Error is the text for the log, with the cause.
func (e *Error) Error() string {
	name := reasonName(e.Reason)
	if e.Reason == typev1.Reason_REASON_UNSPECIFIED { // another's status, which has none of our reasons
		name = e.Kind.String()
	}
	text := name + ": " + e.Message
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is a fault of the same kind and reason.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.Reason == e.Reason
}

// LogValue writes the fault as a group.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("code", e.Kind.String()),
		slog.String("reason", reasonName(e.Reason)),
		slog.String("message", e.Message),
	}
	for _, f := range e.Fields {
		attrs = append(attrs, slog.String("field."+f.Name, f.Problem))
	}
	if e.cause != nil {
		attrs = append(attrs, slog.String("cause", e.cause.Error()))
	}
	return slog.GroupValue(attrs...)
}

// As finds the fault in err's chain.
func As(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}
