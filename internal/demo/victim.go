package demo

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wasmflow/wasmflow/host"
)

// Victim is the first host of the demonstration. It runs in a process of its own, and that process is killed at the worst
// moment: everything of a transaction is written, outputs and offsets, but its end has not been requested.
type Victim struct {
	// Brokers to connect to.
	Brokers []string
	// Module is the payments guest.
	Module []byte
	// MaxRecords in a transaction.
	MaxRecords int
	// KillAt is the transaction, counted from 1, before whose end the process dies.
	KillAt int
	// Report gets a line for each transaction that was committed, with the number of its records.
	Report io.Writer
}

// Run runs until this process is killed. It returns only where that did not come to pass.
func (v Victim) Run(ctx context.Context) error {
	trap := &lethalDialer{}
	trap.left.Store(int64(v.KillAt))
	cfg := pipeline(v.Brokers, v.Module, v.MaxRecords)
	cfg.Kafka = []kgo.Opt{kgo.Dialer(trap.dial)}
	cfg.Hooks.Committed = func(t host.Transaction) { fmt.Fprintln(v.Report, t.In) }
	h, err := host.New(ctx, cfg)
	if err != nil {
		return err
	}
	if err := h.Run(ctx); err != nil {
		return err // The process ends with it: there is nothing to free.
	}
	return fmt.Errorf("the host ended before transaction %d, where it was to be killed", v.KillAt)
}

// lethalDialer makes connections that kill this process in place of sending a request to end a transaction.
type lethalDialer struct {
	net.Dialer
	left atomic.Int64 // Requests until then.
}

func (d *lethalDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &lethalConn{conn, d}, nil
}

type lethalConn struct {
	net.Conn
	dialer *lethalDialer
}

var endTxn = kmsg.EndTxn.Int16()

// Write gets one request a call: its size in four bytes, then its API key in two.
func (c *lethalConn) Write(b []byte) (int, error) {
	if len(b) >= 6 && int16(binary.BigEndian.Uint16(b[4:])) == endTxn && c.dialer.left.Add(-1) == 0 {
		if err := kill(); err != nil {
			return 0, err
		}
		select {} // SIGKILL is on its way, and nothing more may be sent.
	}
	return c.Conn.Write(b)
}

// kill ends this process as a power cut would: no deferred call runs, no connection says goodbye.
func kill() error {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	return self.Kill()
}
