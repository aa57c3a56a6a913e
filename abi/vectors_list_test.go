package abi

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func given(s string) Cell { return Cell{From: CellGiven, Bytes: []byte(s)} }

var (
	null   = Cell{From: CellNull}
	source = Cell{From: CellSource}
)

func part(off, n uint32) Cell { return Cell{From: CellPart, Off: off, Len: n} }

// forward is a row that changes nothing.
func forward(i uint32) Row {
	return Row{Source: i, Key: source, Value: source, HeadersFrom: HeadersSource, Partition: PartitionByKey}
}

// with gives forward(i) changed by f.
func with(i uint32, f func(*Row)) Row {
	r := forward(i)
	f(&r)
	return r
}

const firstTime = 1_700_000_000_000

// batchOf gives a batch of records with what every vector but a few has in common.
func batchOf(records ...Record) Batch {
	b := Batch{Topic: "payments", Partition: 3, Records: records}
	for i := range records {
		r := &records[i]
		if r.Offset == 0 {
			r.Offset = 100 + int64(i)
		}
		if r.Timestamp == 0 {
			r.Timestamp = firstTime + int64(i)
		}
		if r.LeaderEpoch == 0 {
			r.LeaderEpoch = 7
		}
		if i == 0 || r.Timestamp > b.Clock {
			b.Clock = r.Timestamp
		}
	}
	return b
}

// three is the batch of most vectors.
func three() Batch {
	return batchOf(
		Record{Key: []byte("k1"), Value: []byte("value one"), Headers: []Header{{"trace", []byte("t1")}, {"trace", []byte("t2")}}},
		Record{Key: []byte("k2"), Value: []byte("value two")},
		Record{Key: []byte("k3"), Value: []byte("value three"), Headers: []Header{{"empty", []byte{}}, {"null", nil}}},
	)
}

// nulls has every mix of null, empty and given.
func nulls() Batch {
	return batchOf(
		Record{Key: nil, Value: nil},
		Record{Key: []byte{}, Value: []byte{}},
		Record{Key: nil, Value: []byte{}},
		Record{Key: []byte{}, Value: nil},
		Record{Key: []byte("k"), Value: nil, Headers: []Header{{"", nil}, {"", []byte{}}, {"h", nil}, {"h", []byte{}}, {"h", []byte("v")}}},
	)
}

func manyHeaders(n int) (hs []Header) {
	for i := range n {
		hs = append(hs, Header{fmt.Sprintf("h%03d", i), fmt.Appendf(nil, "%d", i)})
	}
	return hs
}

func rowsOf(rows ...Row) Rows { return Rows{Records: rows} }

