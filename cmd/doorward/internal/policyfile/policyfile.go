// Package policyfile is a service's policy as a YAML file: one line a setting, under its name in the contract.
//
//	lockout_duration: 1h
//	password_context_words:
//	    - acme
//
// It owns how values are written, and knows no policy: whatever a service's Policy message has is in its file. Durations are written as people say
// them: 10s, 1h30m, 7d; choices by their name in the contract, in lower case and without what all choices of a setting begin with. Whether a value is in its range, the service says.
//
// Called by `doorward policy`.
package policyfile

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/doorward/doorward/internal/timespan"
)

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 1 << 20

// Encode writes all settings, in the contract's order.
func Encode(w io.Writer, policy proto.Message) error {
	var document yaml.Node
	document.Kind = yaml.MappingNode
	for field, value := range settings(policy) {
		document.Content = append(document.Content, scalar(string(field.Name())), node(field, value))
	}
	encoder := yaml.NewEncoder(w)
	if err := encoder.Encode(&document); err != nil {
		return fmt.Errorf("write policy: %w", err)
	}
	return encoder.Close()
}

// Merge sets the settings that a file names, and leaves the others as they are. All that is wrong with the file is reported at once, by line, and then
// nothing is set. renamed has the names of today by those that settings had before: such a name is refused too, and the fault says what it is called now.
func Merge(file []byte, policy proto.Message, renamed map[string]string) error {
	entries, err := read(file)
	if err != nil {
		return err
	}
	merged := proto.Clone(policy)
	var faults []error
	seen := map[string]bool{}
	for _, e := range entries {
		field := merged.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(e.name.Value))
		switch {
		case field == nil:
			faults = append(faults, unknown(e.name, renamed))
		case seen[e.name.Value]:
			faults = append(faults, fmt.Errorf("line %d: %s is set twice", e.name.Line, e.name.Value))
		default:
			if err := set(merged, field, e.value); err != nil {
				faults = append(faults, fmt.Errorf("line %d: %s: %w", e.value.Line, e.name.Value, err))
			}
		}
		seen[e.name.Value] = true
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	proto.Reset(policy)
	proto.Merge(policy, merged)
	return nil
}

func unknown(name *yaml.Node, renamed map[string]string) error {
	if now := renamed[name.Value]; now != "" {
		return fmt.Errorf("line %d: %s is called %s now", name.Line, name.Value, now)
	}
	return fmt.Errorf("line %d: there is no setting %q", name.Line, name.Value)
}

// Change is a setting that differs.
type Change struct{ Setting, Before, After string }

// Diff is what differs between two policies of one kind, in the contract's order.
func Diff(before, after proto.Message) []Change {
	var changes []Change
	is := after.ProtoReflect()
	for field, value := range settings(before) {
		if c := (Change{string(field.Name()), text(field, value), text(field, is.Get(field))}); c.Before != c.After {
			changes = append(changes, c)
		}
	}
	return changes
}

// settings are a policy's fields with their values.
func settings(policy proto.Message) func(yield func(protoreflect.FieldDescriptor, protoreflect.Value) bool) {
	return func(yield func(protoreflect.FieldDescriptor, protoreflect.Value) bool) {
		message := policy.ProtoReflect()
		fields := message.Descriptor().Fields()
		for i := range fields.Len() {
			if !yield(fields.Get(i), message.Get(fields.Get(i))) {
				return
			}
		}
	}
}

// entry is one setting of a file.
type entry struct{ name, value *yaml.Node }

