// Command runner is a host in a process of its own, which test/chaos kills, stops and cuts off. It uses the public API only.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/test/chaos"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var s chaos.Settings
	if err := json.Unmarshal(line, &s); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		os.Exit(1) // whoever started this is gone
	}()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	wasm, err := os.ReadFile(s.Module)
	if err != nil {
		return err
	}
	cache, err := guest.OpenCache(s.Cache)
	if err != nil {
		return err
	}
	var tell teller
	var h *host.Host
	cfg := config(s, wasm, cache)
	cfg.Hooks = host.Hooks{
		Assigned: func(int, map[string][]int32) { tell.event(chaos.Event{Kind: "assigned"}) },
		Committed: func(t host.Transaction) {
			tell.event(chaos.Event{Kind: "commit", In: t.In, Out: t.Out, Guilty: t.Guilty, Sessions: h.Status().SessionsRecreated})
		},
		Aborted: func(t host.Transaction, cause error) {
			tell.event(chaos.Event{Kind: "abort", In: t.In, Err: cause.Error(), Sessions: h.Status().SessionsRecreated})
		},
	}
	if h, err = host.New(context.Background(), cfg); err != nil {
		return err
	}
	err = h.Run(ctx)
	end := chaos.Event{Kind: "end", Sessions: h.Status().SessionsRecreated}
	if err != nil {
		end.Err = err.Error()
	}
	tell.event(end)
	return errors.Join(err, h.Close(context.Background()), cache.Close(context.Background()))
}

func config(s chaos.Settings, wasm []byte, cache *guest.Cache) host.Config {
	log := zap.NewProductionEncoderConfig()
	log.EncodeTime = zapcore.ISO8601TimeEncoder
	return host.Config{
		Name: "chaos", Brokers: s.Brokers, Group: s.Group, Instance: s.Instance, Workers: s.Workers,
		GroupProtocol: host.GroupProtocol(s.Protocol), MaxRecords: s.MaxRecords, MaxGuestTime: s.MaxGuestTime, Once: s.Once,
		Inputs: []string{s.Input}, Outputs: map[string]string{"a": s.A, "b": s.B}, DefaultOutput: "a",
		Transforms: []guest.Config{{Name: "copy", Wasm: wasm, Cache: cache, Log: func(guest.LogLine) {}}}, // what panics say
		// A broken host may take every record for guilty: the checker is to see it, not the breaker.
		Errors: host.ErrorPolicy{DeadLetter: s.Dead, MaxRatio: 1},
		Logger: zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(log), zapcore.Lock(os.Stderr), zap.InfoLevel)),
		Kafka:  []kgo.Opt{kgo.ClientID(s.Client), kgo.Dialer(dialer(s.Dial))},
	}
}

// dialer connects to what stands before a broker, where something does.
func dialer(instead map[string]string) func(context.Context, string, string) (net.Conn, error) {
	d := net.Dialer{Timeout: 3 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if to, ok := instead[address]; ok {
			address = to
		}
		return d.DialContext(ctx, network, address)
	}
}

// teller writes events, a line each. Workers tell at once.
type teller struct{ mu sync.Mutex }

func (t *teller) event(e chaos.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(e); err != nil {
		os.Exit(1)
	}
}
