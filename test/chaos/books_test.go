package chaos_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/test/chaos"
)

// ledger is what a run left, to be changed by a test: topics with values in one partition each, dead letters with their headers.
type ledger struct {
	in, a, b  []chaos.Record
	dead      []chaos.Seen
	committed int64
	watched   map[string][]int64 // ids by topic, offset by offset
}

// good is a run that kept the promise: ids 0..9 of one key, of which 3 was refused and 7 trapped.
func good() *ledger {
	l := &ledger{committed: 10, watched: map[string][]int64{}}
	for id := range int64(10) {
		r := chaos.Record{ID: id, Key: "k", Seq: id, Kind: map[int64]chaos.Kind{3: chaos.Refused, 7: chaos.Trapped}[id]}
		l.in = append(l.in, r)
		switch r.Kind {
		case chaos.Good:
			l.a, l.b = append(l.a, r), append(l.b, r)
		case chaos.Refused:
			l.letter(r, "refused")
		default:
			l.letter(r, "unreachable")
		}
	}
	return l
}

func (l *ledger) letter(r chaos.Record, kind string) {
	l.dead = append(l.dead, chaos.Seen{Value: r.Value(), Headers: map[string]string{"wasmflow.kind": kind, "wasmflow.module.digest": "sha256:1"}})
}

func (l *ledger) books(t *testing.T) *chaos.Books {
	t.Helper()
	b := chaos.NewBooks("a", "b", "dead")
	b.Module = "sha256:1"
	for i, r := range l.in {
		if err := b.Input(chaos.Seen{Place: chaos.Place{Topic: "in"}, Offset: int64(i), Value: r.Value()}); err != nil {
			t.Fatal(err)
		}
	}
	for topic, records := range map[string][]chaos.Record{"a": l.a, "b": l.b} {
		for i, r := range records {
			b.Output(chaos.Seen{Place: chaos.Place{Topic: topic}, Offset: int64(i), Value: r.Value()})
		}
	}
	for i, s := range l.dead {
		s.Topic, s.Offset = "dead", int64(i)
		b.Output(s)
	}
	b.Offset(chaos.Place{Topic: "in"}, l.committed, int64(len(l.in))-1, int64(len(l.in))+1)
	for topic, ids := range l.watched {
		for offset, id := range ids {
			b.Watched(chaos.Place{Topic: topic}, int64(offset), id)
		}
	}
	b.Close()
	return b
}

