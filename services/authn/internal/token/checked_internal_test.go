package token

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/secret"
)

func TestRememberedTokensAreBounded(t *testing.T) {
	c := newChecked()
	for i := range maxChecked + 100 {
		c.put(secret.Hash(secret.Wrap(strconv.Itoa(i))), Claims{ID: strconv.Itoa(i)})
	}
	if len(c.claims) > maxChecked {
		t.Errorf("%d tokens are remembered, want %d at most", len(c.claims), maxChecked)
	}
	last := strconv.Itoa(maxChecked + 99)
	got, ok := c.get(secret.Hash(secret.Wrap(last)))
	if diff := cmp.Diff(Claims{ID: last}, got); diff != "" || !ok {
		t.Errorf("the last: found %t (-want +got):\n%s", ok, diff)
	}
}
