package config

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// defaultSource is the source of a key that nobody set.
const defaultSource = "default"

// Loaded is a configuration that can be used, with the source of each value.
type Loaded[T any] struct {
	Value T

	fields  []field
	sources map[string]string
}

// Entry is one key as it is in force.
type Entry struct {
	Key    string
	Value  string // as text; hidden when Secret
	Source string // "default", "file …", "env …" or "flag …"
	Doc    string
	Env    string // the variable that sets it
	Secret bool
}

// Entries lists all keys in the order of the struct.
func (l *Loaded[T]) Entries() []Entry {
	top := reflect.ValueOf(&l.Value).Elem()
	entries := make([]Entry, 0, len(l.fields))
	for _, f := range l.fields {
		source, set := l.sources[f.key]
		if !set {
			source = defaultSource
		}
		value := top.FieldByIndex(f.index)
		entries = append(entries, Entry{
			Key: f.key, Value: display(value, f.secret), Source: source, Doc: f.doc, Env: f.env, Secret: f.secret,
		})
	}
	return entries
}

// Print writes each key as "key = value  (source)", with secrets hidden.
func (l *Loaded[T]) Print(w io.Writer) error {
	for _, e := range l.Entries() {
		if _, err := fmt.Fprintf(w, "%s = %s  (%s)\n", e.Key, e.Value, e.Source); err != nil {
			return err
		}
	}
	return nil
}

func display(v reflect.Value, secret bool) string {
	switch {
	case secret && v.IsZero():
		return "[not set]"
	case secret:
		return "[redacted]"
	case v.Kind() == reflect.Slice && !reflect.PointerTo(v.Type()).Implements(unmarshalerType):
		items := make([]string, v.Len())
		for i := range items {
			items[i] = display(v.Index(i), false)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case v.Kind() == reflect.String:
		return displayText(v.String())
	default:
		return displayText(fmt.Sprint(v.Interface()))
	}
}

// displayText quotes what would otherwise be invisible or break the line.
func displayText(s string) string {
	if s == "" || strconv.Quote(s) != `"`+s+`"` || strings.ContainsAny(s, " ,") {
		return strconv.Quote(s)
	}
	return s
}
