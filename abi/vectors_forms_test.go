package abi

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

// widen gives a copy of an image with larger headers and rows, as a later v1.x writes them: what is appended is not zero, and
// readers step over it. The image's segments must stand in the canonical order.
func widen(img []byte, headerSize, recordSize int) []byte {
	n := int(binary.LittleEndian.Uint32(img[12:]))
	tail := bytes.Repeat([]byte{0xEE}, recordSize)
	out := slices.Concat(img[:64], tail[:headerSize-64])
	for i := range n {
		out = slices.Concat(out, img[64+i*48:64+(i+1)*48], tail[:recordSize-48])
	}
	out = append(out, img[64+n*48:]...)
	binary.LittleEndian.PutUint16(out[4:], uint16(headerSize))
	binary.LittleEndian.PutUint16(out[6:], uint16(recordSize))
	return out
}

// shift adds d to the u32 at off, unless it is 0.
func shift(img []byte, off, d int) {
	if x := binary.LittleEndian.Uint32(img[off:]); x != 0 {
		binary.LittleEndian.PutUint32(img[off:], x+uint32(d))
	}
}

// otherForms gives vectors whose images mean what canonical ones mean.
func otherForms(t testing.TB) []*vector {
	wideInput := &vector{name: "wide-input", about: "an input image with a header of 72 bytes and records of 56: readers step by what the header says", batch: three(), rows: rowsOf(forward(0), forward(1), forward(2)), wide: true}
	wideInput.build(t)
	b := wideInput.batch
	wideInput.input = widen(wideInput.input, 72, 56)
	grown := 8 + 8*len(b.Records)
	binary.LittleEndian.PutUint32(wideInput.input[8:], uint32(len(wideInput.input)))
	binary.LittleEndian.PutUint32(wideInput.input[20:], 72)
	for _, off := range []int{24, 36, 44} { // headers_off, topic_off, blob_off
		shift(wideInput.input, off, grown)
	}
	for i := range b.Records {
		shift(wideInput.input, 72+i*56+16, grown)
		shift(wideInput.input, 72+i*56+24, grown)
	}
	entries := int(binary.LittleEndian.Uint32(wideInput.input[24:]))
	for i := range 4 {
		shift(wideInput.input, entries+i*16, grown)
		shift(wideInput.input, entries+i*16+8, grown)
	}

	wideResult := &vector{name: "wide-result", about: "a result image with a header of 72 bytes and records of 56", batch: three(), other: true, rows: Rows{
		Records: []Row{
			with(0, func(r *Row) {
				r.Value, r.HeadersFrom, r.Headers = given("one"), HeadersAfter, []Header{{"x", []byte("y")}}
			}),
			with(1, func(r *Row) { r.Key = null }),
		},
		Refusals: []Refusal{{2, 1, "no"}},
	}}
	wideResult.build(t)
	wideResult.result = widen(wideResult.result, 72, 56)
	for _, off := range []int{16, 24, 32, 36} {
		shift(wideResult.result, off, 8+8*2)
	}
	binary.LittleEndian.PutUint32(wideResult.result[16:], 72)

	shared := &vector{name: "shared-blob", about: "two records share value and headers, a third's value overlaps theirs", outputs: 2, batch: three(), other: true, rows: rowsOf(
		with(0, func(r *Row) {
			r.Value, r.HeadersFrom, r.Headers = given("shared"), HeadersGiven, []Header{{"h", []byte("ha")}}
		}),
		with(0, func(r *Row) {
			r.Output, r.Value, r.HeadersFrom, r.Headers = 1, given("shared"), HeadersGiven, []Header{{"h", []byte("ha")}}
		}),
		with(1, func(r *Row) { r.Value = given("hare") }),
	)}
	shared.build(t)
	shared.result = rawResult{
		rows: [][]byte{
			rawRow(0, 0, 0, 0, -2, 0, 6, 0, 1, -1), rawRow(0, 1, 0, 0, -2, 0, 6, 0, 1, -1), rawRow(1, 0, 0, 0, -2, 1, 4, 0, 0xFFFFFFFF, -1),
		},
		entries: rawEntry(1, 1, 1, 2),
		blob:    []byte("shared"),
	}.image()

	scattered := &vector{name: "scattered", about: "segments before and behind the header, in no order, at odd addresses: X_at wraps", batch: three(), other: true, rows: Rows{
		Records:  []Row{with(2, func(r *Row) { r.Value = given("later") }), with(0, func(r *Row) { r.HeadersFrom, r.Headers = HeadersGiven, []Header{{"k", []byte("later")}} })},
		Refusals: []Refusal{{1, 9, "k"}},
	}}
	scattered.build(t)
	raw := rawResult{
		rows:     [][]byte{rawRow(2, 0, 0, 0, -2, 1, 5, 0, 0xFFFFFFFF, -1), rawRow(0, 0, 0, 0, -2, 0, -2, 0, 1, -1)},
		entries:  rawEntry(0, 1, 1, 5),
		refusals: rawRefusal(1, 9, 0, 1),
		blob:     []byte("klater"),
	}
	scattered.result, scattered.at = raw.scatter()
	return []*vector{wideInput, wideResult, shared, scattered}
}

