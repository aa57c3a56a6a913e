package chaos

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// Place is a partition.
type Place struct {
	Topic     string
	Partition int32
}

// String is the topic and the partition's number.
func (p Place) String() string { return fmt.Sprintf("%s/%d", p.Topic, p.Partition) }

// Seen is a record as a reader met it.
type Seen struct {
	Place
	Offset int64
	Value  []byte
	// Headers by name, the last one of each; only dead letters are asked for them.
	Headers map[string]string
}

// entry is what is known of one id.
type entry struct {
	there      bool // in the input, committed
	kind       Kind
	a, b, dead uint8
}

// mark is where an id was met.
type mark struct{ offset, id int64 }

// Books hold what came out against what went in. The truth about the input is the input topic, read to its end: what a producer
// knows of its own transactions is less. One goroutine keeps them.
type Books struct {
	Findings
	// Topics of the outputs and of the dead letters.
	A, B, Dead string
	// Module is the digest that dead letters must name, "" for any.
	Module string

	entries []entry
	keys    map[string]int64           // last sequence number of each key in the input
	last    map[Place]map[string]int64 // and in each partition of an output
	final   map[Place][]mark           // all records of outputs and dead letters, by offset
	records int
	letters int
	watched int
}

// NewBooks opens books for the outputs a and b and for the dead letters.
func NewBooks(a, b, dead string) *Books {
	return &Books{
		A: a, B: b, Dead: dead,
		keys: map[string]int64{}, last: map[Place]map[string]int64{}, final: map[Place][]mark{},
	}
}

// Input books a record of the input. An error says that the input itself is not what the checker builds upon.
func (b *Books) Input(s Seen) error {
	r, err := Parse(s.Value)
	if err != nil {
		return err
	}
	if r.ID >= phantoms {
		return fmt.Errorf("%v@%d: record %d was aborted by its producer, and is visible", s.Place, s.Offset, r.ID)
	}
	for int64(len(b.entries)) <= r.ID {
		b.entries = append(b.entries, entry{})
	}
	if b.entries[r.ID].there {
		return fmt.Errorf("%v@%d: record %d is in the input twice", s.Place, s.Offset, r.ID)
	}
	if last, ok := b.keys[r.Key]; ok && r.Seq <= last {
		return fmt.Errorf("%v@%d: record %d of key %s comes after %d", s.Place, s.Offset, r.Seq, r.Key, last)
	}
	b.keys[r.Key] = r.Seq
	b.entries[r.ID] = entry{there: true, kind: r.Kind}
	b.records++
	return nil
}

// Records is how many there are in the input.
func (b *Books) Records() int { return b.records }

// Letters is how many dead letters were booked.
func (b *Books) Letters() int { return b.letters }

// Seen is how many records the readers met while the pipeline ran.
func (b *Books) Seen() int { return b.watched }

// Output books a record of an output or of the dead letters, in the order of offsets.
func (b *Books) Output(s Seen) {
	r, err := Parse(s.Value)
	if b.last[s.Place] == nil {
		b.last[s.Place] = map[string]int64{}
	}
	b.final[s.Place] = append(b.final[s.Place], mark{s.Offset, r.ID})
	if err != nil || r.ID < 0 || r.ID >= int64(len(b.entries)) || !b.entries[r.ID].there {
		b.Find(Phantom, "%v@%d: id %d %q", s.Place, s.Offset, r.ID, s.Value)
		return
	}
	e := &b.entries[r.ID]
	n := map[string]*uint8{b.A: &e.a, b.B: &e.b, b.Dead: &e.dead}[s.Topic]
	if *n++; *n > 1 {
		b.Find(Twice, "%v@%d: id %d for the %d. time", s.Place, s.Offset, r.ID, *n)
		return // its order says nothing
	}
	if last, ok := b.last[s.Place][r.Key]; ok && r.Seq < last {
		b.Find(Order, "%v@%d: id %d is number %d of key %s, after number %d", s.Place, s.Offset, r.ID, r.Seq, r.Key, last)
	}
	b.last[s.Place][r.Key] = r.Seq
	if s.Topic == b.Dead {
		b.letter(s, r, e)
	}
}

// letter holds a dead letter to the record that came, to its cause, and to the module.
func (b *Books) letter(s Seen, r Record, e *entry) {
	b.letters++
	want := map[Kind]string{Refused: "refused"}[e.kind]
	switch kind := s.Headers["wasmflow.kind"]; {
	case e.kind == Good:
		b.Find(Poison, "%v@%d: id %d is innocent: %s %s", s.Place, s.Offset, r.ID, kind, s.Headers["__streams.errors.message"])
	case kind == "" || (kind == "refused") != (want == "refused"):
		b.Find(Poison, "%v@%d: id %d was to %s, and the dead letter says %q", s.Place, s.Offset, r.ID, e.kind.word(), kind)
	case !bytes.Equal(s.Value, Record{r.ID, r.Key, r.Seq, e.kind}.Value()):
		b.Find(Poison, "%v@%d: id %d is not as it came: %q", s.Place, s.Offset, r.ID, s.Value)
	}
	if got := s.Headers["wasmflow.module.digest"]; b.Module != "" && got != b.Module {
		b.Find(Digest, "%v@%d: id %d: %s, not %s", s.Place, s.Offset, r.ID, got, b.Module)
	}
}

// Offset books where a group stands in a partition of the input: behind the last record, and at most at the log's end, since
// markers of transactions may lie in between. last is -1 where there is no record.
func (b *Books) Offset(at Place, committed, last, end int64) {
	if last >= 0 && (committed <= last || committed > end) {
		b.Find(Committed, "%v: committed %d, the last record is at %d and the log ends at %d", at, committed, last, end)
	}
}

// Watched books what a reader met while the pipeline ran. Everything of the end must have been booked before.
func (b *Books) Watched(at Place, offset, id int64) {
	b.watched++
	marks := b.final[at]
	n, ok := slices.BinarySearchFunc(marks, offset, func(m mark, offset int64) int { return cmp.Compare(m.offset, offset) })
	if !ok || marks[n].id != id {
		b.Find(Leaked, "%v@%d: id %d was there", at, offset, id)
	}
}

// Close finds what is missing.
func (b *Books) Close() *Findings {
	for id, e := range b.entries {
		switch {
		case !e.there:
		case e.a+e.b+e.dead == 0:
			b.Find(Lost, "id %d (%s)", id, e.kind.word())
		case e.dead > 0 && e.a+e.b > 0:
			b.Find(Poison, "id %d (%s) is in an output and in the dead letters", id, e.kind.word())
		case e.dead == 0 && e.kind != Good:
			b.Find(Poison, "id %d (%s) is in an output", id, e.kind.word())
		case e.dead == 0 && (e.a == 0 || e.b == 0):
			b.Find(Torn, "id %d is %d times in %s and %d times in %s", id, e.a, b.A, e.b, b.B)
		}
	}
	return &b.Findings
}
