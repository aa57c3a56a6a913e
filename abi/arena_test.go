package abi

import (
	"testing"
	"unsafe"
)

func TestArenaKeepsResultsOfATransaction(t *testing.T) {
	t.Parallel()
	var a Arena
	batch := three()
	lim := Limits{Records: 1000, Headers: 1000, Bytes: 1 << 20}
	var results []Result
	for i := range 2000 { // past the first slabs of each kind
		rows := rowsOf(with(0, func(r *Row) {
			r.Value, r.HeadersFrom, r.Headers = Cell{From: CellGiven, Bytes: []byte{byte(i), byte(i >> 8)}}, HeadersAfter, []Header{{"n", []byte{byte(i)}}}
		}))
		img, err := EncodeResult(&rows)
		if err != nil {
			t.Fatal(err)
		}
		res, err := a.Decode(img, 0, imageHeaderSize, &batch, 1, lim)
		if err != nil {
			t.Fatal(err)
		}
		clear(img) // the guest is called again
		results = append(results, res)
	}
	for i, res := range results {
		r := res.Records[0]
		if r.Value[0] != byte(i) || r.Value[1] != byte(i>>8) || len(r.Headers) != 3 || r.Headers[0].Key != "trace" || r.Headers[2].Key != "n" || r.Headers[2].Value[0] != byte(i) {
			t.Fatalf("result %d was overwritten: %+v", i, r)
		}
	}
}

func TestArenaRooms(t *testing.T) {
	t.Parallel()
	var a Arena
	for _, n := range []int{-1, 0} {
		if a.Records(n) != nil || a.Headers(n) != nil || a.Bytes(n) != nil {
			t.Errorf("room for %d is not nil", n)
		}
	}
	x, y := a.Bytes(3), a.Bytes(5)
	if len(x) != 3 || cap(x) != 3 || len(y) != 5 || cap(y) != 5 {
		t.Errorf("rooms of 3 and 5 have lengths %d, %d and capacities %d, %d", len(x), len(y), cap(x), cap(y))
	}
	if a.Reset(); &a.Bytes(3)[0] != &x[0] {
		t.Error("a slab is not kept over a reset")
	}
}

// After a Reset nothing refers to what the transaction before read, and rooms are zero again.
func TestArenaResetClears(t *testing.T) {
	t.Parallel()
	var a Arena
	fetched := []byte("bytes of a fetch")
	for _, n := range []int{1, 200, 5000, 200} {
		for range n { // one by one fills a slab to its end
			a.Records(1)[0].Value, a.Headers(1)[0].Value = fetched, fetched
		}
		a.Reset()
		for i := range a.records.kept {
			if a.records.kept[i].Value != nil {
				t.Fatalf("after %d records, record %d still refers to the fetch", n, i)
			}
		}
		for i := range a.headers.kept {
			if a.headers.kept[i].Value != nil {
				t.Fatalf("after %d headers, header %d still refers to the fetch", n, i)
			}
		}
	}
}

func TestArenaBoundsWhatItKeeps(t *testing.T) {
	t.Parallel()
	for _, rounds := range [][]int{{64 << 20}, {1 << 10, 64 << 20, 1 << 10}, {3 << 20, 17 << 20, 16 << 20, 16<<20 + 1}} {
		var a Arena
		for _, n := range rounds {
			if n > keepBytes {
				a.Bytes(n) // the first slab of a round
			}
			for left := n; left > 0; left -= 1 << 20 {
				a.Bytes(min(left, 1<<20))
			}
			a.Bytes(n)
			a.Reset()
			if kept := cap(a.bytes.kept); kept > keepBytes || cap(a.bytes.free) > keepBytes {
				t.Errorf("after %d bytes it keeps %d", n, kept)
			}
		}
	}
	if s := unsafe.Sizeof(ResultRecord{}); s > 96 {
		t.Errorf("a ResultRecord has %d bytes, keepRecords reckons with 96", s)
	}
	if s := unsafe.Sizeof(Header{}); s > 40 {
		t.Errorf("a Header has %d bytes, keepHeaders reckons with 40", s)
	}
}

// A worker in its stride allocates nothing: one slab of each kind holds a transaction.
func TestArenaStride(t *testing.T) {
	batch := benchBatch(1000, 100, 2)
	rows := Rows{}
	for i := range batch.Records {
		rows.Records = append(rows.Records, with(uint32(i), func(r *Row) {
			r.Value, r.HeadersFrom, r.Headers = Cell{From: CellGiven, Bytes: batch.Records[i].Value}, HeadersAfter, batch.Records[i].Headers
		}))
	}
	img, err := EncodeResult(&rows)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, batch.ImageSize())
	var a Arena
	transaction := func() {
		for range 5 {
			if _, err := EncodeBatch(dst, &batch); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Decode(img, 0, imageHeaderSize, &batch, 1, Limits{Records: 1000, Headers: 5000, Bytes: 1 << 20}); err != nil {
				t.Fatal(err)
			}
		}
		a.Reset()
	}
	transaction()
	transaction()
	if n := testing.AllocsPerRun(10, transaction); n != 0 {
		t.Errorf("%v allocations a transaction, want 0", n)
	}
}
