package api

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// Each field of the policy is in the contract, under its name in a policy file, and comes back as it went.
func TestThePolicyIsWholeInTheContract(t *testing.T) {
	inContract := (&authnv1.Policy{}).ProtoReflect().Descriptor().Fields()
	fields := reflect.TypeFor[tuning.Policy]()
	if inContract.Len() != fields.NumField() {
		t.Errorf("the contract has %d fields, the policy %d", inContract.Len(), fields.NumField())
	}
	for i := range fields.NumField() {
		name := fields.Field(i).Tag.Get("json")
		if string(inContract.Get(i).Name()) != name {
			t.Errorf("field %d is %s in the contract and %s in the policy", i, inContract.Get(i).Name(), name)
		}
		var p tuning.Policy
		switch field := reflect.ValueOf(&p).Elem().Field(i); field.Kind() {
		case reflect.Int, reflect.Int64:
			field.SetInt(7_000_000_000 % (1 << 31))
		case reflect.Bool:
			field.SetBool(true)
		case reflect.String: // with a word that is known to it; what isn't goes nowhere
			field.Set(reflect.ValueOf(tuning.Default()).Field(i))
		default:
			field.Set(reflect.ValueOf([]string{"acme"}))
		}
		if diff := cmp.Diff(p, policyOf(policyMessage(&p))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
