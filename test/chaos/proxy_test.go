package chaos_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wasmflow/wasmflow/internal/devbroker"
	"github.com/wasmflow/wasmflow/test/chaos"
)

// patience is far above what any wait takes.
const patience = 30 * time.Second

// behind is a broker, a proxy before it, and a client that goes through it.
func behind(t *testing.T, client string) (*devbroker.Broker, *chaos.Proxy, *kgo.Client) {
	t.Helper()
	b, err := devbroker.Start(devbroker.Options{Topics: map[string]int32{"t": 1}})
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
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.ClientID(client), kgo.DefaultProduceTopic("t"), kgo.RequestRetries(0), kgo.RecordRetries(0), kgo.DisableIdempotentWrite(),
		kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, doors[address])
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return b, p, cl
}

func produce(t *testing.T, cl *kgo.Client) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := cl.ProduceSync(ctx, kgo.StringRecord("v")).FirstErr()
	if ctx.Err() != nil {
		t.Fatal("no answer, and no end")
	}
	return err
}

// TestProxyActs: a cut request does not arrive, one whose answer is cut does; other requests and other clients are left alone.
func TestProxyActs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule    *chaos.Rule
		fails   bool
		arrives int
		hits    int
	}{
		"none":               {&chaos.Rule{Key: kmsg.EndTxn, Act: chaos.Cut}, false, 2, 0},
		"another client":     {&chaos.Rule{Key: kmsg.Produce, Client: "other", Act: chaos.Cut}, false, 2, 0},
		"cut":                {&chaos.Rule{Key: kmsg.Produce, Client: "me", Act: chaos.Cut}, true, 1, 1},
		"cut answer":         {&chaos.Rule{Key: kmsg.Produce, Act: chaos.CutAnswer}, true, 2, 1},
		"delay":              {&chaos.Rule{Key: kmsg.Produce, Act: chaos.Delay, For: time.Millisecond, Times: 2}, false, 2, 2},
		"blackhole":          {&chaos.Rule{Key: kmsg.Produce, Act: chaos.Blackhole, For: time.Millisecond}, true, 1, 1},
		"cut again and more": {&chaos.Rule{Key: chaos.AnyKey, Act: chaos.Cut, Times: 1}, true, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p, cl := behind(t, "me")
			if err := cl.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := produce(t, cl); err != nil { // the connection for produces is there, and metadata are known
				t.Fatal(err)
			}
			arrived := b.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Produce}, Observe: true, Count: -1})
			called := 0
			c.rule.Then = func() { called++ }
			rule := p.Add(c.rule)
			if err := produce(t, cl); (err != nil) != c.fails {
				t.Errorf("error %v", err)
			}
			if c.arrives == 1 && arrived.Hits() != 0 {
				t.Error("the request has arrived")
			}
			if err := produce(t, cl); err != nil {
				t.Errorf("after it: %v", err)
			}
			if got := arrived.Hits(); got != c.arrives {
				t.Errorf("%d requests arrived, want %d", got, c.arrives)
			}
			if got := p.Remove(rule); got != c.hits || called != c.hits {
				t.Errorf("%d hits, called %d times, want %d", got, called, c.hits)
			}
		})
	}
}

// TestProxyEnds: a closed proxy lets nobody wait, a black hole's neither.
func TestProxyEnds(t *testing.T) {
	t.Parallel()
	_, p, cl := behind(t, "me")
	if err := cl.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	rule := p.Add(&chaos.Rule{Key: kmsg.Produce, Act: chaos.Blackhole, For: time.Hour})
	done := make(chan error, 1)
	go func() { done <- cl.ProduceSync(t.Context(), kgo.StringRecord("v")).FirstErr() }()
	<-rule.Hit()
	p.Close()
	select {
	case err := <-done:
		if err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the client waits")
	}
}
