package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// fleet is the hosts of a storm, by the name of their instance. It starts again what ends by itself, as an orchestrator would.
type fleet struct {
	program  string
	settings Settings // of every host, but for its name
	lenient  bool     // Storm.LateDrains
	history  *history

	mu       sync.Mutex
	hosts    map[string]*Child
	all      []*Child         // that were ever started
	sessions map[*Child]int64 // that each threw away
	working  map[*Child]bool  // those that have got partitions
	counters
	closing bool
	watch   sync.WaitGroup
}

// counters are what the hosts told.
type counters struct {
	Records, Commits, Aborts, Letters, Exits, Late int
	causes                                         map[string]int
}

func newFleet(program string, s Settings, h *history) *fleet {
	return &fleet{program: program, settings: s, history: h, hosts: map[string]*Child{}, sessions: map[*Child]int64{}, working: map[*Child]bool{}, counters: counters{causes: map[string]int{}}}
}

// start starts a host; one of this name must not be running.
func (f *fleet) start(name string) (*Child, error) {
	s := f.settings
	s.Instance, s.Client = name, name
	var c *Child
	ready := make(chan struct{})
	c, err := Launch(f.program, s, func(e Event) {
		<-ready
		f.told(c, e)
	})
	if err != nil {
		return nil, err
	}
	close(ready)
	f.mu.Lock()
	f.all = append(f.all, c)
	closing := f.closing
	if !closing {
		f.hosts[name] = c
		f.watch.Go(func() { f.supervise(name, c) })
	}
	f.mu.Unlock()
	if closing {
		c.End()
	}
	return c, nil
}

func (f *fleet) told(c *Child, e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions[c] = max(f.sessions[c], e.Sessions)
	switch e.Kind {
	case "assigned":
		f.working[c] = true
	case "commit":
		f.Commits++
		f.Records += e.In
		f.Letters += e.Guilty
	case "abort":
		f.Aborts++
		f.causes[e.Err]++
	}
}

// supervise starts a host again that ended by itself.
func (f *fleet) supervise(name string, c *Child) {
	<-c.done
	if c.expected.Load() {
		return
	}
	f.history.add("host %s ended by itself: %s", name, explain(c.cmd, c.err, &c.said))
	pause := time.NewTimer(500 * time.Millisecond)
	defer pause.Stop()
	<-pause.C
	f.mu.Lock()
	f.Exits++
	again := !f.closing && f.hosts[name] == c
	f.mu.Unlock()
	if !again {
		return
	}
	if _, err := f.start(name); err != nil {
		f.history.add("host %s does not start: %v", name, err)
	}
}

// running lists the names of the hosts.
func (f *fleet) running() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.hosts))
}

// alive waits until a host runs that has ended by itself.
func (f *fleet) alive(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return await(ctx, "host "+name+" is started again", func(context.Context) (bool, error) { return !f.get(name).Ended(), nil })
}

func (f *fleet) get(name string) *Child {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hosts[name]
}

// works waits until a host has got partitions.
func (f *fleet) works(ctx context.Context, c *Child) error {
	return await(ctx, "the host works", func(context.Context) (bool, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.working[c], nil
	})
}

// forget takes a host out that does not come back.
func (f *fleet) forget(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.hosts, name)
}

// drainOne asks a host to end. One that runs out of the time for its drain says so, exits 1 and leaves its transaction to the
// broker: that breaks no promise, but is an error unless the storm allows it.
func (f *fleet) drainOne(ctx context.Context, c *Child) error {
	err := c.Drain(ctx)
	if err == nil || !f.lenient || !strings.Contains(err.Error(), "the open transactions did not end within") {
		return err
	}
	f.history.add("late drain: %v", err)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Late++
	return nil
}

// drain asks all hosts to end, and wants each to do so well.
func (f *fleet) drain(ctx context.Context) error {
	f.mu.Lock()
	f.closing = true
	hosts := maps.Clone(f.hosts)
	f.mu.Unlock()
	errs := make([]error, 0, len(hosts))
	for name, c := range hosts {
		if c.Ended() { // by itself: the history says why
			continue
		}
		if err := f.drainOne(ctx, c); err != nil {
			errs = append(errs, fmt.Errorf("drain host %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// end ends whatever runs.
func (f *fleet) end() {
	f.mu.Lock()
	f.closing = true
	all := slices.Clone(f.all)
	f.mu.Unlock()
	for _, c := range all {
		c.End()
	}
	f.watch.Wait()
}

// tally is what was told so far.
func (f *fleet) tally() (c counters, sessions int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.sessions {
		sessions += n
	}
	c = f.counters
	c.causes = maps.Clone(c.causes)
	return c, sessions
}

// history is what happened, with the time since the beginning.
type history struct {
	began time.Time
	tell  func(string)

	mu    sync.Mutex
	lines []string
}

func (h *history) add(format string, args ...any) {
	text := fmt.Sprintf("%6.1fs ", time.Since(h.began).Seconds()) + fmt.Sprintf(format, args...)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, text)
	if h.tell != nil {
		h.tell(text)
	}
}
