package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// convert makes a value of type t out of what a source gave: text, or what YAML
// made of it. It is strict, where a decoder's leniency would turn 1.5 into port 1.
// Its errors say what is wanted and don't hold the value, which may be secret.
func convert(raw any, t reflect.Type) (reflect.Value, error) {
	v := reflect.New(t).Elem()
	if raw == nil {
		return v, errors.New("has no value: give one, or leave the key out")
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(fmt.Sprint(raw))); err != nil {
			return v, fmt.Errorf("isn't a valid %s", t)
		}
		return v, nil
	}
	if t.Kind() == reflect.Slice {
		return convertSlice(raw, t)
	}
	return v, setScalar(v, raw)
}

func convertSlice(raw any, t reflect.Type) (reflect.Value, error) {
	items, ok := raw.([]any)
	if text, isText := raw.(string); isText {
		items, ok = splitText(text), true
	}
	if !ok {
		return reflect.Value{}, errors.New("must be a list")
	}
	slice := reflect.MakeSlice(t, 0, len(items))
	for i, item := range items {
		v, err := convert(item, t.Elem())
		if err != nil {
			return slice, fmt.Errorf("item %d: %w", i+1, err)
		}
		slice = reflect.Append(slice, v)
	}
	return slice, nil
}

func splitText(text string) []any {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	var items []any
	for item := range strings.SplitSeq(text, ",") {
		items = append(items, strings.TrimSpace(item))
	}
	return items
}

// setScalar reads everything but strings through its text, so that a number in
// YAML and one in the environment obey the same rules.
func setScalar(v reflect.Value, raw any) error {
	text := fmt.Sprint(raw)
	switch kind := v.Kind(); {
	case v.Type() == durationType:
		d, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("must be a duration with its unit, such as 250ms or 10s")
		}
		v.SetInt(int64(d))
	case kind == reflect.String:
		// YAML has made 010 an 8 by now, and no a false.
		s, ok := raw.(string)
		if !ok {
			return errors.New("must be text: put it in quotes")
		}
		v.SetString(s)
	case kind == reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("must be true or false")
		}
		v.SetBool(text == "true")
	case v.CanInt():
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return errors.New("must be a whole number within range")
		}
		v.SetInt(n)
	case v.CanUint():
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return errors.New("must be a whole number within range, not negative")
		}
		v.SetUint(n)
	default:
		n, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil {
			return errors.New("must be a number")
		}
		v.SetFloat(n)
	}
	return nil
}
