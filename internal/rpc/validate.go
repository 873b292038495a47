package rpc

import (
	"context"
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// validateWith holds every request, and every message of a request stream, to the
// rules in its proto.
func validateWith(v protovalidate.Validator) func(context.Context, *call) error {
	check := func(message any) error { return validate(v, message) }
	return func(ctx context.Context, c *call) error {
		if c.stream != nil {
			c.stream.check = check
		} else if err := check(c.request); err != nil {
			return err
		}
		return c.next(ctx)
	}
}

func validate(v protovalidate.Validator, req any) error {
	msg, ok := req.(proto.Message)
	if !ok {
		return fmt.Errorf("rpc: a request of type %T can't be validated", req)
	}
	err := v.Validate(msg)
	if err == nil {
		return nil
	}
	var broken *protovalidate.ValidationError
	if !errors.As(err, &broken) {
		// The rules themselves don't work: our mistake, and nothing gets past it.
		return fmt.Errorf("rules of %s: %w", msg.ProtoReflect().Descriptor().FullName(), err)
	}
	return invalid(broken)
}

// maxViolations bounds the work of telling what is wrong: a request can hold
// thousands of bad elements, and its sender has seen enough long before.
const maxViolations = 32

// invalid takes the rule's own text, which never holds the value: a field that
// breaks a rule may well be a password.
func invalid(broken *protovalidate.ValidationError) error {
	f := fault.New(fault.Invalid, typev1.Reason_REASON_INVALID_FIELD,
		"Some fields of the request break their rules: correct those that BadRequest names.")
	for _, v := range broken.Violations[:min(len(broken.Violations), maxViolations)] {
		f = f.Field(protovalidate.FieldPathString(v.Proto.GetField()), v.Proto.GetMessage())
	}
	return f
}
