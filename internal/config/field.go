package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// field is one key of the struct.
type field struct {
	key    string
	env    string
	doc    string
	secret bool
	index  []int // path of field numbers from the struct's top
	typ    reflect.Type
}

var (
	durationType    = reflect.TypeFor[time.Duration]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// fieldsOf lists the keys of a config struct in their order. An error is a mistake
// in the program, not in anybody's configuration.
func fieldsOf(t reflect.Type, envPrefix string) ([]field, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("config: %s is no struct", t)
	}
	fields, err := collect(t, "", nil)
	if err != nil {
		return nil, err
	}
	byEnv := make(map[string]string, len(fields))
	for i := range fields {
		f := &fields[i]
		f.env = envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(f.key))
		if other, taken := byEnv[f.env]; taken {
			return nil, fmt.Errorf("config: %s and %s are both %s in the environment", other, f.key, f.env)
		}
		byEnv[f.env] = f.key
	}
	return fields, nil
}

func collect(t reflect.Type, prefix string, index []int) ([]field, error) {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("koanf")
		if !sf.IsExported() || tag == "-" {
			continue
		}
		at := append(append([]int(nil), index...), i)
		inline := sf.Anonymous && tag == ""
		switch {
		case tag == "" && !inline:
			return nil, fmt.Errorf("config: field %s.%s has no koanf tag", t, sf.Name)
		case section(sf.Type):
			sub := prefix
			if !inline {
				sub = prefix + tag + "."
			}
			inner, err := collect(sf.Type, sub, at)
			if err != nil {
				return nil, err
			}
			fields = append(fields, inner...)
		case supported(sf.Type):
			fields = append(fields, field{
				key: prefix + tag, doc: sf.Tag.Get("doc"), secret: sf.Tag.Get("secret") == "true", index: at, typ: sf.Type,
			})
		default:
			return nil, fmt.Errorf("config: field %s.%s has type %s, which can't be configured", t, sf.Name, sf.Type)
		}
	}
	return fields, nil
}

// section reports whether a field of type t holds keys of its own.
func section(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(unmarshalerType)
}

func supported(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(unmarshalerType) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Slice:
		return t.Elem().Kind() != reflect.Slice && supported(t.Elem())
	default:
		return false
	}
}
