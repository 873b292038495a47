package userimport_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/userimport"
)

// TestTheFormsOfThePageAreTaken holds docs/import.md to what is taken.
func TestTheFormsOfThePageAreTaken(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/import.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, form := range regexp.MustCompile("(?m)^\\|[^|]*\\| `((?:\\$|pbkdf2_)[^`]{20,})`").FindAllStringSubmatch(string(page), -1) {
		u, problems := userimport.Parse(userimport.Row{Email: "ada@example.org", Password: credential.WrapPHC(form[1])}, now)
		if len(problems) > 0 {
			t.Errorf("%s: %v", form[1], problems)
			continue
		}
		kinds[u.Form.Kind] = true
	}
	if len(kinds) != 8 {
		t.Errorf("the page has forms of %v", kinds)
	}
}
