package deployment

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestShellReadsEnvFile(t *testing.T) {
	const value = `it's $HOME in "quotes" & \ more`
	path := filepath.Join(t.TempDir(), "x.env")
	if err := (Env{{"DOORWARD_A", value}}).write(path, path); err != nil {
		t.Fatal(err)
	}
	said, err := exec.CommandContext(t.Context(), "sh", "-c", `. "$1"; printf %s "$DOORWARD_A"`, "sh", path).Output()
	if err != nil || string(said) != value {
		t.Errorf("a shell reads %q, %v", said, err)
	}
}

func TestEnvFileIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.env")
	if err := os.WriteFile(path, nil, 0o644); err != nil { // somebody made it readable
		t.Fatal(err)
	}
	if err := (Env{{"DOORWARD_A", "x"}}).write(path, path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o, want 600", mode)
	}
}

func TestMissingEnvFileIsEmpty(t *testing.T) {
	if env, err := ReadEnv(filepath.Join(t.TempDir(), "none.env")); err != nil || len(env) != 0 {
		t.Errorf("ReadEnv = %v, %v", env, err)
	}
}

func TestAllMissingVariablesAreNamedAtOnce(t *testing.T) {
	env := Env{{"A", "1"}, {"B", ""}}
	if err := env.Need("A"); err != nil {
		t.Errorf("Need(A) = %v", err)
	}
	err := env.Need("A", "B", "C")
	if err == nil || !strings.Contains(err.Error(), "no B, no C") {
		t.Errorf("Need(A, B, C) = %v, want B and C named", err)
	}
}
