package conformance_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/wasmflow/wasmflow/abi"
)

// recordModes say what the guest "record" makes of a record in each of its modes that need nothing but a batch.
var recordModes = map[string]func(batch abi.Batch) abi.Result{
	"identity": func(batch abi.Batch) abi.Result {
		return every(batch, func(_ int, r abi.ResultRecord) []abi.ResultRecord { return []abi.ResultRecord{r} })
	},
	"tee": func(batch abi.Batch) abi.Result {
		return every(batch, func(_ int, r abi.ResultRecord) []abi.ResultRecord {
			other := r
			other.Output = 1
			return []abi.ResultRecord{r, other}
		})
	},
	"part": func(batch abi.Batch) abi.Result {
		return every(batch, func(_ int, r abi.ResultRecord) []abi.ResultRecord {
			if r.Key != nil {
				r.Key = r.Key[:len(r.Key)/2]
			}
			if len(r.Value) > 0 {
				r.Value = r.Value[1:]
			}
			return []abi.ResultRecord{r}
		})
	},
	"inherit": func(batch abi.Batch) abi.Result {
		return every(batch, func(_ int, r abi.ResultRecord) []abi.ResultRecord {
			r.Headers = append(slices.Clone(r.Headers), abi.Header{Key: "added", Value: []byte("1")}, abi.Header{Key: "added"})
			return []abi.ResultRecord{r}
		})
	},
	"headers": func(batch abi.Batch) abi.Result {
		return every(batch, func(_ int, r abi.ResultRecord) []abi.ResultRecord {
			r.Headers = slices.Clone(r.Headers)
			slices.Reverse(r.Headers)
			r.Headers = append(r.Headers, abi.Header{Value: []byte{}})
			return []abi.ResultRecord{r}
		})
	},
	"replace": func(batch abi.Batch) abi.Result {
		return every(batch, func(_ int, r abi.ResultRecord) []abi.ResultRecord {
			first := abi.ResultRecord{Key: []byte("key"), Partition: 3, Timestamp: 42, Source: r.Source}
			second := r
			second.Output, second.Key, second.Value, second.Timestamp = 1, nil, []byte{}, -1
			return []abi.ResultRecord{first, second}
		})
	},
	"refuse": func(batch abi.Batch) abi.Result {
		var refusals []abi.Refusal
		result := every(batch, func(i int, r abi.ResultRecord) []abi.ResultRecord {
			if !bytes.HasPrefix(r.Value, []byte("bad")) {
				return []abi.ResultRecord{r}
			}
			refusals = append(refusals, abi.Refusal{
				Source: r.Source, Code: 7, Text: fmt.Sprintf("offset %d of %s/%d is bad", batch.Records[i].Offset, batch.Topic, batch.Partition),
			})
			return nil
		})
		result.Refusals = refusals
		return result
	},
	"drop": func(batch abi.Batch) abi.Result {
		return every(batch, func(i int, r abi.ResultRecord) []abi.ResultRecord {
			if i%2 == 1 {
				return nil
			}
			return []abi.ResultRecord{r}
		})
	},
	"abandon": func(batch abi.Batch) abi.Result {
		return every(batch, func(i int, r abi.ResultRecord) []abi.ResultRecord {
			if i%2 == 1 {
				return nil
			}
			r.Value = []byte("left behind")
			r.Headers = append(slices.Clone(r.Headers), abi.Header{Key: "left", Value: []byte("behind")})
			return []abi.ResultRecord{r}
		})
	},
	"count": func(batch abi.Batch) abi.Result {
		return every(batch, func(i int, r abi.ResultRecord) []abi.ResultRecord {
			r.Value = strconv.AppendInt(nil, int64(i)+1, 10)
			return []abi.ResultRecord{r}
		})
	},
	"look": func(batch abi.Batch) abi.Result {
		return every(batch, func(i int, r abi.ResultRecord) []abi.ResultRecord {
			in := batch.Records[i]
			var last []byte
			found := false
			for _, h := range in.Headers {
				if h.Key == "h" {
					last, found = h.Value, true
				}
			}
			r.Value = fmt.Appendf(nil, "%s/%d@%d %d %t %t %d %t %s", batch.Topic, batch.Partition, in.Offset, in.Timestamp, in.Key == nil, in.Value == nil, len(in.Headers), found, last)
			return []abi.ResultRecord{r}
		})
	},
}

