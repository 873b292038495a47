package deployment

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// FuzzEnvFile reads an env file of any text, with one line of ours at its end. Nothing before it keeps that line from being read, and what was read
// and is written again reads the same.
func FuzzEnvFile(f *testing.F) {
	for _, value := range []string{"", "plain", "it's", `'\''`, "a=b # c", "$HOME `id`", `back\slash`, "it''s 'here'"} {
		f.Add("# A comment.\nexport DOORWARD_A='a'\n", value)
	}
	f.Add("DOORWARD_A=unquoted\r\nexport =\n= \n#=x\nexport export B='", "x")
	f.Add("A="+strings.Repeat("x", 70_000)+"\n", "x")
	f.Fuzz(func(t *testing.T, text, value string) {
		if strings.ContainsFunc(value, unicode.IsControl) {
			return // no value of ours has a line break, and no file name of sense either
		}
		path := filepath.Join(t.TempDir(), "x.env")
		if err := (Env{{"DOORWARD_LAST", value}}).write(path, path); err != nil {
			t.Fatal(err)
		}
		ours, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append([]byte(text+"\n"), ours...), 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := ReadEnv(path)
		if err != nil {
			t.Fatal(err)
		}
		if last := read[len(read)-1]; last != (Variable{"DOORWARD_LAST", value}) {
			t.Fatalf("the last line reads as %q = %q", last.Name, last.Value)
		}
		if err := read.write(path, path); err != nil {
			t.Fatal(err)
		}
		again, err := ReadEnv(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(read, again); diff != "" {
			t.Errorf("written again (-before +after):\n%s", diff)
		}
	})
}
