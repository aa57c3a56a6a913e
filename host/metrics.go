package host

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wasmflow/wasmflow/host/guest"
)

// metrics of one pipeline. A nil one counts nothing.
type metrics struct {
	registry   prometheus.Registerer
	onError    OnError
	collectors []prometheus.Collector

	commits  prometheus.Counter
	aborts   *prometheus.CounterVec
	duration prometheus.Histogram
	in       prometheus.Counter
	out      prometheus.Counter
	dropped  prometheus.Counter
	guilty   *prometheus.CounterVec
}

// newMetrics registers them with the label pipeline; nothing is registered where there is no registry.
func newMetrics(registry prometheus.Registerer, h *Host) (*metrics, error) {
	if registry == nil {
		return nil, nil
	}
	m := &metrics{registry: prometheus.WrapRegistererWith(prometheus.Labels{"pipeline": h.cfg.Name}, registry), onError: h.cfg.Errors.OnError}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		m.collectors = append(m.collectors, c)
		return c
	}
	m.commits = counter("kafka_tx_commits_total", "Transactions that were committed.")
	m.aborts = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kafka_tx_aborts_total", Help: "Transactions that were aborted, by reason."}, []string{"reason"})
	m.duration = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "kafka_tx_duration_seconds", Help: "Time from the first poll of a transaction to its end.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
	})
	m.in = counter("wasmflow_records_in_total", "Records of committed transactions that were read.")
	m.out = counter("wasmflow_records_out_total", "Records of committed transactions that were produced.")
	m.dropped = counter("wasmflow_records_dropped_total", "Records of committed transactions that a transform dropped.")
	m.guilty = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wasmflow_records_guilty_total",
		Help: "Records of committed transactions that no transform or no output topic took, by transform, kind of the error and what on_error did.",
	}, []string{"transform", "kind", "on_error"})
	m.collectors = append(m.collectors, m.guilty, m.aborts, m.duration,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "wasmflow_lag_records", Help: "Offsets from the committed ones to the last stable ones, over the assigned partitions."}, h.lag),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "wasmflow_sessions", Help: "Workers that have a session."}, func() float64 { return float64(h.counters.live.Load()) }))
	m.collectors = append(m.collectors, transformMetrics(h)...)
	for _, c := range m.collectors {
		if err := m.registry.Register(c); err != nil {
			m.unregister()
			return nil, fmt.Errorf("register the metrics of pipeline %q: %w", h.cfg.Name, err)
		}
	}
	return m, nil
}

func (m *metrics) unregister() {
	for _, c := range m.collectors {
		m.registry.Unregister(c)
	}
}

func (m *metrics) committed(t *transaction) {
	if m == nil {
		return
	}
	m.commits.Inc()
	m.duration.Observe(t.ended.Sub(t.started).Seconds())
	m.in.Add(float64(t.in))
	m.out.Add(float64(len(t.out)))
	m.dropped.Add(float64(t.dropped))
	for i := range t.verdicts {
		v := &t.verdicts[i]
		m.guilty.WithLabelValues(v.transform, v.kind(), string(m.onError)).Inc()
	}
}

func (m *metrics) aborted(t *transaction, cause error) {
	if m == nil {
		return
	}
	m.aborts.WithLabelValues(reason(cause)).Inc()
	m.duration.Observe(t.ended.Sub(t.started).Seconds())
}

// reason is the label of an abort: one of a few words.
func reason(cause error) string {
	var trap *guest.TrapError
	var refused *RefusedError
	var produce *produceError
	var breaker *breakerError
	switch {
	case errors.As(cause, &breaker):
		return "breaker"
	case errors.As(cause, &trap):
		return "trap"
	case errors.As(cause, &refused):
		return "refused"
	case errors.Is(cause, errRebalanced):
		return "rebalance"
	case errors.Is(cause, errGuestTime):
		return "guest_time"
	case errors.Is(cause, errFanOut):
		return "fan_out"
	case errors.As(cause, &produce), isRecordFault(cause):
		return "produce"
	default:
		return "other"
	}
}

func (h *Host) lag() float64 {
	sum := int64(0)
	for _, p := range h.Status().Partitions {
		sum += max(0, p.Lag)
	}
	return float64(sum)
}
