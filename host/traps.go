package host

import (
	"errors"
	"maps"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wasmflow/wasmflow/host/guest"
)

// traps counts those of one transform by kind, over all workers. A nil one counts nothing.
type traps struct {
	mu    sync.Mutex
	kinds map[guest.TrapKind]uint64
}

// saw counts err where it is a trap.
func (t *traps) saw(err error) {
	var trap *guest.TrapError
	if t == nil || !errors.As(err, &trap) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds == nil {
		t.kinds = map[guest.TrapKind]uint64{}
	}
	t.kinds[trap.Kind]++
}

func (t *traps) counts() map[guest.TrapKind]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.kinds)
}

// transformMetric is a counter of each transform, made of what Status tells.
type transformMetric struct {
	desc    *prometheus.Desc
	collect func(desc *prometheus.Desc, ch chan<- prometheus.Metric)
}

// Describe sends what Collect collects.
func (m *transformMetric) Describe(ch chan<- *prometheus.Desc) { ch <- m.desc }

// Collect sends the counters as they are.
func (m *transformMetric) Collect(ch chan<- prometheus.Metric) { m.collect(m.desc, ch) }

// transformMetrics are those of h's transforms.
func transformMetrics(h *Host) []prometheus.Collector {
	fuel := func(desc *prometheus.Desc, ch chan<- prometheus.Metric) {
		for i := range h.modules {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(h.fuel[i].Load()), h.cfg.Transforms[i].Name)
		}
	}
	traps := func(desc *prometheus.Desc, ch chan<- prometheus.Metric) {
		for i := range h.modules {
			for kind, n := range h.traps[i].counts() {
				ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), h.cfg.Transforms[i].Name, string(kind))
			}
		}
	}
	return []prometheus.Collector{
		&transformMetric{prometheus.NewDesc("wasmflow_fuel_total", "Fuel that the calls of a transform used, those of aborted transactions too.",
			[]string{"transform"}, nil), fuel},
		&transformMetric{prometheus.NewDesc("wasmflow_traps_total", "Calls of a transform that ended in a trap, by kind, starts included.",
			[]string{"transform", "kind"}, nil), traps},
	}
}
