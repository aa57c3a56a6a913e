package host

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// TestHints: where the guest says at which record it was, few calls are enough; where what it says is wrong, on purpose or not, the
// same records are found guilty, in a bounded number of calls.
func TestHints(t *testing.T) {
	t.Parallel()
	evil := map[int64]bool{105: true, 106: true, 500: true, 1099: true}
	first := func(b abi.Batch) int64 { // the one that the guest trapped at
		at := slices.IndexFunc(b.Records, func(r abi.Record) bool { return evil[r.Offset] })
		return b.Records[at].Offset
	}
	for name, c := range map[string]struct {
		hint func(abi.Batch) int64
		most int
	}{
		"right":        {first, 16},
		"none":         {func(abi.Batch) int64 { return -1 }, 80},
		"the first":    {func(b abi.Batch) int64 { return b.Records[0].Offset }, 90},
		"the last":     {func(b abi.Batch) int64 { return b.Records[len(b.Records)-1].Offset }, 90},
		"the next one": {func(b abi.Batch) int64 { return first(b) + 1 }, 90},
		"another's":    {func(abi.Batch) int64 { return 5 }, 80},
	} {
		calls := 0
		w := isolator(t, func(ctx context.Context, env guest.Env, b abi.Batch) (abi.Result, error) {
			calls++
			if slices.ContainsFunc(b.Records, func(r abi.Record) bool { return evil[r.Offset] }) {
				return abi.Result{}, &guest.AtRecord{Offset: c.hint(b), Err: errors.New("evil")}
			}
			return natives("forward")(ctx, env, b)
		}, ErrorPolicy{DeadLetter: "dead"})
		txn := w.txn.reset()
		if err := w.judge(t.Context(), numbered(1000), txn); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var dead []int64
		for _, v := range txn.verdicts {
			dead = append(dead, v.offset)
		}
		if diff := cmp.Diff([]int64{105, 106, 500, 1099}, dead); diff != "" {
			t.Errorf("%s: guilty, - expected, + got:\n%s", name, diff)
		}
		if len(txn.out) != 1000 {
			t.Errorf("%s: %d outputs and dead letters, want 1000", name, len(txn.out))
		}
		if calls > c.most {
			t.Errorf("%s: %d calls, want at most %d", name, calls, c.most)
		}
	}
}

// TestHintIsNoVerdict: a record that the guest was at is innocent where it passes by itself.
func TestHintIsNoVerdict(t *testing.T) {
	t.Parallel()
	calls := 0
	w := isolator(t, func(ctx context.Context, env guest.Env, b abi.Batch) (abi.Result, error) {
		if calls++; calls == 1 {
			return abi.Result{}, &guest.AtRecord{Offset: b.Records[3].Offset, Err: errors.New("a busy machine")}
		}
		return natives("forward")(ctx, env, b)
	}, ErrorPolicy{DeadLetter: "dead"})
	txn := w.txn.reset()
	if err := w.judge(t.Context(), numbered(10), txn); err != nil {
		t.Fatal(err)
	}
	if txn.guilty != 0 || txn.judged != 10 || len(txn.out) != 10 || calls != 4 {
		t.Errorf("%d of %d guilty, %d outputs in %d calls; want 0 of 10, 10 and 4", txn.guilty, txn.judged, len(txn.out), calls)
	}
	for i := range txn.out[1:] {
		if string(txn.out[i].Value) > string(txn.out[i+1].Value) {
			t.Error(errors.New("outputs are not in the order of their records"))
		}
	}
}
