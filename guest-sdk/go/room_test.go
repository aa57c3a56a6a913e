package wasmflow

import (
	"bytes"
	"errors"
	"testing"
)

// sent is a value that a guest sends by f. Its instance gives rooms out as on Wasm: inside the image, as long as that does
// not move.
func sent(t *testing.T, f func(Record, *Output) error) string {
	t.Helper()
	g := guest{each: func(r Record, out *Output) error {
		if r.Index() == 1 {
			return f(r, out)
		}
		return out.Send(r, []byte("around"))
	}}
	g.transform(image(headSize, rowSize, "a", "source", "b"))
	o := &g.output
	if o.length.rows != 3 || o.moved != nil {
		t.Fatalf("%d rows, and a room of %d bytes", o.length.rows, len(o.moved))
	}
	values := make([]string, 3)
	for i := range values {
		if o.rows[i].valueLen == null {
			values[i] = "null"
			continue
		}
		values[i] = string(o.blob[o.rows[i].valueOff:][:o.rows[i].valueLen])
	}
	if values[0] != "around" || values[2] != "around" {
		t.Errorf("the values around are %q and %q", values[0], values[2])
	}
	return values[1]
}

// However much the draft's other methods put into the image, what was written to the room is sent.
func TestRoomOutlivesGrowth(t *testing.T) {
	t.Parallel()
	large := make([]byte, 5_000_000)
	for name, grow := range map[string]func(Draft){
		"nothing":           func(Draft) {},
		"a key":             func(d Draft) { d.Key(large) },
		"a small key":       func(d Draft) { d.Key([]byte("k")) },
		"a header":          func(d Draft) { d.AddHeader("h", large) },
		"a header's name":   func(d Draft) { d.AddHeader(string(large), nil) },
		"growing twice":     func(d Draft) { d.Key(large).AddHeader("h", make([]byte, 20_000_000)) },
		"what puts nothing": func(d Draft) { d.To(To{}).NoHeaders().Partition(1).TimestampMs(1) },
	} {
		got := sent(t, func(r Record, out *Output) error {
			d := out.From(r)
			room := d.ValueRoom(5)
			room[0] = 'h'
			grow(d)
			copy(room[1:], "ell")
			grow(d)
			room[4] = 'o'
			return d.Send()
		})
		if got != "hello" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// A room ends where the value is set anew. It can still be read then, and is not what the new value is written to.
func TestValueAfterARoom(t *testing.T) {
	t.Parallel()
	large := make([]byte, 5_000_000)
	for name, c := range map[string]struct {
		set  func(d Draft, room []byte)
		want string
	}{
		"Value":              {func(d Draft, _ []byte) { d.Value([]byte("value")) }, "value"},
		"Value, shortened":   {func(d Draft, room []byte) { d.Value(room[:3]) }, "rrr"},
		"Value, then growth": {func(d Draft, room []byte) { d.Value(room[:3]).Key(large) }, "rrr"},
		"growth, then Value": {func(d Draft, room []byte) { d.Key(large).Value(room[:3]) }, "rrr"},
		"null, then growth":  {func(d Draft, _ []byte) { d.Value(nil).Key(large) }, "null"},
		"ValuePart":          {func(d Draft, room []byte) { d.ValuePart(0, 2).Value(nil).Value([]byte("v")) }, "v"},
		"AppendValue of it": {func(d Draft, room []byte) {
			d.AppendValue(func(b []byte) []byte { return append(append(b, "<>"...), room...) })
		}, "<>rrrrr"},
		"a larger room": {func(d Draft, room []byte) { copy(d.ValueRoom(7), room) }, "rrrrr\x00\x00"},
		"a huge room":   {func(d Draft, room []byte) { copy(d.ValueRoom(len(large)), room); d.Value(room) }, "rrrrr"},
	} {
		got := sent(t, func(r Record, out *Output) error {
			d := out.From(r)
			room := d.ValueRoom(5)
			copy(room, "rrrrr")
			c.set(d, room)
			return d.Send()
		})
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got[:min(20, len(got))], c.want)
		}
	}
}

// A room that was sent is not taken for one of the next draft.
func TestRoomOfTheDraftBefore(t *testing.T) {
	t.Parallel()
	g := guest{each: func(r Record, out *Output) error {
		d := out.From(r)
		if r.Index() == 0 {
			copy(d.ValueRoom(5), "value")
			return d.Send()
		}
		return d.Key(make([]byte, 5_000_000)).Send()
	}}
	g.transform(image(headSize, rowSize, "a", "b"))
	o := &g.output
	if want := (mark{2, 0, 5_000_005}); o.length != want || string(o.blob[:5]) != "value" || o.rows[1].valueLen != inherited {
		t.Errorf("%+v, want %+v, with %q", o.length, want, o.blob[:5])
	}
}

// A room whose draft was left or undone is not written to the image by a later one.
func TestRoomOfAnUndoneDraft(t *testing.T) {
	t.Parallel()
	g := guest{each: func(r Record, out *Output) error {
		d := out.From(r)
		if r.Index() == 1 {
			return d.Key([]byte("clean")).Send()
		}
		copy(d.ValueRoom(5), "dirty")
		d.Key(make([]byte, 5_000_000))
		if r.Index() == 0 {
			return nil
		}
		return errors.New("refused")
	}}
	g.transform(image(headSize, rowSize, "a", "b", "c"))
	if want := (mark{1, 0, 5 + 7}); g.output.length != want || string(g.output.blob[:12]) != "cleanrefused" {
		t.Errorf("%+v, want %+v", g.output.length, want)
	}
}

// A batch's function may take the panic of an AppendValue for a refusal. The slice that was lent does not reach the reason.
func TestRefuseAfterAPanicInsideAppend(t *testing.T) {
	t.Parallel()
	var lent []byte
	g := guest{whole: func(b Batch, out *Output) error {
		func() {
			defer func() { out.Refuse(b.At(0), errors.New(recover().(string))) }()
			out.From(b.At(0)).AppendValue(func(b []byte) []byte { lent = append(b, "half"...); panic("reason") })
		}()
		_ = append(lent[:0], "overwritten"...)
		return out.Send(b.At(1), []byte("next"))
	}}
	g.transform(image(headSize, rowSize, "a", "b"))
	if o := &g.output; o.nrefused != 1 || string(o.blob[:o.length.blob]) != "reasonnext" {
		t.Errorf("%d refusals, %q", o.nrefused, o.blob[:o.length.blob])
	}
}

// Where Refuse ends the draft, what is still written to its room hits neither the reason nor the records that follow.
func TestRoomAfterRefuse(t *testing.T) {
	t.Parallel()
	var g guest
	refuse := func(r Record, out *Output) error {
		if r.Index() == 1 {
			return out.Send(r, []byte("next"))
		}
		d := out.From(r)
		room := d.ValueRoom(100)
		out.Refuse(r, errors.New("reason"))
		copy(room, bytes.Repeat([]byte("x"), 100))
		return nil
	}
	for _, g = range []guest{{each: refuse}, {whole: func(b Batch, out *Output) error {
		for _, r := range b.All() {
			refuse(r, out)
		}
		return nil
	}}} {
		g.transform(image(headSize, rowSize, "a", "b"))
		o := &g.output
		text := o.blob[o.refusals[0].textOff:][:o.refusals[0].textLen]
		value := o.blob[o.rows[0].valueOff:][:o.rows[0].valueLen]
		if o.nrefused != 1 || o.length.rows != 1 || string(text) != "reason" || string(value) != "next" {
			t.Errorf("%d refusals, %d rows: %q, %q", o.nrefused, o.length.rows, text, value)
		}
	}
}
