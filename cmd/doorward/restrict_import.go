package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/fault"
)

type restrictImportCmd struct {
	listed
	File string `short:"f" required:"" placeholder:"FILE" help:"An entry a line; # and what follows it is a comment."`
	noted
}

func (restrictImportCmd) Help() string {
	return `Every line is read before the first entry is kept: a file with a line that is no entry changes nothing, and the lines are named. An import that was
interrupted has kept a part; import the file again for the rest. Example:

  . .doorward/operator.env; doorward restrict import block -f blocked.txt --note 'from the old system'`
}

func (c *restrictImportCmd) Run(ctx context.Context, s streams) error {
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close() // it was only read
	info, err := file.Stat()
	if err != nil {
		return err
	}
	conn, err := s.dial("authn")
	if err != nil {
		return err
	}
	defer conn.Close()
	progress := s.bar("read", bytesText)
	stream, err := c.send(ctx, conn, file, func(sent int64) { progress.at(sent, info.Size()) })
	progress.end()
	if err != nil {
		return s.advise(err, "authn", "")
	}
	progress = s.bar("keep", thousands)
	answer, err := lastOf(stream, func(a *authnv1.ImportEntriesResponse) { progress.at(int64(a.GetSeen()), int64(a.GetTotal())) })
	progress.end()
	switch {
	case fault.KindOf(err) == fault.Invalid: // every line is read before the first entry is kept
		return unchanged(s.advise(err, "authn", ""))
	case err != nil:
		return s.advise(err, "authn", "")
	}
	if c.JSON {
		return printJSON(s.out, answer)
	}
	fmt.Fprintf(s.out, "%d entries, %d of them new in the list %s\n", answer.GetTotal(), answer.GetAdded(), c.List)
	warn(s.out, answer.GetWarnings())
	return nil
}

type importStream = grpc.BidiStreamingClient[authnv1.ImportEntriesRequest, authnv1.ImportEntriesResponse]

// send sends the file. When authn has ended the call, its reason is read with the answers.
func (c *restrictImportCmd) send(ctx context.Context, conn grpc.ClientConnInterface, file io.Reader, sent func(int64)) (importStream, error) {
	stream, err := authnv1.NewRestrictionServiceClient(conn).ImportEntries(ctx)
	if err != nil {
		return nil, err
	}
	header := &authnv1.ImportEntriesHeader{List: c.message(), Note: c.Note}
	err = stream.Send(&authnv1.ImportEntriesRequest{Piece: &authnv1.ImportEntriesRequest_Header{Header: header}})
	var total int64
	piece := make([]byte, 32<<10)
	for err == nil {
		n, errRead := file.Read(piece)
		if errRead != nil && !errors.Is(errRead, io.EOF) {
			return nil, errRead
		}
		if n > 0 {
			err = stream.Send(&authnv1.ImportEntriesRequest{Piece: &authnv1.ImportEntriesRequest_Chunk{Chunk: piece[:n]}})
		}
		total += int64(n)
		sent(total)
		if errRead != nil {
			break
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return stream, stream.CloseSend()
}

// lastOf reads the answers to their end.
func lastOf(stream importStream, reached func(*authnv1.ImportEntriesResponse)) (*authnv1.ImportEntriesResponse, error) {
	var last *authnv1.ImportEntriesResponse
	for {
		answer, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF) && last == nil:
			return nil, errors.New("authn ended the import without an answer")
		case errors.Is(err, io.EOF):
			return last, nil
		case err != nil:
			return nil, err
		}
		last = answer
		reached(answer)
	}
}
