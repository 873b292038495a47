package outboxtest_test

import (
	"testing"

	"github.com/doorward/doorward/internal/outbox/outboxtest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	outboxtest.Run(t, func(*testing.T) outboxtest.Store { return outboxtest.NewMemory() })
}
