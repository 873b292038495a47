package flow_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// replica is another process over the same store.
func (w *world) replica() *flow.Lists {
	metrics := w.deps.Metrics
	return flow.NewLists(w.store, w.deps.Logger, metrics)
}

func TestAnotherReplicaFollows(t *testing.T) {
	w := newWorld(t)
	other := w.replica()
	has := func(entry string) bool {
		t.Helper()
		w.must(other.Refresh(t.Context()))
		index, err := other.Index(t.Context())
		w.must(err)
		e, err := restriction.ParseEntry(restriction.Block, entry)
		w.must(err)
		return index.Has(e)
	}
	if has("a.example") {
		t.Error("an entry that isn't there is found")
	}
	w.put(restriction.Block, "a.example")
	w.put(restriction.Block, "b.example")
	_, _, _, err := w.restrictions.Remove(t.Context(), operator, restriction.Block, []string{"a.example"}, "")
	w.must(err)
	if has("a.example") || !has("b.example") {
		t.Error("single changes aren't followed")
	}
	var file strings.Builder
	for i := range 1500 { // more than the store remembers
		fmt.Fprintf(&file, "d%d.example\n", i)
	}
	_, err = w.importFile(file.String())
	w.must(err)
	if !has("d1499.example") || !has("b.example") || has("a.example") {
		t.Error("an import isn't followed")
	}
}

func TestASignUpWaitsForTheFirstReadingAndNoLonger(t *testing.T) {
	w := newWorld(t)
	w.deps.Lists = w.replica()
	w.through(w.store)
	hasty, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.attempts.StartSignUp(hasty, w.app, w.laptop().client, ada, secret.Text{}); err == nil {
		t.Error("a sign-up begins without lists")
	}
	_, err := w.attempts.StartSignUp(t.Context(), w.app, w.laptop().client, ada, secret.Text{})
	expectFault(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
	watching, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.deps.Lists.Watch(watching)
	}()
	w.laptop().signUp(ada)
	stop()
	<-ended
}

// A store that can't be read leaves the lists as they were.
func TestListsStayWhenTheStoreCantBeRead(t *testing.T) {
	w := newWorld(t)
	w.put(restriction.Block, "blocked.example")
	broken := flow.NewLists(unreadable{}, w.deps.Logger, w.deps.Metrics)
	if err := broken.Refresh(t.Context()); err == nil {
		t.Error("a store that fails is read")
	}
	hasty, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.deps.Lists.Refresh(hasty); err == nil {
		t.Error("a refresh that is called off succeeds")
	}
	w.laptop().refused("any@blocked.example")
}

type unreadable struct{ store.Store }

func (unreadable) View(context.Context, func(store.Tx) error) error { return context.DeadlineExceeded }
