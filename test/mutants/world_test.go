package mutants_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wasmflow/wasmflow/internal/devbroker"
	"github.com/wasmflow/wasmflow/test/chaos"
)

// patience is far above what any scenario takes.
const patience = time.Minute

const group = "g"

// world is a broker, a proxy before it, and the runners that a scenario starts.
type world struct {
	t        *testing.T
	ctx      context.Context
	broker   *devbroker.Broker
	proxy    *chaos.Proxy
	topics   chaos.Topics
	program  string
	settings chaos.Settings
	feed     *chaos.Feed
	found    chaos.Findings // by the scenario itself
}

func (l *lab) world(t *testing.T, program string, m mutant) *world {
	t.Helper()
	topics := chaos.Topics{Input: "in", A: "a", B: "b", Dead: "dead"}
	b, err := devbroker.Start(devbroker.Options{Topics: map[string]int32{topics.Input: max(1, m.partitions), topics.A: 1, topics.B: 1, topics.Dead: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	p := chaos.NewProxy()
	t.Cleanup(p.Close)
	doors, err := p.Fronts(b.Addrs())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	w := &world{
		t: t, ctx: ctx, broker: b, proxy: p, topics: topics, program: program,
		settings: chaos.Settings{
			Brokers: b.Addrs(), Dial: doors, Client: "mutant", Group: group, Instance: "a", Workers: 1, MaxRecords: 10, MaxGuestTime: m.maxGuestTime,
			Input: topics.Input, A: topics.A, B: topics.B, Dead: topics.Dead, Module: l.module, Cache: l.cache,
		},
	}
	w.feed = &chaos.Feed{Brokers: b.Addrs(), Topic: topics.Input, Keys: 8, Random: source()}
	t.Cleanup(w.feed.Close)
	return w
}

// write writes n records, every poison-th of which is poison.
func (w *world) write(n, poison int) {
	w.t.Helper()
	w.feed.Poison = poison
	if err := w.feed.Write(w.ctx, n); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) inject(f devbroker.Fault) { w.broker.Inject(f) }

// launch starts a runner; its events go to tell.
func (w *world) launch(once bool, tell func(chaos.Event)) *chaos.Child {
	w.t.Helper()
	s := w.settings
	s.Once = once
	c, err := chaos.Launch(w.program, s, tell)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.End)
	return c
}

// once runs a host to the end of the input.
func (w *world) once() {
	w.t.Helper()
	if err := w.launch(true, func(chaos.Event) {}).Wait(w.ctx); err != nil {
		w.t.Fatal(err)
	}
}

// killed runs a host until it sends the nth request of a kind, and kills it there.
func (w *world) killed(key kmsg.Key, nth int64, act chaos.Act) {
	w.t.Helper()
	var c atomic.Pointer[chaos.Child]
	started := make(chan struct{})
	rule := w.proxy.Add(&chaos.Rule{Key: key, Act: act, After: int(nth) - 1, Then: func() { <-started; c.Load().Kill() }})
	c.Store(w.launch(false, func(chaos.Event) {}))
	close(started)
	select {
	case <-rule.Hit():
	case <-w.ctx.Done():
		w.t.Fatalf("no %s came", key.Name())
	}
	_ = c.Load().Wait(w.ctx)
	if !c.Load().Killed() {
		w.t.Fatal("the host was not killed")
	}
}

// until runs a host until something is so, and lets it drain.
func (w *world) until(so func() bool) {
	w.t.Helper()
	c := w.launch(false, func(chaos.Event) {})
	if !so() {
		w.t.Fatal("what the scenario waits for did not come")
	}
	if err := c.Drain(w.ctx); err != nil {
		w.t.Fatal(err)
	}
}

// seen waits until the outputs have so many records.
func (w *world) seen(n int) bool {
	w.t.Helper()
	watch, err := chaos.Watch(w.broker.Addrs(), w.topics.A, w.topics.B, w.topics.Dead)
	if err != nil {
		w.t.Fatal(err)
	}
	defer watch.Close()
	return watch.Wait(w.ctx, n) == nil
}

// onceOrCommit runs a host to the end of the input, or until it has committed records, of which there should be none.
func (w *world) onceOrCommit() {
	w.t.Helper()
	done := make(chan struct{}, 1)
	c := w.launch(true, func(e chaos.Event) {
		if e.Kind == "end" || e.Kind == "commit" && e.In > 0 {
			select {
			case done <- struct{}{}:
			default:
			}
		}
	})
	select {
	case <-done:
	case <-w.ctx.Done():
		w.t.Fatal("the host does nothing")
	}
	c.End()
}

// recovers runs a host after another was killed between its offsets and the end of the transaction. It must fence that one off
// before it asks for offsets, which are not stable until then; the first request of both decides.
func (w *world) recovers() {
	w.t.Helper()
	first := make(chan string, 1)
	note := func(name string, pick func(kmsg.Request) bool) devbroker.Fault {
		return devbroker.Fault{Keys: []kmsg.Key{kmsg.InitProducerID, kmsg.OffsetFetch}, Observe: true, Count: -1, When: func(r kmsg.Request) bool {
			if pick(r) {
				select {
				case first <- name:
				default:
				}
			}
			return false
		}}
	}
	w.inject(note("id", func(r kmsg.Request) bool { _, ok := r.(*kmsg.InitProducerIDRequest); return ok }))
	w.inject(note("offsets", func(r kmsg.Request) bool { // of a member: tools ask too
		fetch, ok := r.(*kmsg.OffsetFetchRequest)
		return ok && len(fetch.Groups) > 0 && fetch.Groups[0].MemberID != nil
	}))
	c := w.launch(true, func(chaos.Event) {})
	select {
	case name := <-first:
		if name != "id" {
			w.found.Find(chaos.Recovery, "offsets were asked for first")
			c.End()
			return
		}
	case <-w.ctx.Done():
		w.t.Fatal("the host asks for nothing")
	}
	if err := c.Wait(w.ctx); err != nil {
		w.t.Fatal(err)
	}
}
