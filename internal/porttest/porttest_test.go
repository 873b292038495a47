package porttest_test

import (
	"net"
	"testing"

	"github.com/doorward/doorward/internal/porttest"
)

// What listens on a held port is the test's own affair; another test doesn't get the port meanwhile, whether anybody listens there or not.
func TestAHeldPortIsNobodyElses(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port := porttest.Hold(t)
		if seen[port] {
			t.Fatalf("port %d was given twice", port)
		}
		seen[port] = true
		var config net.ListenConfig
		for range 2 { // it comes back to its port
			l, err := config.Listen(t.Context(), "tcp", porttest.Address(port))
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// The system's own choices, for clients and for servers without a port, lie above 32,767, and with them a block would be taken by chance.
func TestBlocksLieBelowThePortsThatSystemsHandOut(t *testing.T) {
	base, release, err := porttest.Claim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := release(); err != nil {
			t.Error(err)
		}
	}()
	if base < 10_000 || base+11 >= 32_768 {
		t.Errorf("the base is %d", base)
	}
}
