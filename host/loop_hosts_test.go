package host

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/devbroker"
	"github.com/wasmflow/wasmflow/internal/script"
)

// storyHost is a host that runs in the background of a story. Its last transform waits at its first call when gate=yes.
type storyHost struct {
	*running
	called, goOn, assigned, hurried chan struct{}
	joined                          *devbroker.FaultHandle
}

// startHost starts a pipeline in the background, under the name of its instance.
func (l *loop) startHost(_ context.Context, c *script.Command) (string, error) {
	cfg, err := l.config(c)
	if err != nil {
		return "", err
	}
	cfg.Once, cfg.Instance, cfg.GroupProtocol, cfg.Hooks = false, c.Args[0], GroupProtocol(c.Option("protocol", "")), Hooks{}
	h := &storyHost{called: make(chan struct{}), goOn: make(chan struct{}), assigned: make(chan struct{}), hurried: make(chan struct{})}
	var first, hurry sync.Once
	cfg.Logger = zaptest.NewLogger(l.t, zaptest.Level(zapcore.DebugLevel), zaptest.WrapOptions(zap.Hooks(func(e zapcore.Entry) error {
		if e.Message == rebalanceWaiting {
			hurry.Do(func() { close(h.hurried) })
		}
		return nil
	})))
	cfg.Hooks.Assigned = func(int, map[string][]int32) { first.Do(func() { close(h.assigned) }) }
	if c.Option("gate", "") == "yes" {
		last := &cfg.Transforms[len(cfg.Transforms)-1]
		last.Native = gated(last.Native, h)
	}
	key := kmsg.JoinGroup
	if cfg.GroupProtocol == GroupConsumer {
		key = kmsg.ConsumerGroupHeartbeat
	}
	h.joined = l.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{key}, Observe: true, Count: -1, When: isJoin("g-p-" + cfg.Instance + "-0")})
	h.running = (&world{t: l.t, broker: l.broker, client: l.client}).run(cfg)
	if l.hosts == nil {
		l.hosts = map[string]*storyHost{}
	}
	l.hosts[cfg.Instance] = h
	return "", nil
}

func gated(f guest.Func, h *storyHost) guest.Func {
	var first sync.Once
	return func(ctx context.Context, env guest.Env, b abi.Batch) (abi.Result, error) {
		first.Do(func() { close(h.called); <-h.goOn })
		return f(ctx, env, b)
	}
}

// await waits until a host HAS: called its transform, asked to join, or got partitions.
func (l *loop) await(ctx context.Context, c *script.Command) (string, error) {
	h := l.hosts[c.Args[0]]
	if h == nil {
		return "", fmt.Errorf("no host %q", c.Args[0])
	}
	var done chan struct{}
	switch c.Args[1] {
	case "called":
		done = h.called
	case "assigned":
		done = h.assigned
	case "hurried": // a rebalance waits for its gate
		done = h.hurried
	case "joining":
		return "", h.joined.Wait(ctx, 1)
	default:
		return "", fmt.Errorf("nothing known as %q", c.Args[1])
	}
	select {
	case <-done:
		return "", nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// release lets the gated transform of a host go on.
func (l *loop) release(_ context.Context, c *script.Command) (string, error) {
	close(l.hosts[c.Args[0]].goOn)
	return "", nil
}

// stopHost drains a host and tells how it ended.
func (l *loop) stopHost(ctx context.Context, c *script.Command) (string, error) {
	h := l.hosts[c.Args[0]]
	h.stop()
	if err := errors.Join(h.wait(l.t), h.h.Close(ctx)); err != nil {
		return "", err
	}
	return fmt.Sprintf("drained, %d sessions recreated", h.h.Status().SessionsRecreated), nil
}

// isJoin picks the requests of a host to join: by the instance id, or, under KIP-848, the first heartbeat of a member.
func isJoin(id string) func(kmsg.Request) bool {
	return func(r kmsg.Request) bool {
		switch r := r.(type) {
		case *kmsg.JoinGroupRequest:
			return r.InstanceID != nil && *r.InstanceID == id
		case *kmsg.ConsumerGroupHeartbeatRequest:
			return r.MemberEpoch == 0
		}
		return false
	}
}
