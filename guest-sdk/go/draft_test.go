package wasmflow_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
	"github.com/wasmflow/wasmflow/guest-sdk/go/wasmflowtest"
)

func TestDraft(t *testing.T) {
	h := []wasmflow.Header{header("a", "1"), {Key: "n"}, header("a", "")}
	in := wasmflowtest.Record{Key: []byte("key"), Value: []byte("value"), Headers: h, TimestampMs: 5}
	same := wasmflowtest.Sent{Output: "out", Key: []byte("key"), Value: []byte("value"), Headers: h, TimestampMs: 5, Partition: -1}
	with := func(change func(*wasmflowtest.Sent)) wasmflowtest.Sent {
		s := same
		change(&s)
		return s
	}
	value := func(v string) wasmflowtest.Sent {
		return with(func(s *wasmflowtest.Sent) { s.Value = []byte(v) })
	}
	headers := func(h ...wasmflow.Header) wasmflowtest.Sent {
		return with(func(s *wasmflowtest.Sent) { s.Headers = h })
	}
	type R = wasmflow.Record
	type O = *wasmflow.Output
	for _, c := range []struct {
		name string
		f    func(R, O) error
		want wasmflowtest.Sent
	}{
		{"forward", func(r R, o O) error { return o.Forward(r) }, same},
		{"nothing changed", func(r R, o O) error { return o.From(r).Send() }, same},
		{"send", func(r R, o O) error { return o.Send(r, []byte("w")) }, value("w")},
		{"send empty", func(r R, o O) error { return o.Send(r, []byte{}) }, value("")},
		{"send null", func(r R, o O) error { return o.Send(r, nil) }, with(func(s *wasmflowtest.Sent) { s.Value = nil })},
		{"to", func(r R, o O) error { return o.From(r).To(other).Send() }, with(func(s *wasmflowtest.Sent) { s.Output = "other" })},
		{"key", func(r R, o O) error { return o.From(r).Key([]byte("other")).Send() }, with(func(s *wasmflowtest.Sent) { s.Key = []byte("other") })},
		{"key empty", func(r R, o O) error { return o.From(r).Key([]byte{}).Send() }, with(func(s *wasmflowtest.Sent) { s.Key = []byte{} })},
		{"key null", func(r R, o O) error { return o.From(r).Key(nil).Send() }, with(func(s *wasmflowtest.Sent) { s.Key = nil })},
		{"key part", func(r R, o O) error { return o.From(r).KeyPart(1, 3).Send() }, with(func(s *wasmflowtest.Sent) { s.Key = []byte("ey") })},
		{"key after key part", func(r R, o O) error { return o.From(r).KeyPart(1, 3).Key([]byte("k")).Send() }, with(func(s *wasmflowtest.Sent) { s.Key = []byte("k") })},
		{"value", func(r R, o O) error { return o.From(r).Value([]byte("w")).Send() }, value("w")},
		{"value null", func(r R, o O) error { return o.From(r).Value(nil).Send() }, with(func(s *wasmflowtest.Sent) { s.Value = nil })},
		{"value twice", func(r R, o O) error { return o.From(r).Value([]byte("first")).Value([]byte("w")).Send() }, value("w")},
		{"value part", func(r R, o O) error { return o.From(r).ValuePart(1, 4).Send() }, value("alu")},
		{"value part, empty", func(r R, o O) error { return o.From(r).ValuePart(5, 5).Send() }, value("")},
		{"value after value part", func(r R, o O) error { return o.From(r).ValuePart(1, 4).Value([]byte("w")).Send() }, value("w")},
		{"value part after value", func(r R, o O) error { return o.From(r).Value([]byte("w")).ValuePart(0, 1).Send() }, value("v")},
		{"room", func(r R, o O) error {
			d := o.From(r)
			copy(d.ValueRoom(4), "room")
			return d.Send()
		}, value("room")},
		{"room of nothing", func(r R, o O) error {
			d := o.From(r)
			d.ValueRoom(0)
			return d.Send()
		}, value("")},
		{"room that turns out too large", func(r R, o O) error {
			d := o.From(r)
			room := d.ValueRoom(1 << 16)
			return d.Value(room[:copy(room, "room")]).Send()
		}, value("room")},
		{"room whose middle is used", func(r R, o O) error {
			d := o.From(r)
			room := d.ValueRoom(8)
			copy(room, "xxroomxx")
			return d.Value(room[2:6]).Send()
		}, value("room")},
		{"append", func(r R, o O) error {
			return o.From(r).AppendValue(func(b []byte) []byte { return strconv.AppendInt(append(b, "n="...), 42, 10) }).Send()
		}, value("n=42")},
		{"append a lot", func(r R, o O) error {
			return o.From(r).AppendValue(func(b []byte) []byte { return append(b, strings.Repeat("x", 100_000)...) }).Send()
		}, value(strings.Repeat("x", 100_000))},
		{"append nothing", func(r R, o O) error { return o.From(r).AppendValue(func(b []byte) []byte { return b }).Send() }, value("")},
		{"append null", func(r R, o O) error { return o.From(r).AppendValue(func([]byte) []byte { return nil }).Send() }, with(func(s *wasmflowtest.Sent) { s.Value = nil })},
		{"append, then cut its front", func(r R, o O) error {
			return o.From(r).AppendValue(func(b []byte) []byte { return append(b, "xxtail"...)[2:] }).Send()
		}, value("tail")},
		{"append and return other bytes", func(r R, o O) error {
			return o.From(r).AppendValue(func([]byte) []byte { return r.Key() }).Send()
		}, value("key")},
		{"add headers", func(r R, o O) error {
			return o.From(r).AddHeader("b", []byte("2")).AddHeader("", nil).AddHeader("\xff", []byte{}).Send()
		}, headers(h[0], h[1], h[2], header("b", "2"), wasmflow.Header{}, header("\xff", ""))},
		{"no headers", func(r R, o O) error { return o.From(r).NoHeaders().Send() }, headers()},
		{"own headers only", func(r R, o O) error {
			return o.From(r).AddHeader("lost", nil).NoHeaders().AddHeader("b", []byte("2")).Send()
		}, headers(header("b", "2"))},
		{"partition", func(r R, o O) error { return o.From(r).Partition(3).Send() }, with(func(s *wasmflowtest.Sent) { s.Partition = 3 })},
		{"timestamp", func(r R, o O) error { return o.From(r).TimestampMs(-9).Send() }, with(func(s *wasmflowtest.Sent) { s.TimestampMs = -9 })},
		{"everything", func(r R, o O) error {
			return o.From(r).To(other).Key([]byte("k")).Value([]byte("w")).NoHeaders().AddHeader("b", []byte("2")).Partition(0).TimestampMs(0).Send()
		}, wasmflowtest.Sent{Output: "other", Key: []byte("k"), Value: []byte("w"), Headers: []wasmflow.Header{header("b", "2")}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// The record stands between two others, so that what one leaves behind would show in the next.
			around := func(r R, o O) error {
				if r.Index() == 1 {
					return c.f(r, o)
				}
				return o.From(r).AddHeader("around", []byte("header")).Value([]byte("value around")).Send()
			}
			got := run(t, around, wasmflowtest.Record{}, in, wasmflowtest.Record{})
			c.want.Source = 1
			a := wasmflowtest.Sent{Output: "out", Value: []byte("value around"), Headers: []wasmflow.Header{header("around", "header")}, Partition: -1}
			b := a
			b.Source = 2
			equal(t, got.Records, []wasmflowtest.Sent{a, c.want, b})
		})
	}
}

