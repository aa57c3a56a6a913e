package host

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// network spoils the answer of one request.
type network struct {
	key  kmsg.Key
	what func(net.Conn, []byte) (int, error) // reads instead of the connection, once the request was sent
	left atomic.Int64                        // requests of the key until that one; 0 is done
}

func (n *network) dial(ctx context.Context, network, host string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, host)
	return &spoiled{Conn: conn, n: n}, err
}

// spoiled is a connection that may be the one of the request.
type spoiled struct {
	net.Conn
	n   *network
	hit atomic.Bool
}

// Write is called with a request as a whole: its length, then its key.
func (c *spoiled) Write(b []byte) (int, error) {
	if len(b) >= 6 && kmsg.Key(binary.BigEndian.Uint16(b[4:])) == c.n.key && c.n.left.Add(-1) == 0 {
		c.hit.Store(true)
	}
	return c.Conn.Write(b)
}

func (c *spoiled) Read(b []byte) (int, error) {
	if c.hit.Load() {
		return c.n.what(c.Conn, b)
	}
	n, err := c.Conn.Read(b)
	if c.hit.Load() { // it was waiting when the request was sent: this is the answer
		return c.n.what(c.Conn, b)
	}
	return n, err
}

// lost takes the answer, and closes the connection instead of giving it.
func lost(conn net.Conn, _ []byte) (int, error) {
	_ = conn.Close()
	return 0, io.ErrUnexpectedEOF
}

// hole swallows the answer and everything after it: the client's own patience has to end it.
func hole(conn net.Conn, b []byte) (int, error) {
	for {
		if _, err := conn.Read(b); err != nil {
			return 0, err
		}
	}
}

// TestI1_AnswersAreLost: the answer of a request that was carried out is lost, or nothing comes any more. Whichever it was, each
// record comes out once.
func TestI1_AnswersAreLost(t *testing.T) {
	t.Parallel()
	for _, key := range []kmsg.Key{kmsg.Produce, kmsg.TxnOffsetCommit, kmsg.EndTxn, kmsg.InitProducerID, kmsg.Fetch, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.OffsetFetch} {
		for name, what := range map[string]func(net.Conn, []byte) (int, error){"lost": lost, "hole": hole} {
			if name == "hole" && (key == kmsg.JoinGroup || key == kmsg.SyncGroup) {
				continue // they may take as long as a rebalance: the client waits for 30 s
			}
			t.Run(key.Name()+"/"+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, map[string]int32{"in": 2, "out": 2})
				w.produce(0, 40, 2)
				n := &network{key: key, what: what}
				n.left.Store(1)
				cfg := w.config(natives("forward"))
				cfg.MaxRecords, cfg.Logger = 7, zap.NewNop()
				cfg.Kafka = []kgo.Opt{kgo.Dialer(n.dial)}
				r := w.run(cfg)
				w.expect(0, 40)
				r.stop()
				if err := r.wait(t); err != nil {
					t.Error(err)
				}
				if n.left.Load() > 0 {
					t.Errorf("no %s was spoiled", key.Name())
				}
			})
		}
	}
}

// TestI2_BrokersDisk: a broker whose disk is full refuses for a while what it will take later.
func TestI2_BrokersDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 2, "out": 2, "dead": 1})
	w.produce(0, 20, 2)
	hit := w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.KafkaStorageError, Count: 3})
	cfg := w.config(natives("forward"))
	cfg.Errors, cfg.Logger = ErrorPolicy{DeadLetter: "dead"}, zap.NewNop() // it is no record's fault
	if err := w.once(cfg); err != nil {
		t.Fatal(err)
	}
	if hit.Hits() != 3 {
		t.Errorf("%d refused, want 3", hit.Hits())
	}
	w.expect(0, 20)
	if got := w.letters(0); len(got) > 0 {
		t.Errorf("dead letters %v", got)
	}
}
