package score

import "fmt"

// Gate is what stands before the password check.
type Gate uint8

// Gates in rising order. The zero value is no decision at all, and callers treat it as a block.
const (
	Open Gate = iota + 1
	Challenge
	Block
)

// Verdict is what stands behind a right password.
type Verdict uint8

// Verdicts in rising order. The zero value is no decision at all, and callers treat it as a refusal.
const (
	Allow Verdict = iota + 1
	VerifyDevice
	Refuse
)

const unset = "unset"

var (
	gates    = []string{unset, "open", "challenge", "block"}
	verdicts = []string{unset, "allow", "verify_device", "refuse"}
)

func (g Gate) String() string    { return nameOf(gates, uint8(g)) }
func (v Verdict) String() string { return nameOf(verdicts, uint8(v)) }

// MarshalText writes the name, for records and policy files.
func (g Gate) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// MarshalText writes the name, for records and policy files.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText takes the names that MarshalText writes, save "unset".
func (g *Gate) UnmarshalText(text []byte) error {
	n, err := parse("gate", gates, string(text))
	*g = Gate(n)
	return err
}

// UnmarshalText takes the names that MarshalText writes, save "unset".
func (v *Verdict) UnmarshalText(text []byte) error {
	n, err := parse("verdict", verdicts, string(text))
	*v = Verdict(n)
	return err
}

func nameOf(names []string, n uint8) string {
	if int(n) >= len(names) {
		return unset
	}
	return names[n]
}

func parse(kind string, names []string, text string) (uint8, error) {
	for n, name := range names {
		if n > 0 && name == text {
			return uint8(n), nil
		}
	}
	return 0, fmt.Errorf("%q is no %s; use one of %q", text, kind, names[1:])
}
