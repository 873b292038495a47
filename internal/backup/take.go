package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/grpc"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
)

// TakeConfig says which copy is taken, and where to.
type TakeConfig struct {
	Client operatorv1.BackupServiceClient
	// Service is whose copy it must be.
	Service string
	// Dir is the folder that takes it. It is made where it is missing.
	Dir string
	// Release is written into the manifest.
	Release string
	KeepOptions
	// Progress hears how many bytes have come, of how many. Nil for nobody.
	Progress func(come, of int64)
}

// ErrIncomplete says that a copy ended early, or isn't what was announced.
var ErrIncomplete = errors.New("the copy that came isn't whole")

// dirMode keeps a folder of copies to its owner.
const dirMode = 0o700

// Take copies a running service's store to disk. What isn't whole isn't kept.
func Take(ctx context.Context, cfg TakeConfig) (Copy, error) {
	if err := os.MkdirAll(cfg.Dir, dirMode); err != nil {
		return Copy{}, fmt.Errorf("make the folder of backups: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx) // ends the stream when the disk refuses
	defer cancel()
	stream, err := cfg.Client.BackUp(ctx, &operatorv1.BackUpRequest{})
	if err != nil {
		return Copy{}, err
	}
	header, err := announced(stream, cfg.Service)
	if err != nil {
		return Copy{}, err
	}
	m := Manifest{
		Service: cfg.Service, SchemaVersion: header.GetSchemaVersion(), TakenAt: header.GetTakenAt().AsTime(), Release: cfg.Release,
	}
	err = Keep(cfg.Dir, m, cfg.KeepOptions, func(f *os.File) error { return receive(f, stream, header.GetSize(), cfg.Progress) })
	if err != nil {
		return Copy{}, err
	}
	return Find(cfg.Dir, cfg.Service)
}

type copyStream = grpc.ServerStreamingClient[operatorv1.BackUpResponse]

// announced reads the header.
func announced(stream copyStream, service string) (*operatorv1.BackUpHeader, error) {
	first, err := next(stream)
	if err != nil {
		return nil, err
	}
	header := first.GetHeader()
	switch {
	case header == nil, header.GetSize() <= 0, header.GetTakenAt().CheckValid() != nil:
		return nil, fmt.Errorf("%w: it doesn't begin with what it is", ErrIncomplete)
	case header.GetService() != service:
		return nil, fmt.Errorf("the service that answers is %q, not %s: is its address another's?", header.GetService(), service)
	}
	return header, nil
}

// receive writes the chunks, and checks at the end that they are all that was announced.
func receive(w io.Writer, stream copyStream, size int64, progress func(come, of int64)) error {
	hash := sha256.New()
	out := io.MultiWriter(w, hash)
	for come := int64(0); ; {
		m, err := next(stream)
		if err != nil {
			return err
		}
		if trailer := m.GetTrailer(); trailer != nil {
			return concluded(stream, trailer, come == size, hash.Sum(nil))
		}
		if len(m.GetChunk()) == 0 || come+int64(len(m.GetChunk())) > size {
			return fmt.Errorf("%w: more came than was announced, or something else", ErrIncomplete)
		}
		if _, err := out.Write(m.GetChunk()); err != nil {
			return fmt.Errorf("write the copy: %w", err)
		}
		come += int64(len(m.GetChunk()))
		if progress != nil {
			progress(come, size)
		}
	}
}

// concluded compares what came with the trailer, behind which nothing comes but the end: the service has it on record.
func concluded(stream copyStream, trailer *operatorv1.BackUpTrailer, all bool, hash []byte) error {
	if !all || !bytes.Equal(trailer.GetSha256(), hash) {
		return fmt.Errorf("%w: its size or its SHA-256 isn't the announced one", ErrIncomplete)
	}
	_, err := stream.Recv()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w: something came behind its end", ErrIncomplete)
}

// next is the next message; the stream's end is none.
func next(stream copyStream) (*operatorv1.BackUpResponse, error) {
	m, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: it ended early", ErrIncomplete)
	}
	return m, err
}
