package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// delimiter stands between the parts of a key.
const delimiter = "."

// Options say where the configuration comes from.
type Options[T any] struct {
	// Defaults are the values of keys that no source sets.
	Defaults T
	// File is the path of a YAML file; empty when there is none.
	File string
	// Env is the environment, as os.Environ gives it.
	Env []string
	// EnvPrefix marks the variables that are ours; empty means "DOORWARD_". All
	// that have it must be keys, or be in IgnoreEnv.
	EnvPrefix string
	// IgnoreEnv are variables with our prefix that others read, such as
	// DOORWARD_API_KEY.
	IgnoreEnv []string
	// Flags are the keys that the command line sets.
	Flags map[string]string
}

// Load reads all sources and judges the result. Its error is Faults when the
// configuration is wrong, and something else when the struct is.
func Load[T any](opts Options[T]) (*Loaded[T], error) {
	if opts.EnvPrefix == "" {
		opts.EnvPrefix = "DOORWARD_"
	}
	fields, err := fieldsOf(reflect.TypeFor[T](), opts.EnvPrefix)
	if err != nil {
		return nil, err
	}
	l := &loader{fields: fields, values: koanf.New(delimiter), sources: make(map[string]string)}
	l.readFile(opts.File)
	l.readEnv(opts.Env, opts.EnvPrefix, opts.IgnoreEnv)
	l.readFlags(opts.Flags)

	loaded := &Loaded[T]{Value: opts.Defaults, fields: fields, sources: l.sources}
	top := reflect.ValueOf(&loaded.Value).Elem()
	l.fill(top)
	l.validate(top, "")
	if len(l.faults) > 0 {
		return nil, l.faults
	}
	return loaded, nil
}

// loader gathers values layer by layer, remembers who set each, and collects what is wrong.
type loader struct {
	fields  []field
	values  *koanf.Koanf
	sources map[string]string // by key; a key that nobody set isn't in it
	faults  Faults
}

func (l *loader) fault(key, source, problem string) {
	l.faults = append(l.faults, Fault{Key: key, Source: source, Problem: problem})
}

func (l *loader) readFile(path string) {
	if path == "" {
		return
	}
	k := koanf.New(delimiter)
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		l.fault(path, "", readProblem(err))
		return
	}
	values := k.All()
	for key, value := range values {
		// A section whose keys are all commented out reads as empty.
		if empty, isMap := value.(map[string]any); l.isSection(key) && (value == nil || isMap && len(empty) == 0) {
			delete(values, key)
		}
	}
	l.layer(values, func(string) string { return "file " + path })
}

// quoted is all that the YAML library may quote of a file in its errors: text, tags and structures.
var quoted = regexp.MustCompile("(?s)['\"`!{[].*['\"`}\\]]")

// readProblem says why a file can't be read, without what the YAML library quotes of it: that may be a secret, and the whole file is one when it
// was named by mistake.
func readProblem(err error) string {
	var missing *fs.PathError
	if errors.As(err, &missing) {
		return err.Error()
	}
	return "isn't YAML of keys and values: " + quoted.ReplaceAllString(err.Error(), "…")
}

func (l *loader) readEnv(environ []string, prefix string, ignore []string) {
	values := make(map[string]any)
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, prefix) || slices.Contains(ignore, name) {
			continue
		}
		i := slices.IndexFunc(l.fields, func(f field) bool { return f.env == name })
		if i < 0 {
			l.fault(name, "environment", "there is no such setting: correct the name or unset it")
			continue
		}
		values[l.fields[i].key] = value
	}
	l.layer(values, func(key string) string { return "env " + l.fields[l.find(key)].env })
}

func (l *loader) readFlags(flags map[string]string) {
	values := make(map[string]any, len(flags))
	for key, value := range flags {
		values[key] = value
	}
	l.layer(values, func(key string) string { return "flag --set " + key })
}

// layer puts values over those of the sources before.
func (l *loader) layer(values map[string]any, source func(key string) string) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		switch {
		case l.isSection(key):
			l.fault(key, source(key), "is a section: give the keys within it")
			delete(values, key)
		case l.find(key) < 0:
			l.fault(key, source(key), "there is no such key: correct it or take it out")
			delete(values, key)
		default:
			l.sources[key] = source(key)
		}
	}
	// A map in memory with known keys always loads.
	if err := l.values.Load(confmap.Provider(values, delimiter), nil); err != nil {
		l.fault("", "", err.Error())
	}
}

func (l *loader) find(key string) int {
	return slices.IndexFunc(l.fields, func(f field) bool { return f.key == key })
}

func (l *loader) isSection(key string) bool {
	return slices.ContainsFunc(l.fields, func(f field) bool { return strings.HasPrefix(f.key, key+delimiter) })
}

// fill sets the fields that some source gave a value.
func (l *loader) fill(top reflect.Value) {
	for _, f := range l.fields {
		source, set := l.sources[f.key]
		if !set {
			continue
		}
		raw := l.values.Get(f.key)
		v, err := convert(raw, f.typ)
		if err == nil {
			top.FieldByIndex(f.index).Set(v)
			continue
		}
		problem := err.Error()
		if !f.secret && raw != nil {
			problem = fmt.Sprintf("%q %s", fmt.Sprint(raw), problem)
		}
		l.fault(f.key, source, problem)
	}
}

// validate asks the struct and the sections in it. A key that already has a fault
// gets no second one: it would be judged by its default.
func (l *loader) validate(v reflect.Value, prefix string) {
	if validator, ok := v.Addr().Interface().(Validator); ok {
		for _, f := range validator.Validate() {
			key := prefix + f.Key
			if !slices.ContainsFunc(l.faults, func(known Fault) bool { return known.Key == key }) {
				l.fault(key, l.sourceOf(key), f.Problem)
			}
		}
	}
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		tag := sf.Tag.Get("koanf")
		if !sf.IsExported() || tag == "-" || !section(sf.Type) {
			continue
		}
		sub := prefix
		if tag != "" {
			sub = prefix + tag + delimiter
		}
		l.validate(v.Field(i), sub)
	}
}

func (l *loader) sourceOf(key string) string {
	if source, set := l.sources[key]; set {
		return source
	}
	return defaultSource
}
