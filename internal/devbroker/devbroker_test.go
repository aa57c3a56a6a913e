package devbroker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wasmflow/wasmflow/internal/devbroker"
)

func TestProduceAndFault(t *testing.T) {
	t.Parallel()
	b, err := devbroker.Start(devbroker.Options{Topics: map[string]int32{"in": 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.DefaultProduceTopic("in"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(ctx, kgo.StringRecord("v")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	h := b.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.PolicyViolation})
	if err := cl.ProduceSync(ctx, kgo.StringRecord("v")).FirstErr(); !errors.Is(err, kerr.PolicyViolation) {
		t.Fatalf("produce under a fault: %v", err)
	}
	if h.Hits() != 1 {
		t.Fatalf("hits %d, want 1", h.Hits())
	}
	if err := b.CreateTopic("in", 1, nil); err == nil {
		t.Fatal("a topic was created twice")
	}
}
