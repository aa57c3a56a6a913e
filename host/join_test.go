package host

import (
	"context"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// TestJoinDuringALongCall: a second host joins while the first one's guest works. Whether the first commits or aborts, every
// record comes out once, and both hosts get work.
func TestJoinDuringALongCall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		protocol GroupProtocol
		join     kmsg.Key
	}{{GroupClassic, kmsg.JoinGroup}, {GroupConsumer, kmsg.ConsumerGroupHeartbeat}} {
		t.Run(string(c.protocol), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]int32{"in": 4, "out": 4})
			w.produce(0, 40, 4)
			began, goOn := make(chan struct{}), make(chan struct{})
			var first sync.Once
			slow := w.config(func(ctx context.Context, env guest.Env, b abi.Batch) (abi.Result, error) {
				first.Do(func() { close(began); <-goOn })
				return natives("forward")(ctx, env, b)
			})
			slow.GroupProtocol = c.protocol
			a := w.run(slow)
			<-began

			second := w.config(natives("forward"))
			second.GroupProtocol, second.Instance = c.protocol, "b"
			assigned := make(chan struct{})
			var once sync.Once
			second.Hooks.Assigned = func(int, map[string][]int32) { once.Do(func() { close(assigned) }) }
			joined := w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{c.join}, Observe: true, Count: -1, When: isMember("g-p-b-0")})
			b := w.run(second)
			if err := joined.Wait(w.ctx(), 1); err != nil {
				t.Fatal(err)
			}
			close(goOn)
			<-assigned
			w.produce(40, 40, 4)
			w.expect(0, 80)
			for _, r := range []*running{a, b} {
				r.stop()
				if err := r.wait(t); err != nil {
					t.Error(err)
				}
			}
			w.expect(0, 80)
		})
	}
}

// isMember picks the requests of one static member.
func isMember(id string) func(kmsg.Request) bool {
	return func(r kmsg.Request) bool {
		switch r := r.(type) {
		case *kmsg.JoinGroupRequest:
			return r.InstanceID != nil && *r.InstanceID == id
		case *kmsg.ConsumerGroupHeartbeatRequest:
			return r.InstanceID != nil && *r.InstanceID == id
		}
		return false
	}
}