// TestRecord holds each mode to its meaning, on a batch of odd records, on an empty one, and on one of 100,000.
func TestRecord(t *testing.T) {
	each(t, "conformance-record", func(t *testing.T, wasm []byte) {
		for name, meaning := range recordModes {
			t.Run(name, func(t *testing.T) {
				batch := odd()
				same(t, meaning(batch), mode(t, wasm, name, batch))
				empty := batchOf("empty", 0, nil)
				same(t, abi.Result{}, mode(t, wasm, name, empty))
			})
		}
	})
}

// TestAgain holds that a second call of an instance is like a first: what a call leaves behind in the guest's buffers is not
// seen by the next. The batches grow and shrink.
func TestAgain(t *testing.T) {
	each(t, "conformance-record", func(t *testing.T, wasm []byte) {
		for name, meaning := range recordModes {
			if name == "count" {
				continue // an instance remembers, on purpose
			}
			t.Run(name, func(t *testing.T) {
				i := instance(t, load(t, wasm, map[string]any{"mode": name}))
				for _, batch := range []abi.Batch{plain(1), odd(), plain(3_000), batchOf("none", 0, nil), odd(), plain(2)} {
					same(t, meaning(batch), call(t, i, batch))
				}
			})
		}
	})
}

// TestCount holds that an instance keeps its memory from call to call, and that a fresh one begins anew.
func TestCount(t *testing.T) {
	each(t, "conformance-record", func(t *testing.T, wasm []byte) {
		m := load(t, wasm, map[string]any{"mode": "count"})
		last := func(r abi.Result) string { return string(r.Records[len(r.Records)-1].Value) }
		first := instance(t, m)
		for n := 10; n <= 30; n += 10 {
			if got := last(call(t, first, plain(10))); got != strconv.Itoa(n) {
				t.Errorf("the instance counted %s, want %d", got, n)
			}
		}
		if got := last(call(t, instance(t, m), plain(10))); got != "10" {
			t.Errorf("a fresh instance counted %s, want 10", got)
		}
	})
}

// TestBatch holds the whole-batch form to its meaning.
func TestBatch(t *testing.T) {
	modes := map[string]func(abi.Batch) abi.Result{
		"reverse": func(batch abi.Batch) abi.Result {
			result := recordModes["identity"](batch)
			slices.Reverse(result.Records)
			return result
		},
		"latest": func(batch abi.Batch) abi.Result {
			if len(batch.Records) == 0 {
				return abi.Result{}
			}
			r := forward(batch, len(batch.Records)-1)
			r.Value = fmt.Appendf(nil, "%s/%d %d at %d", batch.Topic, batch.Partition, len(batch.Records), batch.Clock)
			return abi.Result{Records: []abi.ResultRecord{r}}
		},
		"refuse": func(batch abi.Batch) abi.Result {
			result := recordModes["drop"](batch)
			for i := 1; i < len(batch.Records); i += 2 {
				result.Refusals = append(result.Refusals, abi.Refusal{Source: uint32(i), Code: uint32(i), Text: "first"})
			}
			return result
		},
	}
	each(t, "conformance-batch", func(t *testing.T, wasm []byte) {
		for name, meaning := range modes {
			t.Run(name, func(t *testing.T) {
				i := instance(t, load(t, wasm, map[string]any{"mode": name}))
				for _, batch := range []abi.Batch{odd(), plain(1), batchOf("none", 3, nil), plain(1_000)} {
					same(t, meaning(batch), call(t, i, batch))
				}
			})
		}
	})
}
