package boltdb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/doorward/doorward/internal/durable"
)

// Restore puts a copy in the place of the store at path, made fit for service by
// fit, which is given where the copy lies. It returns where the old store lies
// now; empty where there was none. On any error the old store is where it was.
func Restore(path string, content io.WriterTo, now func() time.Time, fit func(path string) error) (aside string, err error) {
	r, err := Replace(path, content)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := fit(r.Path()); err != nil {
		return "", err
	}
	return r.Commit(now())
}

// Replacement is a copy on its way to become the store. Until Commit it lies
// beside the store under a name that no service opens, and the store stays as it
// was: a crash leaves the old one in place, whole.
//
//	Replace ──▶ store.db (locked)      Commit ──▶ store.db.replaced-<time>
//	            store.db.restoring                store.db
type Replacement struct {
	path   string
	folder *os.File // locked, so that there is one restore at a time
	held   *bolt.DB // the old store, locked; nil where there is none that opens
}

// Replace lays the copy beside the store at path. It holds the store's lock from
// here on, so that no service runs: ErrLocked when one does. A store that is too
// damaged to be opened is one that nobody runs on.
func Replace(path string, content io.WriterTo) (_ *Replacement, err error) {
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return nil, fmt.Errorf("make the store's folder: %w", err)
	}
	r := &Replacement{path: path}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.letGo())
		}
	}()
	if r.folder, err = lockFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if r.held, err = hold(path); err != nil {
		return nil, err
	}
	err = durable.Replace(r.Path(), func(f *os.File) error {
		_, err := content.WriteTo(f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("lay the backup beside the store: %w", err)
	}
	return r, nil
}

// lockFolder takes the folder for one restore. The lock ends with the process.
func lockFolder(dir string) (*os.File, error) {
	folder, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open the store's folder: %w", err)
	}
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another restore is under way in %s (%w): %w", dir, err, ErrLocked), folder.Close())
	}
	return folder, nil
}

// hold locks the store that is there. It is opened for reading, which looks at
// the file's head alone.
func hold(path string) (*bolt.DB, error) {
	held, err := bolt.Open(path, fileMode, &bolt.Options{ReadOnly: true, Timeout: defaultLockTimeout})
	var unreachable *fs.PathError
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return held, nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("a doorward process holds %s: stop it first: %w", path, ErrLocked)
	case errors.As(err, &unreachable):
		return nil, fmt.Errorf("open the store that is replaced: %w", err)
	default: // it is damaged, and a restore is what mends it
		return nil, nil //nolint:nilnil // nobody runs on it, so there is nothing to lock
	}
}

// Path is where the replacement lies: whoever makes it fit for service opens it
// there, with Options.Copy, and closes it before Commit.
func (r *Replacement) Path() string { return r.path + ".restoring" }

// Commit checks the replacement, takes the mark of a copy from it and gives it
// the store's name. The old store is kept under a dated name, which is returned;
// empty where there was none.
func (r *Replacement) Commit(now time.Time) (aside string, err error) {
	if err := r.release(); err != nil {
		return "", err
	}
	aside, err = r.setAside(now)
	if err != nil {
		return "", fmt.Errorf("keep the store that is replaced: %w", err)
	}
	if aside == "" {
		// Unlike a rename, a link fails when a service was started meanwhile.
		err = errors.Join(os.Link(r.Path(), r.path), os.Remove(r.Path()))
	} else {
		err = os.Rename(r.Path(), r.path)
	}
	if err = errors.Join(err, durable.SyncDir(filepath.Dir(r.path))); err != nil {
		return "", fmt.Errorf("put the store in place: %w", err)
	}
	return aside, r.Close()
}

// release makes the replacement a store.
func (r *Replacement) release() (err error) {
	file, err := openFile(r.Path(), 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := file.View(consistent); err != nil {
		return fmt.Errorf("check the restored store: %w", err)
	}
	return file.Update(func(tx *bolt.Tx) error {
		if takenAtOf(tx) == "" {
			return errors.New("what lies there isn't the copy that was laid there")
		}
		return tx.Bucket(metaBucket).Delete(copyKey)
	})
}

// setAside gives the old store a second name. There is no moment without a store
// under the first: a service that is started then would begin an empty one.
func (r *Replacement) setAside(now time.Time) (string, error) {
	if _, err := os.Stat(r.path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	aside := r.path + ".replaced-" + now.UTC().Format(stamp)
	return aside, os.Link(r.path, aside)
}

// Close lets go of the old store, and of a replacement that wasn't committed.
func (r *Replacement) Close() error {
	err := os.Remove(r.Path())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, r.letGo())
}

// letGo releases the locks; a second time it does nothing.
func (r *Replacement) letGo() (err error) {
	if r.held != nil {
		err = r.held.Close()
	}
	if r.folder != nil {
		err = errors.Join(err, r.folder.Close())
	}
	r.held, r.folder = nil, nil
	return err
}
