package secret_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/internal/secret"
)

func TestMarkedKeyLoadsAndIsRefusedInProduction(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	created, err := secret.CreateKey(path, secret.ForDevelopment)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := secret.LoadKey(path)
	if err != nil || !loaded.Equal(created) {
		t.Errorf("the marked key doesn't load: %v", err)
	}
	err = secret.RefuseDevelopment(path, "doorward make it")
	if !errors.Is(err, secret.ErrDevelopment) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "doorward make it") {
		t.Errorf("err = %v, want ErrDevelopment with the file and the command", err)
	}
}

func TestOnlyTheMarkItselfIsRefused(t *testing.T) {
	mark := string(secret.ForDevelopment)
	for name, tt := range map[string]struct {
		content string
		refused bool
	}{
		"at the head":           {mark + "\nkey\n", true},
		"further down":          {"# mine\n" + mark + "\nkey\n", true},
		"lines end as on DOS":   {mark + "\r\nkey\r\n", true},
		"at the end of a line":  {"key " + mark + "\n", false},
		"another comment":       {"# For production.\nkey\n", false},
		"none":                  {"key\n", false},
		"an empty file":         {"", false},
		"the mark and no break": {mark, true},
	} {
		t.Run(name, func(t *testing.T) {
			err := secret.RefuseDevelopment(write(t, []byte(tt.content), 0o600), "x")
			if errors.Is(err, secret.ErrDevelopment) != tt.refused {
				t.Errorf("err = %v, refused should be %t", err, tt.refused)
			}
		})
	}
	if err := secret.RefuseDevelopment(filepath.Join(t.TempDir(), "none"), "x"); err != nil {
		t.Errorf("a file that isn't there: %v", err)
	}
}
