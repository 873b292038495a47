package userfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Bounds of the parameters. Firebase has none larger, and authn takes a key of at least 16 bytes.
const (
	maxHashConfig          = 4 << 10
	minSigner, maxSigner   = 16, 64
	maxSeparator           = 64
	maxRounds, maxMemCost  = 8, 14
	firebaseScrypt         = "SCRYPT"
	hashConfigName         = "hash_config"
	howHashConfigIsWritten = "must be what Firebase's console shows as password hash parameters, hash_config { … } with a name: value in each line, or a JSON object with the same names"
)

// ReadFirebase reads a project's parameters, as Firebase's console shows them or as JSON. All that is wrong is told at once, and no value: the signer key is a secret.
func ReadFirebase(file io.Reader) (*Firebase, error) {
	text, err := io.ReadAll(io.LimitReader(file, maxHashConfig+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxHashConfig {
		return nil, errors.New(howHashConfigIsWritten)
	}
	found, err := hashConfig(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, err
	}
	c := config{found: found}
	if c.take("algorithm") != firebaseScrypt {
		c.refuse("algorithm", "must be "+firebaseScrypt)
	}
	f := &Firebase{
		signerKey:     c.octets("base64_signer_key", minSigner, maxSigner),
		saltSeparator: c.octets("base64_salt_separator", 0, maxSeparator),
		rounds:        c.number("rounds", maxRounds),
		memCost:       c.number("mem_cost", maxMemCost),
	}
	for _, name := range slices.Sorted(maps.Keys(c.found)) {
		c.refuse(shown(name), "is no parameter")
	}
	if len(c.problems) > 0 {
		return nil, errors.New(strings.Join(c.problems, "; "))
	}
	return f, nil
}

// hashConfig gives the parameters by name.
func hashConfig(text string) (map[string]string, error) {
	if strings.HasPrefix(text, "{") {
		return hashConfigJSON([]byte(text))
	}
	body, named := strings.CutPrefix(text, hashConfigName)
	body, opened := strings.CutPrefix(strings.TrimSpace(body), "{")
	body, closed := strings.CutSuffix(body, "}")
	if !named || !opened || !closed {
		return nil, errors.New(howHashConfigIsWritten)
	}
	found := make(map[string]string)
	for row := range strings.Lines(body) {
		row = strings.TrimSuffix(strings.TrimSpace(row), ",")
		if row == "" {
			continue
		}
		name, value, ok := strings.Cut(row, ":")
		if _, twice := found[name]; !ok || twice {
			return nil, errors.New(howHashConfigIsWritten)
		}
		found[name] = strings.TrimSpace(value)
	}
	return found, nil
}

// hashConfigJSON takes numbers as numbers or as text.
func hashConfigJSON(text []byte) (map[string]string, error) {
	object, err := fields(text)
	if err != nil {
		return nil, errors.New(howHashConfigIsWritten)
	}
	found := make(map[string]string, len(object))
	for name, raw := range object {
		var value string
		var number json.Number
		switch {
		case raw[0] == '"' && json.Unmarshal(raw, &value) == nil:
			found[name] = value
		case raw[0] != '"' && raw[0] != 'n' && json.Unmarshal(raw, &number) == nil:
			found[name] = number.String()
		default: // null, true, an object: as text they could pass for base64
			return nil, errors.New(howHashConfigIsWritten)
		}
	}
	return found, nil
}

// config is parameters that are being read. One that was read is taken out, and those that are left are unknown.
type config struct {
	found    map[string]string
	problems []string
}

func (c *config) refuse(name, text string) { c.problems = append(c.problems, name+" "+text) }

func (c *config) take(name string) string {
	value := c.found[name]
	delete(c.found, name)
	return value
}

// octets reads base64 of a length within bounds. Where nothing may be right, it has to be there nonetheless.
func (c *config) octets(name string, least, most int) []byte {
	_, there := c.found[name]
	octets, ok := decoded(c.take(name))
	if !there || !ok || len(octets) < least || len(octets) > most {
		c.refuse(name, fmt.Sprintf("must be base64 of %d to %d bytes", least, most))
	}
	return octets
}

func (c *config) number(name string, most int) int {
	n, err := strconv.Atoi(c.take(name))
	if err != nil || n < 1 || n > most {
		c.refuse(name, fmt.Sprintf("must be a number from 1 to %d", most))
	}
	return n
}
