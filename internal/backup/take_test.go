package backup_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
)

var finish = backup.KeepOptions{Finish: boltdb.FinishCopy}

// script is a BackupService that sends what the test says, and then fails if it is told to.
type script struct {
	operatorv1.UnimplementedBackupServiceServer
	messages []*operatorv1.BackUpResponse
	end      error
}

func (s script) BackUp(_ *operatorv1.BackUpRequest, stream grpc.ServerStreamingServer[operatorv1.BackUpResponse]) error {
	for _, m := range s.messages {
		if err := stream.Send(m); err != nil {
			return err
		}
	}
	return s.end
}

func header(service string, size int64) *operatorv1.BackUpResponse {
	return &operatorv1.BackUpResponse{Piece: &operatorv1.BackUpResponse_Header{Header: &operatorv1.BackUpHeader{
		Service: service, SchemaVersion: 7, TakenAt: timestamppb.Now(), Size: size,
	}}}
}

func chunk(text string) *operatorv1.BackUpResponse {
	return &operatorv1.BackUpResponse{Piece: &operatorv1.BackUpResponse_Chunk{Chunk: []byte(text)}}
}

func trailer(of string) *operatorv1.BackUpResponse {
	sum := sha256.Sum256([]byte(of))
	return &operatorv1.BackUpResponse{Piece: &operatorv1.BackUpResponse_Trailer{Trailer: &operatorv1.BackUpTrailer{Sha256: sum[:]}}}
}

func TestWhatIsntWholeIsntKept(t *testing.T) {
	type messages = []*operatorv1.BackUpResponse
	broken := errors.New("it broke")
	for name, c := range map[string]struct {
		script
		want string
	}{
		"nothing":             {script{}, "ended early"},
		"no header":           {script{messages: messages{chunk("abc")}}, "doesn't begin with what it is"},
		"no size":             {script{messages: messages{header("authn", 0), trailer("")}}, "doesn't begin with what it is"},
		"another service":     {script{messages: messages{header("risk", 3)}}, `is "risk", not authn`},
		"no trailer":          {script{messages: messages{header("authn", 3), chunk("abc")}}, "ended early"},
		"cut short":           {script{messages: messages{header("authn", 3), chunk("ab"), trailer("ab")}}, "its size or its SHA-256"},
		"too long":            {script{messages: messages{header("authn", 3), chunk("abcd"), trailer("abcd")}}, "more came than was announced"},
		"an empty chunk":      {script{messages: messages{header("authn", 3), chunk("")}}, "more came than was announced"},
		"another hash":        {script{messages: messages{header("authn", 3), chunk("abc"), trailer("abd")}}, "its size or its SHA-256"},
		"more behind":         {script{messages: messages{header("authn", 3), chunk("abc"), trailer("abc"), chunk("d")}}, "behind its end"},
		"an error behind":     {script{messages: messages{header("authn", 3), chunk("abc"), trailer("abc")}, end: broken}, "INTERNAL"},
		"an error":            {script{messages: messages{header("authn", 3), chunk("a")}, end: broken}, "INTERNAL"},
		"whole, but no store": {script{messages: messages{header("authn", 3), chunk("abc"), trailer("abc")}}, "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			_, err := take(t.Context(), dial(t, c.script), dir)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Take = %v, want it to say %q", err, c.want)
			}
			isEmpty(t, dir)
		})
	}
}

func TestACopyOfAnotherSchemaThanAnnouncedIsRefused(t *testing.T) {
	s := serve(t, quick)
	dir := t.TempDir()
	_, err := backup.Take(t.Context(), backup.TakeConfig{Client: s.client, Service: "authn", Dir: dir, KeepOptions: backup.KeepOptions{
		Finish: func(string, time.Time) (uint64, error) { return 8, nil },
	}})
	if err == nil || !strings.Contains(err.Error(), "has schema 8 where 7 was announced") {
		t.Errorf("Take = %v", err)
	}
	isEmpty(t, dir)
}

// As when the disk is full just before the end.
func TestACopyThatCantBeFinishedIsntKept(t *testing.T) {
	s := serve(t, quick)
	dir, full := t.TempDir(), errors.New("no space left on device")
	_, err := backup.Take(t.Context(), backup.TakeConfig{Client: s.client, Service: "authn", Dir: dir, KeepOptions: backup.KeepOptions{
		Finish: func(string, time.Time) (uint64, error) { return 0, full },
	}})
	if !errors.Is(err, full) {
		t.Errorf("Take = %v", err)
	}
	isEmpty(t, dir)
}

func TestACopyIsReplacedOnlyOnDemand(t *testing.T) {
	s := serve(t, quick)
	dir := filepath.Join(t.TempDir(), "backups", "monday")
	first, err := take(t.Context(), s.client, dir)
	must(t, err)
	if _, err := take(t.Context(), s.client, dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second copy into one folder = %v, want fs.ErrExist", err)
	}
	again, err := backup.Find(dir, "authn")
	if err != nil || again.SHA256 != first.SHA256 {
		t.Errorf("the first copy has changed: %v", err)
	}
	must(t, s.transfer(t.Context(), 1))
	second, err := backup.Take(t.Context(), backup.TakeConfig{
		Client: s.client, Service: "authn", Dir: dir, KeepOptions: backup.KeepOptions{Finish: boltdb.FinishCopy, Replace: true},
	})
	must(t, err)
	if second.SHA256 == first.SHA256 {
		t.Error("the copy wasn't replaced")
	}
	_, err = second.WriteTo(io.Discard)
	must(t, err)
}

func TestADamagedBackupIsToldFromAGoodOne(t *testing.T) {
	s := serve(t, quick)
	copied, err := take(t.Context(), s.client, t.TempDir())
	must(t, err)
	dir := filepath.Dir(copied.Path)
	manifest := filepath.Join(dir, "authn.json")
	good, err := os.ReadFile(copied.Path)
	must(t, err)
	text, err := os.ReadFile(manifest)
	must(t, err)
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string]struct {
		copied, manifest string
		want             error
	}{
		"one bit":           {string(flipped), string(text), backup.ErrDamaged},
		"cut short":         {string(good[:len(good)-1]), string(text), backup.ErrDamaged},
		"too long":          {string(good) + "x", string(text), backup.ErrDamaged},
		"no JSON":           {string(good), "{", backup.ErrDamaged},
		"an empty manifest": {string(good), `{"service": "authn"}`, backup.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, os.WriteFile(copied.Path, []byte(c.copied), 0o600))
			must(t, os.WriteFile(manifest, []byte(c.manifest), 0o600))
			found, err := backup.Find(dir, "authn")
			if err == nil {
				_, err = found.WriteTo(io.Discard)
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	must(t, copied.Write(dir))
	must(t, os.Rename(manifest, filepath.Join(dir, "risk.json")))
	if _, err := backup.Find(dir, "authn"); !errors.Is(err, backup.ErrNoCopy) {
		t.Errorf("without a manifest: %v, want ErrNoCopy", err)
	}
	if _, err := backup.Find(dir, "risk"); err == nil || !strings.Contains(err.Error(), `describes the store of "authn"`) {
		t.Errorf("another service's manifest: %v", err)
	}
}
