package wasmflow

import (
	"cmp"
	"slices"
	"unsafe"
)

// Output takes what the transform makes of its records. Its buffers are kept from call to call, and become the result
// image as they are: what is sent is copied once at most.
//
// One draft is open at a time: between From and the draft's Send, any other use of the output panics.
type Output struct {
	in *input

	// Lengths are kept apart from the slices: storing an int needs no write barrier.
	rows     []resultRow
	headers  []headerEntry
	refusals []refusalEntry
	blob     []byte
	length   mark
	nrefused int
	unsorted bool // refusals do not ascend by source

	open    uint32 // number of the open draft, 0 where none is
	drafts  uint32 // number of the last draft
	lent    bool   // the end of blob is in the hands of AppendValue's function
	hasRoom bool   // the open draft's value was given out by ValueRoom
	moved   []byte // that room, where it is no longer in blob: what is written there is copied by Send
	before  mark   // lengths when the open draft was begun

	roomsApart bool // rooms are not in blob from the start: never on Wasm

	// The rest is for Transform, which hands over one record at a time.
	single  bool
	current uint32 // index of the record
	start   mark   // lengths when it was handed over
	refused bool   // it has been refused
}

// mark is how full an Output was at some moment, so that what came after can be undone.
type mark struct{ rows, headers, blob int }

// Forward sends r on to the default output as it is: key, value, headers and timestamp. No byte of it is copied.
func (o *Output) Forward(r Record) error {
	o.row(r)
	o.length.rows++
	return nil
}

// Send sends r on to the default output with another value; key, headers and timestamp stay. A nil value is null, a
// tombstone; an empty one is not. The value is copied.
func (o *Output) Send(r Record, value []byte) error {
	row := o.row(r)
	row.valueOff, row.valueLen = o.put(value)
	o.length.rows++
	return nil
}

// From begins a draft of an output record. It starts as r, unchanged, on its way to the default output; nothing is sent
// before Send. A draft that the transform leaves without Send is undone.
func (o *Output) From(r Record) Draft {
	o.row(r)
	o.drafts++
	if o.drafts == 0 { // numbers wrapped, and 0 means that none is open
		o.drafts = 1
	}
	o.open, o.before, o.hasRoom = o.drafts, o.length, false
	return Draft{o, o.open}
}

// Refuse sets r aside with the error as the reason: the pipeline's error policy decides what happens to it, and nothing
// that was sent from r, before or after, leaves the host. An error from Transform's function does the same; only a
// function of TransformBatch needs Refuse. The first refusal of a record counts. An open draft is undone.
//
// The reason's code is that of a Refusal in err's chain, else 0; its text is cut after 1 KiB, between characters.
func (o *Output) Refuse(r Record, err error) {
	if o.lent { // the function's slice must not reach what follows
		o.blob = slices.Clone(o.blob)
	}
	room := 0
	if o.open != 0 && o.hasRoom {
		room = o.length.blob
	}
	o.dropDraft()
	r.in.row(r.index)
	if o.single && r.index == o.current {
		if o.refused {
			return
		}
		o.refused = true
		o.length = o.start
	}
	o.length.blob = max(o.length.blob, room) // who still writes to the room must not hit what follows
	code, text := reason(err)
	if o.nrefused == len(o.refusals) {
		o.refusals = append(o.refusals, make([]refusalEntry, max(16, len(o.refusals)))...)
	}
	if o.nrefused > 0 && o.refusals[o.nrefused-1].source >= r.index {
		o.unsorted = true
	}
	off := o.length.blob
	copy(o.room(len(text)), text)
	o.refusals[o.nrefused] = refusalEntry{r.index, code, uint32(off), uint32(len(text))}
	o.nrefused++
}

// row prepares the next row as "r, unchanged". It becomes a record when length.rows is raised.
func (o *Output) row(r Record) *resultRow {
	if o.open != 0 {
		panic("wasmflow: the output was used while a draft was open: a draft ends with Send")
	}
	if r.index >= r.in.n {
		panic(afterBatch)
	}
	if o.length.rows == len(o.rows) {
		o.rows = append(o.rows, make([]resultRow, max(64, len(o.rows)))...)
	}
	row := &o.rows[o.length.rows]
	*row = resultRow{source: r.index, keyLen: inherited, valueLen: inherited, headerCount: inheritedHeaders, partition: -1}
	return row
}

// put copies b into the image and gives its place; nil is null.
func (o *Output) put(b []byte) (off uint32, length int32) {
	if b == nil {
		return 0, null
	}
	off = uint32(o.length.blob)
	copy(o.room(len(b)), b)
	return off, int32(len(b))
}

// room adds n bytes to the blob. They hold whatever an earlier call left there.
func (o *Output) room(n int) []byte {
	from := o.length.blob
	to := from + n
	if uint(to) > uint(len(o.blob)) || n < 0 {
		o.grow(n)
	}
	o.length.blob = to
	return o.blob[from:to:to]
}

// grow makes space for n more bytes.
func (o *Output) grow(n int) {
	const most = 1<<31 - 1 // lengths in the image are signed
	used := o.length.blob
	if n < 0 || n > most-used {
		panic("wasmflow: the result of a call is larger than 2 GiB")
	}
	if o.open != 0 && o.hasRoom && o.moved == nil {
		row := &o.rows[o.length.rows]
		o.moved = o.blob[row.valueOff:][:row.valueLen]
	}
	collect(len(o.blob))
	need := used + n
	blob := make([]byte, min(most, max(4096, need+min(need, need/4+1<<20))))
	copy(blob, o.blob[:used])
	o.blob = blob
}

// settle copies the open draft's room to its place in the image.
func (o *Output) settle() {
	copy(o.blob[o.rows[o.length.rows].valueOff:], o.moved)
	o.moved = nil
}

func (o *Output) dropDraft() {
	if o.open != 0 {
		o.open, o.lent, o.moved, o.length = 0, false, nil, o.before
	}
}

// begin empties the output for a call.
func (o *Output) begin(in *input, single bool) {
	o.in, o.single = in, single
	o.length, o.nrefused, o.unsorted = mark{}, 0, false
	o.open, o.lent, o.moved, o.refused = 0, false, nil, false
}

// next begins the record at index i, under single.
func (o *Output) next(i uint32) {
	o.current, o.start, o.refused = i, o.length, false
}

// done ends the current record, under single: what it may not leave behind is undone.
func (o *Output) done() {
	o.dropDraft()
	if o.refused {
		o.length.rows, o.length.headers = o.start.rows, o.start.headers
	}
}

// end closes the call: an open draft is undone, refusals are put in the order that the image wants.
func (o *Output) end() {
	o.dropDraft()
	if !o.unsorted {
		return
	}
	r := o.refusals[:o.nrefused]
	slices.SortStableFunc(r, func(a, b refusalEntry) int { return cmp.Compare(a.source, b.source) })
	kept := 1
	for _, e := range r[1:] {
		if e.source != r[kept-1].source {
			r[kept] = e
			kept++
		}
	}
	o.nrefused = kept
}

// head is the header of the result image; its addresses are left to the caller.
func (o *Output) head() resultHead {
	return resultHead{
		magic: resultMagic, headSize: headSize, rowSize: rowSize,
		records: uint32(o.length.rows), headers: uint32(o.length.headers),
		refusals: uint32(o.nrefused), blobLen: uint32(o.length.blob),
	}
}

func start[T any](s []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }
