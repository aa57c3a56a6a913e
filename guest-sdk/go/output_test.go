package wasmflow_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
	"github.com/wasmflow/wasmflow/guest-sdk/go/wasmflowtest"
)

func TestErrorRefusesAndUndoes(t *testing.T) {
	got := run(t, func(r wasmflow.Record, out *wasmflow.Output) error {
		if err := out.From(r).AddHeader("h", []byte("v")).Value([]byte("sent by " + string(r.Value()))).Send(); err != nil {
			return err
		}
		out.From(r).AddHeader("open", []byte("draft")).Value([]byte("never sent"))
		switch string(r.Value()) {
		case "plain":
			return errors.New("no good")
		case "coded":
			return wasmflow.Refusal{Code: 7, Text: "seven"}
		case "wrapped":
			return fmt.Errorf("outside: %w", &wasmflow.Refusal{Code: 8, Text: "eight"})
		case "empty":
			return errors.New("")
		}
		return nil
	}, record("", "a"), record("", "plain"), record("", "coded"), record("", "b"), record("", "wrapped"), record("", "empty"))
	sent := func(i int, v string) wasmflowtest.Sent {
		return wasmflowtest.Sent{Source: i, Output: "out", Key: []byte{}, Value: []byte("sent by " + v), Headers: []wasmflow.Header{header("h", "v")}, Partition: -1}
	}
	equal(t, got, wasmflowtest.Result{
		Records:  []wasmflowtest.Sent{sent(0, "a"), sent(3, "b")},
		Refusals: []wasmflowtest.Refused{refused(1, 0, "no good"), refused(2, 7, "seven"), refused(4, 8, "outside: eight"), refused(5, 0, "")},
	})
}

func TestRefusalTextIsCutBetweenCharacters(t *testing.T) {
	text := strings.Repeat("x", 1023) + "é" + strings.Repeat("y", 100)
	got := run(t, func(wasmflow.Record, *wasmflow.Output) error { return errors.New(text) }, record("", ""))
	equal(t, got.Refusals[0].Text, text[:1023])
	got = run(t, func(wasmflow.Record, *wasmflow.Output) error { return errors.New(text[:1023] + "yz") }, record("", ""))
	equal(t, got.Refusals[0].Text, text[:1023]+"y")
}

func TestRefuseOfTheCurrentRecord(t *testing.T) {
	got := run(t, func(r wasmflow.Record, out *wasmflow.Output) error {
		out.Send(r, []byte("before"))
		out.From(r).AddHeader("open", nil)
		out.Refuse(r, errors.New("first"))
		out.Refuse(r, errors.New("second"))
		out.From(r).AddHeader("after", nil).Send()
		return errors.New("third")
	}, record("", ""), record("", ""))
	equal(t, got, wasmflowtest.Result{Refusals: []wasmflowtest.Refused{refused(0, 0, "first"), refused(1, 0, "first")}})
}

func TestRefuseInABatch(t *testing.T) {
	got := runBatch(t, func(b wasmflow.Batch, out *wasmflow.Output) error {
		for _, r := range b.All() {
			out.Send(r, []byte("sent"))
		}
		out.From(b.At(1)).AddHeader("open", []byte("undone by the refusal"))
		// Out of order, and one of them twice: the image wants them ascending.
		for _, i := range []int{4, 2, 4, 0, 2} {
			out.Refuse(b.At(i), fmt.Errorf("%d after %d refusals", i, 5))
		}
		out.Refuse(b.At(0), errors.New("late"))
		return nil
	}, record("", ""), record("", ""), record("", ""), record("", ""), record("", ""))
	sent := func(i int) wasmflowtest.Sent {
		return wasmflowtest.Sent{Source: i, Output: "out", Key: []byte{}, Value: []byte("sent"), Partition: -1}
	}
	equal(t, got, wasmflowtest.Result{
		Records:  []wasmflowtest.Sent{sent(1), sent(3)},
		Refusals: []wasmflowtest.Refused{refused(0, 0, "0 after 5 refusals"), refused(2, 0, "2 after 5 refusals"), refused(4, 0, "4 after 5 refusals")},
	})
}