// goodVectors gives the vectors that a reader takes, in the canonical form.
func goodVectors() []*vector {
	binary := batchOf(
		Record{Key: []byte{0xFF, 0x00, 0xFE}, Value: []byte{0x80, 0xC3, 0x28, 0x00, 0xED, 0xA0, 0x80}, Headers: []Header{{"\xff\x00\xfe", []byte{0}}, {"\xc3", nil}}},
	)
	extreme := batchOf(Record{Key: []byte("k"), Value: []byte("v"), Offset: math.MaxInt64, Timestamp: math.MaxInt64, LeaderEpoch: math.MaxInt32})
	extreme.Partition = math.MaxInt32
	times := batchOf(Record{Value: []byte("a"), Timestamp: -1}, Record{Value: []byte("b")}, Record{Value: []byte("c"), Flags: FlagBrokerTime})
	times.Records[1].Timestamp = 0
	chained := batchOf(Record{Value: []byte("a"), Offset: 9}, Record{Value: []byte("b"), Offset: 9}, Record{Value: []byte("c"), Offset: 8})
	crowd := batchOf(Record{Key: []byte("k"), Value: []byte("v"), Headers: manyHeaders(1000)})
	twelve := batchOf()
	for i := range 12 {
		twelve.Records = append(twelve.Records, Record{Offset: int64(i), Timestamp: firstTime, LeaderEpoch: -1, Value: fmt.Appendf(nil, "n%d", i)})
	}
	twelve.Clock = firstTime

	return []*vector{
		{name: "empty-batch", about: "no record in, none out: offsets and addresses of nothing are not read", batch: Batch{Topic: "payments", Partition: 3}},
		{name: "identity", about: "three records, forwarded: key, value and headers are the source's", batch: three(), rows: rowsOf(forward(0), forward(1), forward(2))},
		{name: "drop", about: "a record in neither list is dropped", batch: three(), rows: rowsOf(forward(1))},
		{name: "null-and-empty", about: "null, empty and given keys, values and header values, rebuilt byte for byte", batch: nulls(), rows: rowsOf(
			Row{Source: 0, Key: null, Value: null, Partition: -1}, Row{Source: 1, Key: given(""), Value: given(""), Partition: -1},
			Row{Source: 2, Key: null, Value: given(""), Partition: -1}, Row{Source: 3, Key: given(""), Value: null, Partition: -1},
			Row{Source: 4, Key: given("k"), Value: null, Partition: -1, Headers: nulls().Records[4].Headers},
		)},
		{name: "null-inherited", about: "what is inherited is null or empty as the source's", batch: nulls(), rows: rowsOf(forward(0), forward(1), forward(2), forward(3), forward(4))},
		{name: "tombstone", about: "a value becomes null, a null stays null", batch: nulls(), rows: rowsOf(
			with(4, func(r *Row) { r.HeadersFrom = HeadersGiven }), with(1, func(r *Row) { r.Value = null }),
		)},
		{name: "headers-1000", about: "1000 headers, rebuilt in order", batch: crowd, rows: rowsOf(
			with(0, func(r *Row) { r.HeadersFrom, r.Headers = HeadersGiven, manyHeaders(1000) }),
		)},
		{name: "headers-repeated", about: "keys that repeat keep their number and order, null and empty values stay apart", batch: three(), rows: rowsOf(
			with(0, func(r *Row) {
				r.HeadersFrom, r.Headers = HeadersGiven, []Header{{"a", []byte("1")}, {"b", nil}, {"a", []byte{}}, {"a", []byte("1")}, {"", []byte("no key")}}
			}),
		)},
		{name: "headers-binary", about: "header keys are bytes, not text", batch: binary, rows: rowsOf(
			with(0, func(r *Row) { r.HeadersFrom, r.Headers = HeadersGiven, binary.Records[0].Headers }),
		)},
		{name: "headers-none", about: "headers are taken away", batch: three(), rows: rowsOf(with(0, func(r *Row) { r.HeadersFrom = HeadersGiven }))},
		{name: "headers-after", about: "the source's headers come first, also where it has none", batch: three(), rows: rowsOf(
			with(0, func(r *Row) { r.HeadersFrom, r.Headers = HeadersAfter, []Header{{"trace", []byte("t3")}, {"x", nil}} }),
			with(1, func(r *Row) { r.HeadersFrom, r.Headers = HeadersAfter, []Header{{"only", []byte("one")}} }),
		)},
		{name: "binary", about: "keys, values and header keys that are not UTF-8", batch: binary, rows: Rows{
			Records: []Row{{Source: 0, Key: given("\x00\xff"), Value: given("\xfe\x00\x80"), Partition: -1}},
		}},
		{name: "copied", about: "key and value written by the guest, headers the source's", batch: three(), rows: rowsOf(
			with(0, func(r *Row) { r.Key, r.Value = given("K1"), given("VALUE ONE") }), with(2, func(r *Row) { r.Key, r.Value = given("K3"), given("VALUE THREE") }),
		)},
		{name: "route", about: "one record to the second output, one to both", outputs: 2, batch: three(), rows: rowsOf(
			with(0, func(r *Row) { r.Output = 1 }), forward(1), with(1, func(r *Row) { r.Output = 1 }),
		)},
		{name: "any-order", about: "rows stand in the guest's order, whatever their sources", batch: three(), rows: rowsOf(forward(2), forward(0), forward(2), forward(1))},
		{name: "refusal", about: "refusals with code and text, without either, and a text that is not UTF-8", batch: three(), rows: Rows{
			Records:  []Row{forward(1)},
			Refusals: []Refusal{{0, 42, "amount: not a number"}, {2, 0, ""}},
		}},
		{name: "refusal-text", about: "a text that is not UTF-8 is made so, one over 1024 bytes is cut", batch: three(), rows: Rows{
			Refusals: []Refusal{{0, 1, "bad \xff byte"}, {1, math.MaxUint32, strings.Repeat("x", 1025)}},
		}},
		{name: "refusal-beats-outputs", about: "a source with outputs and a refusal is refused, its outputs are left out", batch: three(), rows: Rows{
			Records:  []Row{forward(0), forward(1), forward(1), forward(2)},
			Refusals: []Refusal{{1, 5, "changed my mind"}},
		}},
		{name: "timestamp", about: "a timestamp given: negative, zero, largest; and the source's negative and zero ones", batch: times, rows: rowsOf(
			forward(0), forward(1), forward(2),
			with(0, func(r *Row) { r.HasTimestamp, r.Timestamp = true, 0 }),
			with(1, func(r *Row) { r.HasTimestamp, r.Timestamp = true, -5 }),
			with(2, func(r *Row) { r.HasTimestamp, r.Timestamp = true, math.MaxInt64 }),
		)},
		{name: "partition", about: "an explicit partition, 0 and the largest", batch: three(), rows: rowsOf(
			with(0, func(r *Row) { r.Partition = 0 }), with(1, func(r *Row) { r.Partition = math.MaxInt32 }),
		)},
		{name: "value-part", about: "parts of the source's value: without its first bytes, whole, and none", batch: three(), rows: rowsOf(
			with(0, func(r *Row) { r.Value = part(6, 3) }), with(1, func(r *Row) { r.Value = part(0, 9) }), with(2, func(r *Row) { r.Value = part(0, 0) }),
		)},
		{name: "key-part", about: "a part of the source's key, beside a value of the guest's and a part of the value", batch: three(), rows: rowsOf(
			with(0, func(r *Row) { r.Key, r.Value = part(1, 1), given("v") }), with(1, func(r *Row) { r.Key, r.Value = part(0, 1), part(1, 2) }),
		)},
		{name: "large-offset", about: "largest offset, timestamp, epoch and partition", batch: extreme, rows: rowsOf(forward(0))},
		{name: "chain-offsets", about: "records made by an earlier transform share an offset or step back", batch: chained, rows: rowsOf(forward(0), forward(1), forward(2))},
		{name: "twelve", about: "every third of twelve records is refused, the rest forwarded", batch: twelve, rows: Rows{
			Records:  []Row{forward(1), forward(2), forward(4), forward(5), forward(7), forward(8), forward(10), forward(11)},
			Refusals: []Refusal{{0, 3, "n0"}, {3, 3, "n3"}, {6, 3, "n6"}, {9, 3, "n9"}},
		}},
	}
}

// vectors makes all vectors.
func vectors(t testing.TB) []*vector {
	vs := goodVectors()
	for _, v := range vs {
		v.build(t)
	}
	vs = append(vs, otherForms(t)...)
	vs = append(vs, badInputs(t)...)
	return append(vs, badResults(t)...)
}

// build fills in the images and what a host makes of them.
func (v *vector) build(t testing.TB) {
	if v.outputs == 0 {
		v.outputs = 1
	}
	if v.limits == (Limits{}) {
		v.limits = Limits{Records: 1000, Headers: 2000, Bytes: 1 << 20}
	}
	v.input = make([]byte, v.batch.ImageSize())
	if _, err := EncodeBatch(v.input, &v.batch); err != nil {
		t.Fatalf("%s: %v", v.name, err)
	}
	img, err := EncodeResult(&v.rows)
	if err != nil {
		t.Fatalf("%s: %v", v.name, err)
	}
	v.result = img
	if v.badImage == "" {
		v.produced = resolve(v.rows, v.batch)
	}
}