// rawResult is a result image by its bytes.
type rawResult struct {
	rows                    [][]byte
	entries, refusals, blob []byte
}

func (r rawResult) header(recordsAt, headersAt, refusalsAt, blobAt int) []byte {
	h := binary.LittleEndian.AppendUint32(nil, 0x31524657)
	h = binary.LittleEndian.AppendUint16(h, 64)
	h = binary.LittleEndian.AppendUint16(h, 48)
	for _, x := range []int{0, len(r.rows), recordsAt, len(r.entries) / 16, headersAt, len(r.refusals) / 16, refusalsAt, blobAt, len(r.blob)} {
		h = binary.LittleEndian.AppendUint32(h, uint32(x))
	}
	return append(h, make([]byte, 20)...)
}

func (r rawResult) image() []byte {
	rows := slices.Concat(r.rows...)
	h := r.header(64, 64+len(rows), 64+len(rows)+len(r.entries), 64+len(rows)+len(r.entries)+len(r.refusals))
	return slices.Concat(h, rows, r.entries, r.refusals, r.blob)
}

// scatter lays blob and entries before the header and the rest behind it, with gaps. It gives memory and the header's address.
func (r rawResult) scatter() (mem []byte, at uint32) {
	gap := []byte{0xEE, 0xEE, 0xEE}
	front := slices.Concat(gap, r.blob, gap, r.entries, gap[:2])
	blobAt, entriesAt := 3-len(front), 3+len(r.blob)+3-len(front)
	h := r.header(64+3+len(r.refusals)+3, entriesAt, 64+3, blobAt)
	return slices.Concat(front, h, gap, r.refusals, gap, slices.Concat(r.rows...)), uint32(len(front))
}

func rawRow(source uint32, output, flags uint16, keyOff uint32, keyLen int32, valueOff uint32, valueLen int32, first, count uint32, partition int32) []byte {
	w := binary.LittleEndian.AppendUint32(nil, source)
	w = binary.LittleEndian.AppendUint16(w, output)
	w = binary.LittleEndian.AppendUint16(w, flags)
	w = binary.LittleEndian.AppendUint64(w, 0)
	for _, x := range []uint32{keyOff, uint32(keyLen), valueOff, uint32(valueLen), first, count, uint32(partition), 0} {
		w = binary.LittleEndian.AppendUint32(w, x)
	}
	return w
}

func words(xs ...uint32) (w []byte) {
	for _, x := range xs {
		w = binary.LittleEndian.AppendUint32(w, x)
	}
	return w
}

func rawEntry(keyOff, keyLen, valueOff uint32, valueLen int32) []byte {
	return words(keyOff, keyLen, valueOff, uint32(valueLen))
}

func rawRefusal(source, code, textOff, textLen uint32) []byte {
	return words(source, code, textOff, textLen)
}
