package flow_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// millionLines is a file of a million entries, of ten: seven domains, two addresses and a network.
type millionLines struct {
	next int
	rest []byte
}

func (m *millionLines) Read(p []byte) (int, error) {
	const million = 1_000_000
	for len(m.rest) == 0 {
		i := m.next
		if m.next++; i == million {
			return 0, io.EOF
		}
		switch i % 10 {
		case 0, 1:
			m.rest = fmt.Appendf(nil, "person.%07d@mail%d.example\n", i, i%5000)
		case 2:
			m.rest = fmt.Appendf(nil, "10.%d.%d.%d\n", i>>16&255, i>>8&255, i&255)
		default:
			m.rest = fmt.Appendf(nil, "d%07d.example.com\n", i)
		}
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

// BenchmarkLists imports a million entries, reads them as a start does, and follows single changes.
func BenchmarkLists(b *testing.B) {
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	kept, logger := openStore(b), slog.New(slog.DiscardHandler)
	metrics, err := flow.NewMetrics(prometheus.NewRegistry())
	must(err)
	lists := flow.NewLists(kept, logger, metrics)
	use := flow.NewRestrictions(flow.Deps{
		Store: kept, Lists: lists, Now: time.Now, Policy: func(context.Context) tuning.Policy { return tuning.Default() },
	})
	began := time.Now()
	_, err = use.Import(b.Context(), operator, restriction.Block, &millionLines{}, "", func(flow.Imported) error { return nil })
	must(err)
	imported := time.Since(began)
	for b.Loop() {
		must(flow.NewLists(kept, logger, metrics).Refresh(b.Context()))
	}
	b.ReportMetric(imported.Seconds(), "import-s")
	const changes = 50
	began = time.Now()
	for i := range changes {
		_, _, err := use.Add(b.Context(), operator, restriction.Block, []string{fmt.Sprintf("new%d.example", i)}, "")
		must(err)
	}
	b.ReportMetric(time.Since(began).Seconds()*1000/changes, "change-ms")
}
