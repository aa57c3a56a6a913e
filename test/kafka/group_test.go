package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/test/load"
)

// members counts the members of a group, those too that wait to join.
func members(ctx context.Context, adm *kadm.Client, group string, protocol host.GroupProtocol) int {
	if protocol == host.GroupConsumer {
		described, err := adm.DescribeConsumerGroups(ctx, group)
		if err != nil {
			return 0
		}
		return len(described[group].Members)
	}
	described, err := adm.DescribeGroups(ctx, group)
	if err != nil {
		return 0
	}
	return len(described[group].Members)
}

// drained says whether the group has committed everything in the topic.
func drained(ctx context.Context, adm *kadm.Client, group, topic string) bool {
	ends, err := adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return false
	}
	committed, err := adm.FetchOffsets(ctx, group)
	if err != nil {
		return false
	}
	all := true
	ends.Each(func(end kadm.ListedOffset) {
		at, ok := committed.Lookup(end.Topic, end.Partition)
		all = all && (end.Offset == 0 || ok && at.At == end.Offset)
	})
	return all
}

// running is a host that runs in the background.
type running struct {
	stop  context.CancelFunc
	ended chan error
}

func start(t testing.TB, cfg host.Config) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h, err := host.New(ctx, cfg)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	r := &running{stop: cancel, ended: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ended <- h.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if err := h.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return r
}

// end stops the host and holds that it ended well.
func (r *running) end(t testing.TB) {
	t.Helper()
	r.stop()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Errorf("the host ended with: %v", err)
		}
	case <-load.Within(t).Done():
		t.Errorf("the host did not end within %v", load.Patience)
	}
}

// fails waits until the host has ended by itself, and gives the error.
func (r *running) fails(t testing.TB) error {
	t.Helper()
	select {
	case err := <-r.ended:
		if err == nil {
			t.Fatal("the host ended without an error")
		}
		return err
	case <-load.Within(t).Done():
		t.Fatalf("the host did not end within %v", load.Patience)
		return nil
	}
}

// TestJoinDuringLongCall holds that a host which joins while another is in a long call costs nothing and loses nothing: the
// batch in hand is either committed, or aborted and taken again by whoever owns the partition then.
func TestJoinDuringLongCall(t *testing.T) {
	for _, protocol := range []host.GroupProtocol{host.GroupClassic, host.GroupConsumer} {
		t.Run(string(protocol), func(t *testing.T) {
			in, out := topic(t, "in", 4), topic(t, "out", 4)
			const n = 40_000
			fill(t, in, 0, n/2)
			entered, release := make(chan struct{}), make(chan struct{})
			first := true
			slow := pipeline(t, in, out, guest.Config{Name: "upper", Native: func(ctx context.Context, env guest.Env, batch abi.Batch) (abi.Result, error) {
				if first {
					first = false
					close(entered)
					<-release
				}
				return upper(ctx, env, batch)
			}})
			slow.GroupProtocol, slow.Once, slow.Instance, slow.Workers, slow.MaxRecords = protocol, false, "slow", 1, 5_000
			quick := slow
			quick.Instance = "quick"
			quick.Transforms = []guest.Config{{Name: "upper", Native: upper}}

			a := start(t, slow)
			load.Await(t, "the first call", func(context.Context) bool {
				select {
				case <-entered:
					return true
				case err := <-a.ended:
					t.Fatalf("the first host ended: %v", err)
				default:
				}
				return false
			})
			b := start(t, quick)
			adm := admin(t)
			load.Await(t, "the join", func(ctx context.Context) bool { return members(ctx, adm, slow.Group, protocol) == 2 })
			fill(t, in, n/2, n)
			close(release)
			load.Await(t, "the end of the input", func(ctx context.Context) bool { return drained(ctx, adm, slow.Group, in) })
			a.end(t)
			b.end(t)
			verifyUpper(t, out, n)
			verifyLag(t, slow.Group, in)
		})
	}
}

