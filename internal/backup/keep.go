package backup

import (
	"fmt"
	"os"
	"time"

	"github.com/doorward/doorward/internal/durable"
)

// KeepOptions says how a copy is kept.
type KeepOptions struct {
	// Finish checks the written file, marks it as a copy, and returns the schema version that it has: boltdb.FinishCopy.
	Finish func(path string, takenAt time.Time) (schema uint64, err error)
	// Replace allows an older copy to be replaced; without it one is an error, fs.ErrExist.
	Replace bool
}

// Keep has a copy written into a folder and puts its manifest beside it. A copy that isn't whole never gets its name.
func Keep(dir string, m Manifest, o KeepOptions, write func(*os.File) error) error {
	put := durable.Create
	if o.Replace {
		put = durable.Replace
	}
	err := put(CopyFile(dir, m.Service), func(f *os.File) error {
		if err := write(f); err != nil {
			return err
		}
		schema, err := o.Finish(f.Name(), m.TakenAt)
		if err != nil {
			return err
		}
		if schema != m.SchemaVersion {
			return fmt.Errorf("the copy has schema %d where %d was announced", schema, m.SchemaVersion)
		}
		m, err = m.Describe(f.Name())
		return err
	})
	if err != nil {
		return err
	}
	return m.Write(dir)
}
