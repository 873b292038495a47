package enumeration

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
)

// seen is all that a caller sees of an answer.
type seen struct {
	response        proto.Message
	err             error
	header, trailer metadata.MD
	// address is whose it was, and at when it was asked for.
	address string
	at      time.Time
}

// shapeOf writes an answer down so that two are equal when they differ in nothing but what differs between any two: secrets, ids, waits and moments, of which the
// lengths, the kinds, that there is one, and the distance in minutes are kept. All else stands as it is, so equal shapes are of equal size on the wire, but for the bytes
// that a moment takes.
func shapeOf(s seen) string {
	var b strings.Builder
	said := status.Convert(s.err)
	b.WriteString(said.Code().String())
	if s.err != nil {
		fmt.Fprintf(&b, " %q", s.plain(said.Message()))
		for _, detail := range said.Proto().GetDetails() {
			b.WriteByte(' ')
			s.packed(&b, detail)
		}
	} else {
		s.message(&b, s.response.ProtoReflect())
	}
	s.metadata(&b, "headers", s.header)
	s.metadata(&b, "trailers", s.trailer)
	return b.String()
}

// Metadata that says the same as the status, and what names one call.
var (
	saidElsewhere = []string{"grpc-status-details-bin"}
	anyValue      = []string{"x-request-id", "date"}
)

const retryAfter = "retry-after"

// waiting stands for how long to wait: it is counted from a moment before, and no two calls are told the same.
const waiting = "<a wait>"

func (s seen) metadata(b *strings.Builder, what string, md metadata.MD) {
	fmt.Fprintf(b, " %s[", what)
	for _, name := range slices.Sorted(maps.Keys(md)) {
		for _, value := range md[name] {
			switch {
			case slices.Contains(saidElsewhere, name):
				value = "…"
			case name == retryAfter:
				value = waiting
			case slices.Contains(anyValue, name):
				value = fmt.Sprintf("<%d bytes>", len(value))
			}
			fmt.Fprintf(b, "%s=%s ", name, s.plain(value))
		}
	}
	b.WriteString("]")
}

// message writes a message's fields, in the order of their numbers.
func (s seen) message(b *strings.Builder, m protoreflect.Message) {
	switch special := m.Interface().(type) {
	case *timestamppb.Timestamp:
		fmt.Fprintf(b, "<in %.0f min>", special.AsTime().Sub(s.at).Minutes())
		return
	case *errdetails.RetryInfo:
		b.WriteString(waiting)
		return
	case *typev1.Challenge:
		fmt.Fprintf(b, "{%s of %d}", special.GetAlgorithm(), special.GetMaxNumber())
		return
	case *anypb.Any:
		s.packed(b, special)
		return
	}
	b.WriteByte('{')
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if fd := fields.Get(i); m.Has(fd) {
			fmt.Fprintf(b, "%s: ", fd.Name())
			s.field(b, fd, m.Get(fd))
			b.WriteByte(' ')
		}
	}
	if n := len(m.GetUnknown()); n > 0 {
		fmt.Fprintf(b, "<%d bytes of a newer release>", n)
	}
	b.WriteByte('}')
}

func (s seen) packed(b *strings.Builder, detail *anypb.Any) {
	fmt.Fprintf(b, "%s", detail.MessageName())
	if m, err := detail.UnmarshalNew(); err == nil {
		s.message(b, m.ProtoReflect())
		return
	}
	fmt.Fprintf(b, "<%d bytes>", len(detail.GetValue()))
}

func (s seen) field(b *strings.Builder, fd protoreflect.FieldDescriptor, v protoreflect.Value) {
	switch {
	case fd.IsList():
		b.WriteByte('[')
		for i := range v.List().Len() {
			s.value(b, fd, v.List().Get(i))
			b.WriteByte(' ')
		}
		b.WriteByte(']')
	case fd.IsMap():
		s.pairs(b, fd, v.Map())
	default:
		s.value(b, fd, v)
	}
}

func (s seen) pairs(b *strings.Builder, fd protoreflect.FieldDescriptor, m protoreflect.Map) {
	keys := make(map[string]protoreflect.Value, m.Len())
	for key, value := range m.Range {
		keys[key.String()] = value
	}
	b.WriteByte('[')
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		fmt.Fprintf(b, "%s: ", key)
		s.value(b, fd.MapValue(), keys[key])
		b.WriteByte(' ')
	}
	b.WriteByte(']')
}

func (s seen) value(b *strings.Builder, fd protoreflect.FieldDescriptor, v protoreflect.Value) {
	switch fd.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		s.message(b, v.Message())
	case protoreflect.StringKind:
		if secret(fd) {
			fmt.Fprintf(b, "<secret of %d bytes>", len(v.String()))
			return
		}
		fmt.Fprintf(b, "%q", s.plain(v.String()))
	case protoreflect.BytesKind:
		fmt.Fprintf(b, "<%d bytes>", len(v.Bytes()))
	case protoreflect.EnumKind:
		fmt.Fprintf(b, "%d", v.Enum())
		if named := fd.Enum().Values().ByNumber(v.Enum()); named != nil {
			fmt.Fprintf(b, " %s", named.Name())
		}
	default:
		fmt.Fprint(b, v.Interface())
	}
}

// secret says that the contract hides the field from logs.
func secret(fd protoreflect.FieldDescriptor) bool {
	options, ok := fd.Options().(*descriptorpb.FieldOptions)
	return ok && options.GetDebugRedact()
}

// named are ids: att_…, or a request's.
var named = regexp.MustCompile(`\b([a-z]{2,4}_)?[0-9A-Za-z]{20,}\b`)

// plain is a text without the address that it is about, and without ids.
func (s seen) plain(text string) string {
	text = strings.ReplaceAll(text, s.address, "<the address>")
	return named.ReplaceAllStringFunc(text, func(id string) string {
		kind, _, found := strings.Cut(id, "_")
		if !found {
			kind = "id"
		}
		return fmt.Sprintf("<%s of %d bytes>", kind, len(id))
	})
}