func TestRefusedTwiceInARow(t *testing.T) {
	got := runBatch(t, func(b wasmflow.Batch, out *wasmflow.Output) error {
		for _, i := range []int{0, 1, 1} {
			out.Refuse(b.At(i), errors.New("no"))
		}
		return nil
	}, record("", ""), record("", ""))
	equal(t, got.Refusals, []wasmflowtest.Refused{refused(0, 0, "no"), refused(1, 0, "no")})
}

func TestManyRefusalsInReverse(t *testing.T) {
	records := make([]wasmflowtest.Record, 100_000)
	got := runBatch(t, func(b wasmflow.Batch, out *wasmflow.Output) error {
		for i := b.Len() - 1; i >= 0; i-- {
			out.Refuse(b.At(i), wasmflow.Refusal{Code: uint32(i)})
		}
		return nil
	}, records...)
	if len(got.Refusals) != len(records) {
		t.Fatalf("%d refusals", len(got.Refusals))
	}
	for i, r := range got.Refusals {
		if r.Source != i || r.Code != uint32(i) {
			t.Fatalf("refusal %d: %v", i, r)
		}
	}
}

func TestRefuseWithoutAnError(t *testing.T) {
	got := runBatch(t, func(b wasmflow.Batch, out *wasmflow.Output) error {
		out.Refuse(b.At(0), nil)
		return nil
	}, record("", ""))
	equal(t, got.Refusals, []wasmflowtest.Refused{refused(0, 0, "refused without a reason")})
}

func TestOpenDraftAtTheEndOfABatch(t *testing.T) {
	got := runBatch(t, func(b wasmflow.Batch, out *wasmflow.Output) error {
		out.Forward(b.At(0))
		out.From(b.At(1)).AddHeader("h", nil)
		return nil
	}, wasmflowtest.Record{}, wasmflowtest.Record{})
	equal(t, got, wasmflowtest.Result{Records: []wasmflowtest.Sent{{Output: "out", Partition: -1}}})
}

func TestErrorOfABatchTraps(t *testing.T) {
	text := panics(t, func() {
		runBatch(t, func(wasmflow.Batch, *wasmflow.Output) error { return errors.New("no") }, record("", ""))
	})
	equal(t, text, "the batch failed: no")
	// The next batch starts from nothing.
	got := run(t, func(r wasmflow.Record, out *wasmflow.Output) error { return out.Forward(r) }, wasmflowtest.Record{})
	equal(t, len(got.Records), 1)
}

func TestPanicInsideAppendThatIsRecovered(t *testing.T) {
	got := run(t, func(r wasmflow.Record, out *wasmflow.Output) error {
		if r.Index() == 0 {
			panics(t, func() { out.From(r).AppendValue(func([]byte) []byte { panic("no") }) })
			return errors.New("refused")
		}
		return out.From(r).Value([]byte("v")).Send()
	}, wasmflowtest.Record{}, wasmflowtest.Record{})
	equal(t, got, wasmflowtest.Result{
		Records:  []wasmflowtest.Sent{{Source: 1, Output: "out", Value: []byte("v"), Partition: -1}},
		Refusals: []wasmflowtest.Refused{refused(0, 0, "refused")},
	})
}

func TestOneToManyAndOrder(t *testing.T) {
	got := runBatch(t, func(b wasmflow.Batch, out *wasmflow.Output) error {
		for i := b.Len() - 1; i >= 0; i-- {
			out.Forward(b.At(i))
			out.From(b.At(i)).To(other).Send()
		}
		return nil
	}, wasmflowtest.Record{}, wasmflowtest.Record{})
	var order []string
	for _, r := range got.Records {
		order = append(order, fmt.Sprint(r.Source, " ", r.Output))
	}
	equal(t, order, []string{"1 out", "1 other", "0 out", "0 other"})
}

func TestLog(t *testing.T) {
	got := run(t, func(wasmflow.Record, *wasmflow.Output) error {
		wasmflow.Debug("d")
		wasmflow.Info("i")
		wasmflow.Warn("")
		wasmflow.Error("e")
		return nil
	}, record("", ""))
	equal(t, got.Log, []wasmflowtest.Line{{Level: "debug", Text: "d"}, {Level: "info", Text: "i"}, {Level: "warn"}, {Level: "error", Text: "e"}})
}
