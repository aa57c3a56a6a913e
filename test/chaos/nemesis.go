package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Fault is a kind of what a nemesis does.
type Fault string

// Faults. Each counts when there is evidence of it: a process that ended by the signal, a member that the group has expelled, a
// request that was hit, a broker that was gone, a coordinator that is another one.
const (
	// Kill is a SIGKILL of a host at any moment; KillAt, one in place of a certain request of a transaction.
	Kill   Fault = "kill"
	KillAt Fault = "kill at a request"
	// Pause is a SIGSTOP until the group has expelled the host; Twin, one during which another host takes its slots, so that
	// there are two when it wakes.
	Pause Fault = "pause past the session"
	Twin  Fault = "two hosts with one name"
	// Term is a SIGTERM and a restart; Join and Leave change the number of hosts.
	Term  Fault = "term"
	Join  Fault = "join"
	Leave Fault = "leave"
	// Network faults hit requests of one kind from one host.
	CutLine   Fault = "cut"
	LostReply Fault = "cut in place of the answer"
	Slow      Fault = "delay"
	Hole      Fault = "blackhole"
	// Crash is a SIGKILL of a broker, and its restart; Move, another coordinator of the group.
	Crash Fault = "broker crash"
	Move  Fault = "coordinator move"
)

// Requests that faults pick from: those of a transaction, those of a host at work, and those of one that starts.
var (
	ofTransaction = []kmsg.Key{kmsg.EndTxn, kmsg.TxnOffsetCommit, kmsg.Produce}
	ofWork        = []kmsg.Key{kmsg.EndTxn, kmsg.TxnOffsetCommit, kmsg.Produce, kmsg.Fetch, kmsg.Heartbeat}
	ofStart       = []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.OffsetFetch, kmsg.InitProducerID, kmsg.Metadata, kmsg.FindCoordinator}
)

// names of the hosts that there may be.
var names = []string{"a", "b", "c"}

// nemesis does faults, one after the other.
type nemesis struct {
	*Storm
	random *rand.Rand
	deck   []Fault
	counts map[Fault]int
	failed []error // of faults that could not be undone
}

// next deals kinds from a shuffled deck of all of them, so that none is left out by chance.
func (n *nemesis) next() Fault {
	if len(n.deck) == 0 {
		n.deck = slices.Clone(n.Faults)
		n.random.Shuffle(len(n.deck), func(i, j int) { n.deck[i], n.deck[j] = n.deck[j], n.deck[i] })
	}
	f := n.deck[0]
	n.deck = n.deck[1:]
	return f
}

// one does the next fault, and counts it where there is evidence.
func (n *nemesis) one(ctx context.Context) {
	f := n.next()
	hosts := n.fleet.running()
	name := hosts[n.random.IntN(len(hosts))]
	chance := n.random.IntN(1000)
	if err := n.fleet.alive(ctx, name); err != nil {
		n.failed = append(n.failed, err)
		return
	}
	what, evidence, err := n.do(ctx, f, name, chance)
	switch {
	case err != nil:
		n.failed = append(n.failed, fmt.Errorf("%s: %w", f, err))
		n.history.add("%s: %s: FAILED: %v", f, what, err)
	case evidence:
		n.counts[f]++
		n.history.add("%s: %s", f, what)
	default:
		n.history.add("%s: %s: did not happen", f, what)
	}
}

