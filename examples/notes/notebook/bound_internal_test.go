package notebook

import (
	"errors"
	"fmt"
	"testing"
)

func TestUsersAreBounded(t *testing.T) {
	book, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for i := range MaxUsers {
		if err := book.add(fmt.Sprint("usr_", i), "x"); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.add("usr_late", "x"); !errors.Is(err, errUsersFull) {
		t.Errorf("a user more than there is room for: %v", err)
	}
	if err := book.add("usr_0", "y"); err != nil {
		t.Errorf("a user who was there before: %v", err)
	}
}
