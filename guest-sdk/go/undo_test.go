package wasmflow

import (
	"errors"
	"testing"
)

// What is undone must leave nothing in the image either: headers and bytes count against the host's limits, whether a
// record names them or not.
func TestWhatIsUndoneLeavesNoBytes(t *testing.T) {
	t.Parallel()
	build := func(r Record, out *Output) Draft {
		return out.From(r).Key([]byte("key")).Value([]byte("value")).AddHeader("name", []byte("header"))
	}
	for name, c := range map[string]struct {
		f    func(Record, *Output) error
		want mark
	}{
		"a draft that is sent": {func(r Record, out *Output) error { return build(r, out).Send() }, mark{1, 1, 18}},
		"an open draft":        {func(r Record, out *Output) error { build(r, out); return nil }, mark{}},
		"an error":             {func(r Record, out *Output) error { build(r, out).Send(); return errors.New("no") }, mark{0, 0, 2}},
		"Refuse": {func(r Record, out *Output) error {
			build(r, out).Send()
			build(r, out)
			out.Refuse(r, errors.New("no"))
			return nil
		}, mark{0, 0, 2}},
		"headers": {func(r Record, out *Output) error { return build(r, out).NoHeaders().Send() }, mark{1, 0, 18}},
		"a value that is replaced": {func(r Record, out *Output) error {
			return out.From(r).Value(make([]byte, 100)).Value([]byte("v")).Send()
		}, mark{1, 0, 1}},
		"a room that is shortened": {func(r Record, out *Output) error {
			d := out.From(r)
			return d.Value(d.ValueRoom(1000)[:3]).Send()
		}, mark{1, 0, 3}},
	} {
		g := guest{each: c.f}
		g.transform(image(headSize, rowSize, "a"))
		if g.output.length != c.want {
			t.Errorf("%s: %+v, want %+v", name, g.output.length, c.want)
		}
	}
}