func TestTombstoneForwardedStaysOne(t *testing.T) {
	got := run(t, func(r wasmflow.Record, out *wasmflow.Output) error { return out.Forward(r) },
		wasmflowtest.Record{Key: []byte("k")}, wasmflowtest.Record{Value: []byte{}})
	equal(t, got.Records, []wasmflowtest.Sent{
		{Output: "out", Key: []byte("k"), Partition: -1},
		{Source: 1, Output: "out", Value: []byte{}, Partition: -1},
	})
}

func TestPartOfTheSourceIsNotTakenForTheEndOfTheImage(t *testing.T) {
	got := run(t, func(r wasmflow.Record, out *wasmflow.Output) error {
		return out.From(r).Key([]byte("1234")).ValuePart(1, 4).Value([]byte("w")).Send() // both end at 4
	}, record("", "value"))
	equal(t, got.Records, []wasmflowtest.Sent{{Output: "out", Key: []byte("1234"), Value: []byte("w"), Partition: -1}})
}

func TestRoomIsZero(t *testing.T) {
	fill := func(r wasmflow.Record, out *wasmflow.Output) error {
		return out.Send(r, []byte("secret of another customer"))
	}
	run(t, fill, record("", ""))
	got := run(t, func(r wasmflow.Record, out *wasmflow.Output) error {
		d := out.From(r)
		d.ValueRoom(8)
		return d.Send()
	}, record("", ""))
	equal(t, got.Records[0].Value, make([]byte, 8))
}

