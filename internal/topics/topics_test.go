package topics_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/internal/devbroker"
	"github.com/wasmflow/wasmflow/internal/topics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNames(t *testing.T) {
	t.Parallel()
	got := topics.Names([]host.Config{
		{Inputs: []string{"b", "a"}, Outputs: map[string]string{"x": "c"}},
		{Inputs: []string{"c"}, Outputs: map[string]string{"y": "d", "z": "a"}},
		{InputsRegex: "e.*", Outputs: map[string]string{"w": "f"}},
	})
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "f"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	broker, err := devbroker.Start(devbroker.Options{Topics: map[string]int32{"old": 2}})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	ctx := context.Background()
	opts := []kgo.Opt{kgo.SeedBrokers(broker.Addrs()...)}
	names := []string{"new", "old"}
	old := topics.Topic{Name: "old", State: topics.Exists, Partitions: 2}

	for _, step := range []struct {
		name string
		spec topics.Spec
		want []topics.Topic
		err  error
	}{
		{"dry run", topics.Spec{Partitions: 3, Replication: 1, DryRun: true}, []topics.Topic{{Name: "new", State: topics.WouldCreate, Partitions: 3}, old}, nil},
		{"refused", topics.Spec{Partitions: 3, Replication: 9}, []topics.Topic{{Name: "new", State: topics.Failed}, old}, kerr.InvalidReplicationFactor},
		{"first", topics.Spec{Partitions: 3, Replication: topics.BrokerDefault}, []topics.Topic{{Name: "new", State: topics.Created, Partitions: 3}, old}, nil},
		{"again", topics.Spec{Partitions: 7, Replication: 1}, []topics.Topic{{Name: "new", State: topics.Exists, Partitions: 3}, old}, nil},
	} {
		got, err := topics.Create(ctx, opts, names, step.spec)
		if err != nil {
			t.Errorf("%s: %v", step.name, err)
			continue
		}
		if !errors.Is(got[0].Err, step.err) {
			t.Errorf("%s: error %v, want %v", step.name, got[0].Err, step.err)
		}
		got[0].Err = nil
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

func TestCreateWithoutBroker(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // Nobody listens there any more.
	_, err = topics.Create(context.Background(), []kgo.Opt{kgo.SeedBrokers(l.Addr().String())}, []string{"a"}, topics.Spec{})
	if !errors.Is(err, host.ErrEnvironment) {
		t.Errorf("error %v, want one of the environment", err)
	}
}

// TestCreateIsCutOff has a broker that accepts connections and never answers.
func TestCreateIsCutOff(t *testing.T) {
	t.Parallel()
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	asked := make(chan struct{})
	go func() {
		conn, err := hole.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 1))
		close(asked)
		_, _ = io.Copy(io.Discard, conn) // Until the client gives up.
	}()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := topics.Create(ctx, []kgo.Opt{kgo.SeedBrokers(hole.Addr().String()), kgo.RequestTimeoutOverhead(10 * time.Minute)}, []string{"a"}, topics.Spec{})
		done <- err
	}()
	<-asked
	cancel(cause)
	if err := <-done; !errors.Is(err, cause) {
		t.Errorf("error %v, want the cause", err)
	}
}
