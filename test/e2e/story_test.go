package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestStoryWithEachServiceInItsOwnProcess plays what `doorward demo` tells, from outside, and then stops everything.
func TestStoryWithEachServiceInItsOwnProcess(t *testing.T) {
	d := deploy(t)
	var env strings.Builder
	for _, name := range slices.Sorted(maps.Keys(d.environment())) {
		fmt.Fprintf(&env, "export %s='%s'\n", name, d.environment()[name])
	}
	must(t, os.WriteFile(d.path("app.env"), []byte(env.String()), 0o600))

	told := d.doorward("demo", "--against", "app.env")
	for step := 1; step <= 8; step++ {
		if !strings.Contains(told, fmt.Sprintf("\n%d. ", step)) && !strings.HasPrefix(told, fmt.Sprintf("%d. ", step)) {
			t.Errorf("step %d isn't told", step)
		}
	}
	if !strings.Contains(told, "\nAs told, in ") {
		t.Error("the story doesn't end as it should")
	}
	t.Log("\n" + told)

	secrets := d.secrets()
	d.stopAll()
	d.expectSilence(secrets)
}
