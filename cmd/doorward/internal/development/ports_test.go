package development

import "testing"

func TestPortsCountFromTheBase(t *testing.T) {
	if got := (Ports{Base: 7500}).address(portNATS); got != "127.0.0.1:7507" {
		t.Errorf("NATS is at %s", got)
	}
	if got := (Ports{}).address(portNATS); got != "127.0.0.1:0" {
		t.Errorf("with any port NATS is at %s", got)
	}
	for base, good := range map[int]bool{-1: false, 0: true, DefaultBase: true, 65528: true, 65529: false, 1 << 20: false} {
		if err := (Ports{Base: base}).Validate(); (err == nil) != good {
			t.Errorf("base %d: %v", base, err)
		}
	}
}
