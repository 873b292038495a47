package inbox

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestMailboxForgetsTheOldest(t *testing.T) {
	box := newMailbox()
	for i := range maxMessages + 3 {
		box.add(Message{Subject: fmt.Sprint(i)})
	}
	kept := box.list()
	if len(kept) != maxMessages || kept[0].ID != 4 || kept[len(kept)-1].ID != maxMessages+3 {
		t.Errorf("kept %d, from %d to %d", len(kept), kept[0].ID, kept[len(kept)-1].ID)
	}
	if _, ok := box.get(3); ok {
		t.Error("a forgotten message is found")
	}
	if got, ok := box.get(4); !ok || got.Subject != "3" {
		t.Errorf("get(4) = %+v, %t", got, ok)
	}
}

func TestMailboxIsBoundedInBytes(t *testing.T) {
	box := newMailbox()
	big := strings.Repeat("x", maxStoredBytes/4)
	for range 6 {
		box.add(Message{Text: big})
	}
	if kept := box.list(); len(kept) != 4 || box.bytes != 4*len(big) {
		t.Errorf("kept %d messages, %d bytes counted", len(kept), box.bytes)
	}
	box.add(Message{Text: strings.Repeat("x", maxStoredBytes+1)})
	if kept := box.list(); len(kept) != 1 {
		t.Errorf("kept %d, want the newest alone", len(kept))
	}
}

func TestMailboxNumbersOnceEach(t *testing.T) {
	box := newMailbox()
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 50 {
				box.add(Message{})
			}
		})
	}
	writers.Wait()
	for i, message := range box.list() {
		if message.ID != i+1 {
			t.Fatalf("message %d has id %d", i, message.ID)
		}
	}
}