// TestHostsComeAndGo holds that nothing is lost or doubled while hosts join, leave and come back under load.
func TestHostsComeAndGo(t *testing.T) {
	for _, protocol := range []host.GroupProtocol{host.GroupClassic, host.GroupConsumer} {
		t.Run(string(protocol), func(t *testing.T) {
			in, out := topic(t, "in", 4), topic(t, "out", 4)
			const n, rounds = 60_000, 4
			cfg := pipeline(t, in, out, guest.Config{Name: "upper", Native: upper})
			cfg.GroupProtocol, cfg.Once, cfg.MaxRecords = protocol, false, 500
			stays, comes := cfg, cfg
			stays.Instance, comes.Instance = "stays", "comes"
			adm := admin(t)
			a := start(t, stays)
			for round := range rounds {
				b := start(t, comes)
				fill(t, in, round*n/rounds, (round+1)*n/rounds)
				load.Await(t, "the end of the input", func(ctx context.Context) bool { return drained(ctx, adm, cfg.Group, in) })
				b.end(t)
			}
			a.end(t)
			verifyUpper(t, out, n)
			verifyLag(t, cfg.Group, in)
		})
	}
}

// TestOneNameTwice holds that two hosts with one instance name, which take the slot from each other, neither lose nor double a
// record: each goes on, or stops as fenced.
func TestOneNameTwice(t *testing.T) {
	in, out := topic(t, "in", 4), topic(t, "out", 4)
	const n, rounds = 40_000, 4
	cfg := pipeline(t, in, out, guest.Config{Name: "upper", Native: upper})
	cfg.Once, cfg.MaxRecords = false, 500
	adm := admin(t)
	hosts := []*running{start(t, cfg), start(t, cfg)}
	stopped := 0
	for round := range rounds {
		fill(t, in, round*n/rounds, (round+1)*n/rounds)
		load.Await(t, "the end of the input, or of both hosts", func(ctx context.Context) bool {
			for _, r := range hosts {
				select {
				case err := <-r.ended:
					if !errors.Is(err, host.ErrFenced) {
						t.Fatalf("a host ended with error %v, want one that wraps ErrFenced", err)
					}
					stopped++
				default:
				}
			}
			return stopped == len(hosts) || drained(ctx, adm, cfg.Group, in)
		})
	}
	t.Logf("%d of the hosts stopped", stopped)
	for _, r := range hosts {
		r.stop()
	}
	cfg.Once = true // for what is left where both have stopped
	if err := pipe(t, cfg); err != nil {
		t.Fatal(err)
	}
	verifyUpper(t, out, n)
	verifyLag(t, cfg.Group, in)
}

// TestScale holds that a pipeline which grows from one host to five, and shrinks to one again, under load, loses and doubles nothing,
// and that the work is shared.
func TestScale(t *testing.T) {
	for _, protocol := range []host.GroupProtocol{host.GroupClassic, host.GroupConsumer} {
		t.Run(string(protocol), func(t *testing.T) {
			in, out := topic(t, "in", 10), topic(t, "out", 10)
			const hosts, each = 5, 20_000
			cfg := pipeline(t, in, out, guest.Config{Name: "upper", Native: upper})
			cfg.GroupProtocol, cfg.Once, cfg.MaxRecords, cfg.Leave, cfg.Workers = protocol, false, 500, host.LeaveAlways, 1
			adm := admin(t)
			var mu sync.Mutex
			worked := map[int]int{}
			var fleet []*running
			n := 0
			more := func() {
				fill(t, in, n, n+each)
				n += each
				load.Await(t, "the end of the input", func(ctx context.Context) bool { return drained(ctx, adm, cfg.Group, in) })
			}
			for i := range hosts {
				one := cfg
				one.Instance = fmt.Sprint(i)
				one.Hooks.Committed = func(txn host.Transaction) { mu.Lock(); worked[i] += txn.In; mu.Unlock() }
				fleet = append(fleet, start(t, one))
				more()
			}
			load.Await(t, "five members", func(ctx context.Context) bool { return members(ctx, adm, cfg.Group, protocol) == hosts })
			more() // by all of them
			for i := hosts - 1; i > 0; i-- {
				fleet[i].end(t)
				more()
			}
			fleet[0].end(t)
			verifyUpper(t, out, n)
			verifyLag(t, cfg.Group, in)
			mu.Lock()
			defer mu.Unlock()
			if len(worked) != hosts {
				t.Errorf("records by host: %v, want %d hosts that worked", worked, hosts)
			}
		})
	}
}
