package deadletters_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/deadletters"
)

// victim is a pass in a process of its own, which is killed at a request of a kind.
type victim struct {
	Brokers []string
	Kinds   []string
	Purge   bool
	Point   string
	Nth     int64
}

// points are where a process is killed: at a request, before it is sent, after, or once it is answered.
var points = map[string]struct {
	key  kmsg.Key
	when string
}{
	"before the offsets":      {kmsg.TxnOffsetCommit, "before"},
	"offsets sent":            {kmsg.TxnOffsetCommit, "sent"},
	"produced":                {kmsg.Produce, "answered"},
	"before the end":          {kmsg.EndTxn, "before"},
	"end sent":                {kmsg.EndTxn, "sent"},
	"end answered":            {kmsg.EndTxn, "answered"},
	"before the group's join": {kmsg.JoinGroup, "before"},
}

// run runs the pass; it is an error where it comes to its end.
func (v victim) run() error {
	p := points[v.Point]
	trap := &lethalDialer{key: int16(p.key), when: p.when}
	trap.left.Store(v.Nth)
	cfg := host.Config{
		Name: "p", Brokers: v.Brokers, Group: "g", Inputs: []string{"in"}, Outputs: map[string]string{"out": "out"}, MaxRecords: 5,
		Transforms: []guest.Config{{Name: "f", Native: forwards}}, Errors: host.ErrorPolicy{DeadLetter: "dead"},
		Kafka: []kgo.Opt{kgo.Dialer(trap.dial)},
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	topic, err := deadletters.Open(ctx, cfg, "")
	if err != nil {
		return err
	}
	pass := topic.Replay
	if v.Purge {
		pass = topic.Purge
	}
	report, err := pass(ctx, deadletters.Order{Filter: deadletters.Filter{Kinds: v.Kinds}})
	if err != nil {
		return err
	}
	return fmt.Errorf("it came to its end: %+v", report)
}

// lethalDialer makes connections that kill this process at a request.
type lethalDialer struct {
	net.Dialer
	key  int16
	when string
	left atomic.Int64
}

func (d *lethalDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.DialContext(ctx, network, address)
	return &lethalConn{Conn: conn, dialer: d}, err
}

type lethalConn struct {
	net.Conn
	dialer *lethalDialer
	armed  atomic.Bool
}

// Write gets one request a call: its size in four bytes, then its API key in two.
func (c *lethalConn) Write(b []byte) (int, error) {
	if len(b) < 6 || int16(binary.BigEndian.Uint16(b[4:])) != c.dialer.key || c.dialer.left.Add(-1) != 0 {
		return c.Conn.Write(b)
	}
	switch c.dialer.when {
	case "before":
		die()
	case "sent":
		_, _ = c.Conn.Write(b)
		die()
	}
	c.armed.Store(true)
	return c.Conn.Write(b)
}

func (c *lethalConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.armed.Load() {
		die()
	}
	return n, err
}

// die ends this process as a power cut would.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // it is on its way, and nothing more may be sent
}

// killed runs a victim and holds it to its fate.
func (w *world) killed(v victim) {
	w.t.Helper()
	v.Brokers = w.broker.Addrs()
	order, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), "DEADLETTERS_VICTIM="+string(order))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL || ctx.Err() != nil {
		w.t.Fatalf("the process was not killed: %v\n%s", err, out)
	}
}

// TestKilled: a pass that is killed at any point, several times, and run again repeats and loses nothing: neither of what goes back,
// nor of what is left.
func TestKilled(t *testing.T) {
	t.Parallel()
	for point := range points {
		for _, mode := range []string{"replay", "filtered", "purge"} {
			t.Run(mode+" "+point, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.produce(0, 60)
				w.pipe(refuses)
				v := victim{Point: point, Purge: mode == "purge"}
				chosen, left := numbers(60, "refused", "panic"), []int(nil)
				if mode != "replay" {
					v.Kinds = []string{"panic"}
					chosen, left = numbers(60, "panic"), numbers(60, "refused")
				}
				for _, nth := range []int64{1, 2} {
					if v.Nth = nth; points[point].key == kmsg.JoinGroup {
						v.Nth = 1
					}
					w.killed(v)
				}
				began := time.Now()
				topic := w.open()
				pass := topic.Replay
				if v.Purge {
					pass = topic.Purge
				}
				report, err := pass(w.ctx(), w.order(deadletters.Filter{Kinds: v.Kinds}))
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("the last pass took %v: %+v", time.Since(began).Round(time.Millisecond), report)
				if report.Done == len(chosen) && point == "end answered" && mode == "replay" {
					t.Error("those that were killed had done nothing")
				}
				if v.Purge {
					w.verifyInput(60, nil)
				} else {
					w.verifyInput(60, once(chosen))
				}
				w.verifyPending(left)
			})
		}
	}
}