// TestBooksCatch holds that each verdict is found by what it is named for, and by nothing else: books that find nothing prove
// nothing.
func TestBooksCatch(t *testing.T) {
	t.Parallel()
	without := func(records []chaos.Record, i int) []chaos.Record {
		return slices.Delete(slices.Clone(records), i, i+1)
	}
	for name, c := range map[string]struct {
		change func(l *ledger)
		want   []chaos.Verdict
		says   string
	}{
		"nothing wrong":            {func(*ledger) {}, nil, ""},
		"marker behind the commit": {func(l *ledger) { l.committed = 11 }, nil, ""},
		"the reader kept up":       {func(l *ledger) { l.watched["a"] = []int64{0, 1, 2, 4} }, nil, ""},
		"no trace":                 {func(l *ledger) { l.a, l.b = without(l.a, 2), without(l.b, 2) }, []chaos.Verdict{chaos.Lost}, "id 2 (good)"},
		"no dead letter":           {func(l *ledger) { l.dead = l.dead[:1] }, []chaos.Verdict{chaos.Lost}, "id 7 (trap)"},
		"one output":               {func(l *ledger) { l.b = without(l.b, 4) }, []chaos.Verdict{chaos.Torn}, "1 times in a and 0 times in b"},
		"again":                    {func(l *ledger) { l.a = append(l.a, l.a[0]) }, []chaos.Verdict{chaos.Twice}, "a/0@8: id 0 for the 2. time"},
		"dead letter again":        {func(l *ledger) { l.dead = append(l.dead, l.dead[0]) }, []chaos.Verdict{chaos.Twice}, "id 3"},
		"the other way round":      {func(l *ledger) { l.a[1], l.a[2] = l.a[2], l.a[1] }, []chaos.Verdict{chaos.Order}, "number 1 of key k, after number 2"},
		"guilty in the outputs":    {func(l *ledger) { l.a, l.b = append(l.a, l.in[7]), append(l.b, l.in[7]) }, []chaos.Verdict{chaos.Order, chaos.Poison}, "id 7"},
		"refused and written": {
			func(l *ledger) {
				l.dead = l.dead[1:]
				l.a, l.b = slices.Insert(l.a, 3, l.in[3]), slices.Insert(l.b, 3, l.in[3])
			}, []chaos.Verdict{chaos.Poison}, "id 3 (refuse) is in an output",
		},
		"innocent": {
			func(l *ledger) { l.a, l.b = without(l.a, 0), without(l.b, 0); l.dead = nil; l.innocent() },
			[]chaos.Verdict{chaos.Poison},
			"id 0 is innocent",
		},
		"another cause":     {func(l *ledger) { l.dead[0].Headers["wasmflow.kind"] = "memory" }, []chaos.Verdict{chaos.Poison}, `says "memory"`},
		"no cause":          {func(l *ledger) { delete(l.dead[1].Headers, "wasmflow.kind") }, []chaos.Verdict{chaos.Poison}, `says ""`},
		"another module":    {func(l *ledger) { l.dead[0].Headers["wasmflow.module.digest"] = "sha256:2" }, []chaos.Verdict{chaos.Digest}, "not sha256:1"},
		"never committed":   {func(l *ledger) { l.a = append(l.a, chaos.Record{ID: 5_000_000_000, Key: "k", Seq: 99}) }, []chaos.Verdict{chaos.Phantom}, "5000000000"},
		"not ours":          {func(l *ledger) { l.dead = append(l.dead, chaos.Seen{Value: []byte("x")}) }, []chaos.Verdict{chaos.Phantom}, `"x"`},
		"commit too low":    {func(l *ledger) { l.committed = 9 }, []chaos.Verdict{chaos.Committed}, "committed 9"},
		"commit too high":   {func(l *ledger) { l.committed = 12 }, []chaos.Verdict{chaos.Committed}, "committed 12"},
		"seen and gone":     {func(l *ledger) { l.watched["b"] = []int64{0, 1, 2, 4, 5, 6, 8, 9, 9} }, []chaos.Verdict{chaos.Leaked}, "b/0@8: id 9"},
		"seen as something": {func(l *ledger) { l.watched["a"] = []int64{1} }, []chaos.Verdict{chaos.Leaked}, "id 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := good()
			c.change(l)
			b := l.books(t)
			if got := b.Has(); !slices.Equal(got, c.want) {
				t.Errorf("found %v, want %v:\n%s", got, c.want, b)
			}
			if text := b.String(); !strings.Contains(text, c.says) || len(c.want) > 0 && !strings.Contains(text, c.want[0].String()) {
				t.Errorf("says %q, not %q", text, c.says)
			}
		})
	}
}

// innocent makes a dead letter of id 0, beside those that are right.
func (l *ledger) innocent() {
	l.letter(l.in[0], "unreachable")
	l.letter(l.in[3], "refused")
	l.letter(l.in[7], "unreachable")
}

// TestInputIsHeldToo: the checker builds on unique ids that ascend for each key; an input without that is no ground.
func TestInputIsHeldToo(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][][]byte{
		"twice":    {chaos.Record{ID: 1, Key: "k", Seq: 1}.Value(), chaos.Record{ID: 1, Key: "k", Seq: 2}.Value()},
		"order":    {chaos.Record{ID: 1, Key: "k", Seq: 2}.Value(), chaos.Record{ID: 2, Key: "k", Seq: 1}.Value()},
		"phantom":  {chaos.Record{ID: 5_000_000_000, Key: "k"}.Value()},
		"not ours": {[]byte("0000000001 k 00000001 good or so")},
	} {
		b := chaos.NewBooks("a", "b", "dead")
		var err error
		for i, v := range values {
			if err = b.Input(chaos.Seen{Offset: int64(i), Value: v}); err != nil && i < len(values)-1 {
				t.Errorf("%s: value %d: %v", name, i, err)
			}
		}
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