// do does a fault to a host, and undoes it; chance is 0..999.
func (n *nemesis) do(ctx context.Context, f Fault, name string, chance int) (what string, evidence bool, err error) {
	c := n.fleet.get(name)
	after := time.Duration(chance) * time.Millisecond
	switch f {
	case Kill:
		c.Kill()
		killed := c.Killed()
		pause(ctx, after/2)
		_, err := n.fleet.start(name)
		return fmt.Sprintf("host %s, again after %v", name, after/2), killed, err
	case KillAt:
		act, key := []Act{Cut, CutAnswer}[chance%2], ofTransaction[chance%3]
		r := n.proxy.Add(&Rule{Key: key, Client: name, Act: act, Then: c.Kill})
		hit(ctx, r, 10*time.Second)
		if n.proxy.Remove(r) == 0 {
			return fmt.Sprintf("host %s, %s", name, key.Name()), false, nil
		}
		<-c.done
		_, err := n.fleet.start(name)
		return fmt.Sprintf("host %s, %s in place of %s", name, act, key.Name()), c.Killed(), err
	case Pause, Twin:
		return n.halt(ctx, f, name, c)
	case Term:
		err := n.fleet.drainOne(ctx, c)
		if _, started := n.fleet.start(name); err == nil {
			err = started
		}
		return "host " + name, true, err
	case Join:
		for _, name := range names {
			if n.fleet.get(name) == nil {
				_, err := n.fleet.start(name)
				return "host " + name, true, err
			}
		}
		return "all hosts are there", false, nil
	case Leave:
		if len(n.fleet.running()) == 1 {
			return "one host is left", false, nil
		}
		n.fleet.forget(name)
		return "host " + name, true, n.fleet.drainOne(ctx, c)
	case CutLine, LostReply, Slow, Hole:
		return n.network(ctx, f, name, chance)
	case Crash:
		node := 1 + chance%n.Brokers.Nodes
		err := n.Brokers.Crash(node)
		return fmt.Sprintf("node %d", node), err == nil, err
	case Move:
		return n.Brokers.Move(ctx)
	default:
		return "", false, fmt.Errorf("no such fault")
	}
}

// network hits requests of a host: at its work or, for the requests of a start, at a start that a SIGKILL brings about. A black
// hole takes in all of its connections, for long enough to be noticed.
func (n *nemesis) network(ctx context.Context, f Fault, name string, chance int) (what string, evidence bool, err error) {
	r := &Rule{Client: name, Act: map[Fault]Act{CutLine: Cut, LostReply: CutAnswer, Slow: Delay, Hole: Blackhole}[f], Times: 1 + chance%3}
	r.For = time.Duration(100+chance) * time.Millisecond
	start := f != Hole && chance%2 == 0
	switch {
	case f == Hole:
		r.Key, r.Times, r.For = AnyKey, -1, time.Second+3*r.For
		what = fmt.Sprintf("host %s for %v", name, r.For)
	case start:
		r.Key = n.spoken(ofStart[chance/2%len(ofStart)])
		n.fleet.get(name).Kill()
	default:
		r.Key = n.spoken(ofWork[chance/2%len(ofWork)])
	}
	n.proxy.Add(r)
	if start {
		_, err = n.fleet.start(name)
	}
	hit(ctx, r, 10*time.Second)
	if f == Hole {
		pause(ctx, r.For)
	}
	hits := n.proxy.Remove(r)
	if f != Hole {
		what = fmt.Sprintf("host %s, %d of %s at %s", name, hits, r.Key.Name(), map[bool]string{true: "its start", false: "work"}[start])
	}
	return what, hits > 0, err
}

// spoken is the request that stands for a key in the group's protocol: under KIP-848 one does what three do in the classic one.
func (n *nemesis) spoken(key kmsg.Key) kmsg.Key {
	if n.Protocol == "consumer" && (key == kmsg.JoinGroup || key == kmsg.SyncGroup || key == kmsg.Heartbeat) {
		return kmsg.ConsumerGroupHeartbeat
	}
	return key
}

// halt stops a host until the group has expelled it. For Twin, another host has its name by then.
func (n *nemesis) halt(ctx context.Context, f Fault, name string, c *Child) (what string, evidence bool, err error) {
	waiting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := n.fleet.works(waiting, c); err != nil { // a host that has not joined yet is not expelled either
		return "host " + name, false, nil
	}
	began := time.Now()
	c.Stop()
	defer c.Continue()
	if f == Twin {
		c.expected.Store(true)
		before, _ := n.fleet.tally()
		if _, err := n.fleet.start(name); err != nil {
			return "host " + name, false, err
		}
		// The other one works; then both do, for a moment, and the broker has to choose.
		err := await(waiting, "the second host of the name commits", func(context.Context) (bool, error) {
			now, _ := n.fleet.tally()
			return now.Commits > before.Commits+2, nil
		})
		c.Continue()
		pause(ctx, time.Second)
		c.Kill()
		return "host " + name, err == nil, nil
	}
	if err := n.expelled(waiting, name); err != nil {
		return "host " + name, false, nil
	}
	return fmt.Sprintf("host %s for %v", name, time.Since(began).Round(100*time.Millisecond)), true, nil
}

// hit waits for a rule to act, but not for ever.
func hit(ctx context.Context, r *Rule, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-r.Hit():
	case <-timer.C:
	case <-ctx.Done():
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