func TestDraftMisuse(t *testing.T) {
	const open = "wasmflow: the output was used while a draft was open: a draft ends with Send"
	const stale = "wasmflow: a draft was used after its Send or after its record"
	const refuse = "wasmflow: Refuse was called inside the function of AppendValue"
	const inside = "wasmflow: a draft was used inside the function of AppendValue, or after its panic"
	type R = wasmflow.Record
	type O = *wasmflow.Output
	var kept wasmflow.Draft
	for _, c := range []struct {
		name string
		f    func(R, O)
		want string
	}{
		{"from while open", func(r R, o O) { o.From(r); o.From(r) }, open},
		{"forward while open", func(r R, o O) { o.From(r); o.Forward(r) }, open},
		{"send while open", func(r R, o O) { o.From(r); o.Send(r, nil) }, open},
		{"send twice", func(r R, o O) { d := o.From(r); d.Send(); d.Send() }, stale},
		{"change after send", func(r R, o O) { d := o.From(r); d.Send(); d.Value(nil) }, stale},
		{"an older draft", func(r R, o O) { d := o.From(r); d.Send(); o.From(r); d.Key(nil) }, stale},
		{"kept for the next call", func(r R, o O) { kept = o.From(r) }, ""},
		{"used in the next call", func(r R, o O) { o.From(r); kept.Send() }, stale},
		{"inside append", func(r R, o O) {
			d := o.From(r)
			d.AppendValue(func(b []byte) []byte { d.AddHeader("h", nil); return b })
		}, inside},
		{"draft inside append, value", func(r R, o O) {
			d := o.From(r)
			d.AppendValue(func(b []byte) []byte { d.Value([]byte("x")); return b })
		}, inside},
		{"sent inside append", func(r R, o O) {
			d := o.From(r)
			d.AppendValue(func(b []byte) []byte { d.Send(); return b })
		}, inside},
		{"forward inside append", func(r R, o O) {
			o.From(r).AppendValue(func(b []byte) []byte { o.Forward(r); return b })
		}, open},
		{"from inside append", func(r R, o O) {
			o.From(r).AppendValue(func(b []byte) []byte { o.From(r); return b })
		}, open},
		{"refuse inside append", func(r R, o O) {
			o.From(r).AppendValue(func(b []byte) []byte { o.Refuse(r, errors.New("undone")); return append(b, "overwritten"...) })
		}, refuse},
		{"a draft whose append panicked", func(r R, o O) {
			d := o.From(r).ValuePart(1, 3)
			func() {
				defer func() { _ = recover() }()
				d.AppendValue(func(b []byte) []byte { panic("no") })
			}()
			d.Send()
		}, inside},
		{"value part too long", func(r R, o O) { o.From(r).ValuePart(0, 6) }, "wasmflow: part of a value is out of range"},
		{"value part backwards", func(r R, o O) { o.From(r).ValuePart(2, 1) }, "wasmflow: part of a value is out of range"},
		{"value part before it", func(r R, o O) { o.From(r).ValuePart(-1, 1) }, "wasmflow: part of a value is out of range"},
		{"key part of null", func(r R, o O) { o.From(r).KeyPart(0, 0) }, "wasmflow: part of a key is out of range"},
		{"negative room", func(r R, o O) { o.From(r).ValueRoom(-1) }, "wasmflow: the result of a call is larger than 2 GiB"},
		{"negative partition", func(r R, o O) { o.From(r).Partition(-1) }, "wasmflow: a negative partition"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run(t, func(r R, o O) error {
				if c.want == "" {
					c.f(r, o)
				} else if text := panics(t, func() { c.f(r, o) }); text != c.want {
					t.Errorf("%s, want %s", text, c.want)
				}
				return errors.New("undone")
			}, wasmflowtest.Record{Value: []byte("value")})
			equal(t, got, wasmflowtest.Result{Refusals: []wasmflowtest.Refused{{Text: "undone"}}})
		})
	}
}

// On the machine of a test, what is written after Send never arrives: there the image may be too small to move.
func TestWriteToARoomAfterSendShows(t *testing.T) {
	got := run(t, func(r wasmflow.Record, out *wasmflow.Output) error {
		d := out.From(r)
		room := d.ValueRoom(5)
		copy(room, "in")
		err := d.Send()
		copy(room, "after")
		return err
	}, record("", ""))
	equal(t, got.Records[0].Value, []byte("in\x00\x00\x00"))
}
