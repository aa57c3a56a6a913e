package hostile_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/devbroker"
	"github.com/wasmflow/wasmflow/test/load"
)

// What `make bench-guest` holds the sandbox to.
const (
	deadline   = 100 * time.Millisecond
	mostToKill = 110 * time.Millisecond
	mostToGC   = 50 * time.Millisecond
	leastRate  = 0.8
)

// spinners are an endless loop and an exponential recursion as one writes them by hand, and as compilers of Rust and Go do.
var spinners = []struct{ name, module, do string }{
	{"wat/loop", "spin_loop", ""},
	{"wat/exponential", "spin_exponential", ""},
	{"rust/loop", "hostile-rust", "loop"},
	{"rust/exponential", "hostile-rust", "exponential"},
	{"go/loop", "hostile-go", "loop"},
	{"go/exponential", "hostile-go", "exponential"},
}

// BenchmarkKill measures how long a call takes that would never return, under a timeout of 100 ms, and how long a collection takes
// that another goroutine asks for meanwhile: the worst of each.
func BenchmarkKill(b *testing.B) {
	for _, s := range spinners {
		b.Run(s.name, func(b *testing.B) {
			m := loaded(b, nil, s.module, guest.Limits{Timeout: deadline})
			var killed, collected time.Duration
			kills := 0
			for b.Loop() {
				i := instance(b, m)
				ended := make(chan error)
				began := time.Now()
				go func() {
					_, err := i.Transform(b.Context(), guest.Env{}, told(s.do))
					killed = max(killed, time.Since(began))
					ended <- err
				}()
				collected = max(collected, collect(ended, func(err error) {
					if trap := trapOf(b, err); trap.Kind != guest.TrapDeadline {
						b.Fatal(err)
					}
				}))
				kills++
			}
			b.ReportMetric(float64(killed.Microseconds())/1e3, "ms-kill-max")
			b.ReportMetric(float64(collected.Microseconds())/1e3, "ms-gc-max")
			b.ReportMetric(float64(kills), "kills")
			b.ReportMetric(0, "ns/op")
			if killed > mostToKill || collected > mostToGC {
				b.Errorf("killed within %v (%v allowed), collected within %v (%v)", killed, mostToKill, collected, mostToGC)
			}
		})
	}
}

// collect runs the collector again and again until a call has ended, and says how long the slowest took.
func collect(ended <-chan error, with func(error)) (slowest time.Duration) {
	for {
		select {
		case err := <-ended:
			with(err)
			return slowest
		default:
			began := time.Now()
			runtime.GC()
			slowest = max(slowest, time.Since(began))
		}
	}
}

// BenchmarkLongCall has a guest compute for some seconds under a timeout of 20, and shows the calls of another one beside it: the
// slowest of a hundred, and when they are alone.
func BenchmarkLongCall(b *testing.B) {
	for _, name := range []string{"hostile-rust", "hostile-go"} {
		b.Run(name, func(b *testing.B) {
			long := loaded(b, nil, name, guest.Limits{Timeout: 20 * time.Second})
			other := instance(b, loaded(b, nil, "hostile-rust", guest.Limits{}))
			batch := told("hello")
			batch.Records = slices.Repeat(batch.Records, 1000)
			calls := func(until <-chan error) time.Duration {
				var took []time.Duration
				for {
					select {
					case err := <-until:
						if err != nil {
							b.Fatal(err)
						}
						slices.Sort(took)
						return took[len(took)*99/100]
					default:
						began := time.Now()
						if _, err := other.Transform(b.Context(), guest.Env{}, batch); err != nil {
							b.Fatal(err)
						}
						took = append(took, time.Since(began))
					}
				}
			}
			for b.Loop() {
				i := instance(b, long)
				ended := make(chan error)
				began := time.Now()
				var took time.Duration
				go func() {
					_, err := i.Transform(b.Context(), guest.Env{}, told("work"))
					took = time.Since(began)
					ended <- err
				}()
				beside := calls(ended)
				time.AfterFunc(2*time.Second, func() { ended <- nil })
				b.ReportMetric(took.Seconds(), "s/call")
				b.ReportMetric(float64(beside.Microseconds()), "us-beside-p99")
				b.ReportMetric(float64(calls(ended).Microseconds()), "us-alone-p99")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkNeighbours measures the rate of a pipeline alone, and for a minute beside eight whose guests misbehave. Each of these is
// started again when it ended, after a pause that doubles up to five seconds, as a supervisor does.
func BenchmarkNeighbours(b *testing.B) {
	for b.Loop() {
		alone, _ := rate(b, 20*time.Second, nil)
		beside, ended := rate(b, time.Minute, neighbours)
		b.ReportMetric(alone, "records/s-alone")
		b.ReportMetric(beside, "records/s-beside")
		b.ReportMetric(beside/alone, "beside/alone")
		b.ReportMetric(float64(ended), "traps")
		if beside/alone < leastRate {
			b.Errorf("%.2f of its rate is left, at least %.2f is wanted", beside/alone, leastRate)
		}
	}
	b.ReportMetric(0, "ns/op")
}

// rate is how many records a second a pipeline forwards from the embedded broker, whose producer never lets it wait, and how often
// the neighbours were ended. All that was read has come out.
func rate(b *testing.B, during time.Duration, beside []neighbour) (records float64, ended int) {
	b.Helper()
	broker, err := devbroker.Start(devbroker.Options{Topics: map[string]int32{"in": 4, "out": 4, "bait": 1, "nothing": 1}})
	if err != nil {
		b.Fatal(err)
	}
	defer broker.Close()
	addr := broker.Addrs()[0]
	load.Fill(b, addr, "bait", 0, 5)
	ctx, cancel := context.WithTimeout(b.Context(), during)
	defer cancel()
	good, stop := start(b, pipeline(b, addr, "in", "out", "identity", guest.Limits{}))
	var haunting sync.WaitGroup
	var mu sync.Mutex
	for _, n := range beside {
		n.limits.Timeout, n.late = deadline, true
		haunting.Go(func() {
			pause := 50 * time.Millisecond
			n.haunt(ctx, b, pipeline(b, addr, "bait", "nothing", n.module, n.limits), func() {
				mu.Lock()
				ended++
				mu.Unlock()
				select {
				case <-ctx.Done():
				case <-time.After(pause):
				}
				pause = min(2*pause, 5*time.Second)
			})
		})
	}
	producer := load.Client(b, addr, kgo.DefaultProduceTopic("in"))
	began, written := time.Now(), 0
	for ctx.Err() == nil {
		for range 20_000 {
			v := load.Value(written)
			producer.Produce(context.Background(), &kgo.Record{Key: v[:load.IDSize], Value: v}, nil)
			written++
		}
		if err := producer.Flush(load.Within(b)); err != nil {
			b.Fatal(err)
		}
		load.Await(b, "most of the input", func(context.Context) bool { return good.Status().In > int64(written-10_000) })
	}
	took := time.Since(began)
	haunting.Wait()
	load.Await(b, "the end of the input", func(context.Context) bool { return good.Status().In == int64(written) })
	if err := stop(); err != nil {
		b.Fatal(err)
	}
	if s := good.Status(); s.Out != int64(written) {
		b.Errorf("of %d records: %+v", written, s)
	}
	return float64(written) / took.Seconds(), ended
}
