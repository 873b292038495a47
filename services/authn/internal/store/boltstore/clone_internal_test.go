package boltstore

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/services/authn/internal/store/storetest"
)

// TestClonesShareNothing holds for the fields of today's records and for those to come: the samples fill every field.
func TestClonesShareNothing(t *testing.T) {
	samples := storetest.Samples()
	user, session := samples.User, samples.Session
	if diff := cmp.Diff(user, cloneUser(user)); diff != "" {
		t.Errorf("a user's clone (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(session, cloneSession(session)); diff != "" {
		t.Errorf("a session's clone (-want +got):\n%s", diff)
	}
	apart(t, "user", reflect.ValueOf(user), reflect.ValueOf(cloneUser(user)))
	apart(t, "session", reflect.ValueOf(session), reflect.ValueOf(cloneSession(session)))
	apart(t, "application", reflect.ValueOf(samples.Application), reflect.ValueOf(samples.Application))
}

// apart fails when a and b reach the same memory. Texts and moments can't be changed through a copy.
func apart(t *testing.T, name string, a, b reflect.Value) {
	t.Helper()
	switch a.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if a.UnsafePointer() == b.UnsafePointer() {
			t.Errorf("%s is shared", name)
		}
		if a.Kind() == reflect.Pointer {
			apart(t, name, a.Elem(), b.Elem())
		}
		if a.Kind() == reflect.Slice {
			apart(t, name, a.Index(0), b.Index(0))
		}
	case reflect.Struct:
		if a.Type().PkgPath() == "time" {
			return
		}
		for i := range a.NumField() {
			apart(t, name+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
		}
	}
}