func read(file []byte) ([]entry, error) {
	if len(file) > MaxSize {
		return nil, fmt.Errorf("the file is larger than %d bytes", MaxSize)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(file, &document); err != nil {
		return nil, fmt.Errorf("not YAML: %w", err)
	}
	if document.Kind == 0 {
		return nil, errors.New("the file is empty")
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: must be lines of `setting: value`", root.Line)
	}
	var entries []entry
	for pair := range slices.Chunk(root.Content, 2) {
		entries = append(entries, entry{pair[0], pair[1]})
	}
	return entries, nil
}

func set(policy proto.Message, field protoreflect.FieldDescriptor, n *yaml.Node) error {
	message := policy.ProtoReflect()
	if field.IsList() {
		list := message.NewField(field).List()
		if n.Kind != yaml.SequenceNode {
			return errors.New("must be a list")
		}
		for _, item := range n.Content {
			value, err := parse(field, item)
			if err != nil {
				return err
			}
			list.Append(value)
		}
		message.Set(field, protoreflect.ValueOfList(list))
		return nil
	}
	value, err := parse(field, n)
	if err == nil {
		message.Set(field, value)
	}
	return err
}

// parse reads one value. What a field isn't expected to be, it refuses.
func parse(field protoreflect.FieldDescriptor, n *yaml.Node) (protoreflect.Value, error) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return protoreflect.Value{}, errors.New("must be a value")
	}
	switch {
	case isDuration(field):
		d, err := timespan.Parse(n.Value)
		return protoreflect.ValueOfMessage(durationpb.New(d).ProtoReflect()), err
	case field.Kind() == protoreflect.Int32Kind:
		i, err := strconv.ParseInt(n.Value, 10, 32)
		if err != nil {
			err = errors.New("must be a whole number")
		}
		return protoreflect.ValueOfInt32(int32(i)), err
	case field.Kind() == protoreflect.BoolKind:
		if n.Value != "true" && n.Value != "false" {
			return protoreflect.Value{}, errors.New("must be true or false")
		}
		return protoreflect.ValueOfBool(n.Value == "true"), nil
	case field.Kind() == protoreflect.StringKind:
		return protoreflect.ValueOfString(n.Value), nil
	case field.Enum() != nil:
		return parseChoice(field.Enum(), n.Value)
	}
	return protoreflect.Value{}, fmt.Errorf("values of kind %v aren't known here", field.Kind())
}

// parseChoice reads an enum's value. That which says that nothing was said isn't one.
func parseChoice(enum protoreflect.EnumDescriptor, word string) (protoreflect.Value, error) {
	var known []string
	for i := 1; i < enum.Values().Len(); i++ {
		value := enum.Values().Get(i)
		if choiceText(enum, value.Number()) == word {
			return protoreflect.ValueOfEnum(value.Number()), nil
		}
		known = append(known, choiceText(enum, value.Number()))
	}
	return protoreflect.Value{}, fmt.Errorf("must be one of %s", strings.Join(known, ", "))
}

// choiceText is how an enum's value is written: ACCESS_MODE_OPEN of AccessMode is open.
func choiceText(enum protoreflect.EnumDescriptor, number protoreflect.EnumNumber) string {
	value := enum.Values().ByNumber(number)
	if value == nil {
		return fmt.Sprint(number) // of a newer release
	}
	prefix := strings.TrimSuffix(string(enum.Values().Get(0).Name()), "UNSPECIFIED")
	return strings.ToLower(strings.TrimPrefix(string(value.Name()), prefix))
}

func isDuration(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && field.Message().FullName() == (&durationpb.Duration{}).ProtoReflect().Descriptor().FullName()
}

func node(field protoreflect.FieldDescriptor, value protoreflect.Value) *yaml.Node {
	if !field.IsList() {
		written := scalar(one(field, value))
		if field.Kind() == protoreflect.StringKind {
			written.Tag = "!!str"
		}
		return written
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range value.List().Len() {
		item := scalar(value.List().Get(i).String())
		item.Tag = "!!str" // a word such as "true" is quoted
		list.Content = append(list.Content, item)
	}
	if len(list.Content) == 0 {
		list.Style = yaml.FlowStyle
	}
	return list
}

func scalar(value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: value} }

// text is a value on one line, for people.
func text(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	if !field.IsList() {
		if written := one(field, value); written != "" {
			return written
		}
		return `""`
	}
	var items []string
	for i := range value.List().Len() {
		items = append(items, value.List().Get(i).String())
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func one(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	if d, ok := value.Interface().(protoreflect.Message); ok && isDuration(field) {
		if d, ok := d.Interface().(*durationpb.Duration); ok {
			return timespan.Text(d.AsDuration())
		}
	}
	if field.Enum() != nil {
		return choiceText(field.Enum(), value.Enum())
	}
	return value.String()
}
