package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/doorward/doorward/test/deployment"
)

// TestStoryWithEachServiceInItsOwnProcess plays what `doorward demo` tells, from outside, and then stops everything.
func TestStoryWithEachServiceInItsOwnProcess(t *testing.T) {
	d := deployment.Start(t)
	var env strings.Builder
	for _, name := range slices.Sorted(maps.Keys(d.Environment())) {
		fmt.Fprintf(&env, "export %s='%s'\n", name, d.Environment()[name])
	}
	must(t, os.WriteFile(d.Path("app.env"), []byte(env.String()), 0o600))

	told := d.Command("demo", "--against", "app.env")
	for step := 1; step <= 8; step++ {
		if !strings.Contains(told, fmt.Sprintf("\n%d. ", step)) && !strings.HasPrefix(told, fmt.Sprintf("%d. ", step)) {
			t.Errorf("step %d isn't told", step)
		}
	}
	if !strings.Contains(told, "\nAs told, in ") {
		t.Error("the story doesn't end as it should")
	}
	t.Log("\n" + told)

	secrets := secretsOf(t, d)
	d.StopAll()
	expectSilence(t, d, secrets)
}
