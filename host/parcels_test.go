package host

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/internal/devbroker"
)

// takes has a topic refuse batches of more than so many bytes.
func (w *world) takes(topic string, most int) {
	w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.MessageTooLarge, Count: -1, When: func(req kmsg.Request) bool {
		for _, t := range req.(*kmsg.ProduceRequest).Topics {
			for _, p := range t.Partitions {
				if len(p.Records) > most {
					return true
				}
			}
		}
		return false
	}})
}

// TestFanOutInParcels: the outputs of one record, which are too much for one batch together, are nobody's guilt.
func TestFanOutInParcels(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1, "dead": 1})
	w.produce(0, 1, 1)
	w.takes("out", 5000)
	cfg := w.config(native(func(r *abi.Record, i uint32, out *abi.Result) error {
		for range 20 {
			o := same(r, i)
			o.Value = bytes.Repeat([]byte("x"), 500)
			out.Records = append(out.Records, o)
		}
		return nil
	}))
	cfg.Errors, cfg.Logger = ErrorPolicy{DeadLetter: "dead"}, zap.NewNop()
	if err := w.once(cfg); err != nil {
		t.Fatal(err)
	}
	if got, letters := w.read(20), w.letters(0); len(got) != 20 || len(letters) != 0 {
		t.Errorf("%d outputs, dead letters %v", len(got), letters)
	}
}

// TestLettersInParcels: dead letters that are too many for one batch are written all the same.
func TestLettersInParcels(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int32{"in": 1, "out": 1, "dead": 1})
	w.produce(0, 60, 1)
	w.takes("dead", 5000)
	cfg := w.config(natives("refuse:000"))
	cfg.Errors, cfg.Logger = ErrorPolicy{DeadLetter: "dead", MaxRatio: 1}, zap.NewNop()
	if err := w.once(cfg); err != nil {
		t.Fatal(err)
	}
	if got := w.letters(60); len(got) != 60 {
		t.Errorf("%d dead letters, want 60", len(got))
	}
}

// TestFaultsOfTwoTopics: what one topic refuses says nothing of what another does: each record is judged by its own.
func TestFaultsOfTwoTopics(t *testing.T) {
	t.Parallel()
	for _, other := range []string{"aother", "zother"} { // which answers first is not known
		w := newWorld(t, map[string]int32{"in": 1, "out": 1, other: 1, "dead": 1})
		w.produce(0, 2, 1)
		w.takes("out", 5000)
		w.broker.Inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: other, Err: kerr.InvalidTimestamp, Count: -1})
		cfg := w.config(native(func(r *abi.Record, i uint32, out *abi.Result) error {
			o := same(r, i)
			if string(r.Value) == "00001" {
				o.Output = 1
				out.Records = append(out.Records, o)
				return nil
			}
			for range 20 {
				o.Value = bytes.Repeat([]byte("x"), 500)
				out.Records = append(out.Records, o)
			}
			return nil
		}))
		cfg.Outputs["other"], cfg.DefaultOutput = other, "out"
		cfg.Errors, cfg.Logger = ErrorPolicy{DeadLetter: "dead"}, zap.NewNop()
		if err := w.once(cfg); err != nil {
			t.Fatal(err)
		}
		if got, letters := w.read(20), w.letters(1); len(got) != 20 || len(letters) != 1 || letters[0] != "00001 in/0/1 unwritable" {
			t.Errorf("%s: %d outputs, dead letters %v", other, len(got), letters)
		}
	}
}
