package credential

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCostlierIsTheCostliestOfEachKindThatIsntKnown(t *testing.T) {
	form := func(stored string) Inspection {
		t.Helper()
		got, err := Inspect(WrapPHC(stored))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	specimen := func(i Inspection) Specimen { return Specimen{Kind: i.Kind, Form: i.Specimen, Work: i.Work} }
	bcrypt5 := form(bcryptForm)
	bcrypt6, bcrypt7 := form(strings.Replace(bcryptForm, "05", "06", 1)), form(strings.Replace(bcryptForm, "05", "07", 1))
	argon := form(argon2iForm)
	for name, c := range map[string]struct {
		known []Specimen
		forms []Inspection
		want  []Specimen
	}{
		"none":                       {nil, nil, nil},
		"one of each kind, by name":  {nil, []Inspection{bcrypt6, argon, bcrypt7, bcrypt5}, []Specimen{specimen(argon), specimen(bcrypt7)}},
		"not what is known":          {[]Specimen{specimen(bcrypt6)}, []Inspection{bcrypt6, bcrypt5}, nil},
		"more than what is known":    {[]Specimen{specimen(bcrypt6)}, []Inspection{bcrypt7, bcrypt5}, []Specimen{specimen(bcrypt7)}},
		"another kind than is known": {[]Specimen{specimen(bcrypt6)}, []Inspection{argon}, []Specimen{specimen(argon)}},
	} {
		if diff := cmp.Diff(c.want, Costlier(c.known, c.forms)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestWorkTellsTheCosts: of two forms of a kind, the one that has more to compute says so.
func TestWorkTellsTheCosts(t *testing.T) {
	for kind, pair := range map[string][2]string{
		"argon2id":      {referencePHC, strings.Replace(referencePHC, "t=2", "t=3", 1)},
		"argon2i":       {argon2iForm, strings.Replace(argon2iForm, "m=256", "m=512", 1)},
		"bcrypt":        {bcryptForm, strings.Replace(bcryptForm, "$05", "$06", 1)},
		"pbkdf2-sha1":   {pbkdf2Form, strings.Replace(pbkdf2Form, "4096", "4097", 1)},
		"pbkdf2-sha256": {"pbkdf2_sha256$10$salt$aF7rdSj+RHaXkhWqrKYaD6n6pD+aLkDKzEjKP8VasWo=", "pbkdf2_sha256$11$salt$aF7rdSj+RHaXkhWqrKYaD6n6pD+aLkDKzEjKP8VasWo="},
		"scrypt":        {"$scrypt$ln=4,r=8,p=1$c2FsdA$aF7rdSj+RHaXkhWqrKYaD6n6pD+aLkDKzEjKP8VasWo", "$scrypt$ln=4,r=8,p=2$c2FsdA$aF7rdSj+RHaXkhWqrKYaD6n6pD+aLkDKzEjKP8VasWo"},
		"sha256-crypt":  {"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "$5$rounds=5001$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"},
	} {
		less, err := Inspect(WrapPHC(pair[0]))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		more, err := Inspect(WrapPHC(pair[1]))
		if err != nil || less.Kind != kind || more.Kind != kind || more.Work <= less.Work || less.Work < 1 {
			t.Errorf("%s: %+v and %+v, %v", kind, less, more, err)
		}
	}
}
