package userfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

var errNoObject = errors.New("isn't a JSON object in one line of UTF-8, 16 KiB at most")

// fields reads a line's object. It refuses what encoding/json is lenient about: a key twice, and something after it.
func fields(text []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) {
		return nil, errNoObject
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errNoObject
	}
	found := make(map[string]json.RawMessage)
	for d.More() {
		key, err := d.Token()
		name, isKey := key.(string)
		var value json.RawMessage
		if err != nil || !isKey || d.Decode(&value) != nil {
			return nil, errNoObject
		}
		if _, twice := found[name]; twice {
			return nil, fmt.Errorf("has the key %s twice", shown(name))
		}
		found[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, errNoObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNoObject
	}
	return found, nil
}

// shown is a key as a report may have it. One that isn't like a name may be a value in the wrong place.
func shown(key string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	if len(key) > 32 || key == "" || strings.Trim(key, letters) != "" {
		return "(no name)"
	}
	return key
}
