package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
)

// chunkSize is the most that one message carries.
const chunkSize = 256 << 10

// Pace says how fast a copy is sent. While one is under way the store can't use freed space again, so it mustn't take long; and it
// mustn't take the machine for itself.
type Pace struct {
	// Most is how many bytes go out in a second at most; 64 MiB when 0.
	Most int64
	// Least is how many the other side must take in a second, on the whole; 8 MiB when 0. With Grace, it bounds the time of a copy.
	Least int64
	// Grace is what every copy has beside that; a minute when 0.
	Grace time.Duration
}

func (p Pace) withDefaults() Pace {
	if p.Most <= 0 {
		p.Most = 64 << 20
	}
	if p.Least <= 0 {
		p.Least = 8 << 20
	}
	if p.Grace <= 0 {
		p.Grace = time.Minute
	}
	return p
}

// limit is how long a copy may take.
func (p Pace) limit(size int64) time.Duration {
	return p.Grace + inTime(size, p.Least)
}

// inTime is how long so many bytes take at so many a second.
func inTime(bytes, perSecond int64) time.Duration {
	return time.Duration(float64(bytes) / float64(perSecond) * float64(time.Second))
}

var errSlow = errors.New("the copy wasn't taken fast enough")

// sent is what a copy came to.
type sent struct {
	bytes  int64
	sha256 []byte
}

// send streams the copy. The store is read by a goroutine of its own, which ends with the time that a copy has, whatever the other side
// does: a client that stops reading holds up its stream, and neither the store nor the next backup.
func (s *Service) send(ctx context.Context, stream grpc.ServerStreamingServer[operatorv1.BackUpResponse], done func()) (sent, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	reader := &reader{ctx: ctx, pace: s.cfg.Pace, hash: sha256.New(), messages: make(chan *operatorv1.BackUpResponse)}
	read := make(chan error, 1)
	go func() {
		defer close(reader.messages)
		defer done()
		read <- s.cfg.Store.Snapshot(ctx, func(snapshot Snapshot) error {
			timer := time.AfterFunc(s.cfg.Pace.limit(snapshot.Size), func() { cancel(errSlow) })
			defer timer.Stop()
			return reader.read(s.cfg.Service, snapshot, s.cfg.Now())
		})
	}()
	for m := range reader.messages {
		if err := stream.Send(m); err != nil {
			cancel(fmt.Errorf("send the copy: %w", err))
			break
		}
	}
	err := <-read
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return sent{bytes: reader.bytes, sha256: reader.hash.Sum(nil)}, err
}

// reader turns a snapshot into messages. It belongs to one goroutine until its messages are closed.
type reader struct {
	ctx      context.Context // of this one copy
	pace     Pace
	began    time.Time
	hash     hash.Hash
	bytes    int64
	pending  []byte
	messages chan *operatorv1.BackUpResponse
}

func (r *reader) read(service string, s Snapshot, takenAt time.Time) error {
	r.began = time.Now()
	err := r.pass(&operatorv1.BackUpResponse{Piece: &operatorv1.BackUpResponse_Header{Header: &operatorv1.BackUpHeader{
		Service: service, SchemaVersion: s.SchemaVersion, TakenAt: timestamppb.New(takenAt), Size: s.Size,
	}}})
	if err != nil {
		return err
	}
	if _, err := s.WriteTo(r); err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return err
	}
	return r.pass(&operatorv1.BackUpResponse{Piece: &operatorv1.BackUpResponse_Trailer{
		Trailer: &operatorv1.BackUpTrailer{Sha256: r.hash.Sum(nil)},
	}})
}

// Write takes the next bytes of the file, and passes on whole chunks.
func (r *reader) Write(p []byte) (n int, err error) {
	for n < len(p) {
		if r.pending == nil {
			r.pending = make([]byte, 0, chunkSize)
		}
		some := min(len(p)-n, chunkSize-len(r.pending))
		r.pending = append(r.pending, p[n:n+some]...)
		n += some
		if len(r.pending) < chunkSize {
			continue
		}
		if err := r.flush(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// flush passes on what is pending, no faster than the pace allows.
func (r *reader) flush() error {
	if len(r.pending) == 0 {
		return nil
	}
	chunk := r.pending
	r.pending = nil
	r.hash.Write(chunk) // never fails
	r.bytes += int64(len(chunk))
	if err := r.wait(inTime(r.bytes, r.pace.Most) - time.Since(r.began)); err != nil {
		return err
	}
	return r.pass(&operatorv1.BackUpResponse{Piece: &operatorv1.BackUpResponse_Chunk{Chunk: chunk}})
}

func (r *reader) wait(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	}
}

func (r *reader) pass(m *operatorv1.BackUpResponse) error {
	select {
	case r.messages <- m:
		return nil
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	}
}
