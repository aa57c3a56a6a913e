package abi

import (
	"encoding/binary"
	"slices"
	"testing"
)

// poke is a change of an image: at an offset, a value of 2 or 4 bytes.
type poke struct {
	off, size int
	value     uint32
}

func u16(off int, v uint16) poke { return poke{off, 2, uint32(v)} }
func u32(off int, v uint32) poke { return poke{off, 4, v} }
func i32(off int, v int32) poke  { return poke{off, 4, uint32(v)} }

func poked(img []byte, pokes []poke) []byte {
	img = slices.Clone(img)
	for _, p := range pokes {
		if p.size == 2 {
			binary.LittleEndian.PutUint16(img[p.off:], uint16(p.value))
		} else {
			binary.LittleEndian.PutUint32(img[p.off:], p.value)
		}
	}
	return img
}

// badInputs are images of three(): header 0..64, records from 64, 4 entries from 208, blob from 272, 338 bytes in all.
func badInputs(t testing.TB) []*vector {
	const rec, second, entry = 64, 112, 208
	var vs []*vector
	add := func(name, about, field string, pokes ...poke) *vector {
		v := &vector{name: "bad-input-" + name, about: about, badImage: "input", badField: field, batch: three()}
		v.build(t)
		v.input, v.result = poked(v.input, pokes), nil
		vs = append(vs, v)
		return v
	}
	everyone := func(name, about, field string, pokes ...poke) { add(name, about, field, pokes...).everyone = true }
	everyone("magic", "not an input image", "magic", u32(0, 0x31424658))
	everyone("result-magic", "a result image's magic", "magic", u32(0, 0x31524657))
	everyone("header-size-63", "a header too short", "header_size", u16(4, 63))
	everyone("stride-47", "records too short", "record_size", u16(6, 47))
	everyone("stride-40", "records too short, a multiple of 8", "record_size", u16(6, 40))
	everyone("stride-52", "records of no multiple of 8", "record_size", u16(6, 52))
	everyone("flag-8", "an image flag that v1 does not know", "flags", u32(28, 8))
	add("header-size-past-image", "a header longer than the image", "header_size", u16(4, 0xFFFF))
	add("total", "a total that is not the image's length", "total", u32(8, 337))
	add("records-count", "more records than there is room for", "records_off", u32(12, 100))
	add("records-count-wraps", "count times size is over 32 bits: 89478486 * 48 = 2^32 + 32", "records_off", u32(12, 89478486))
	add("records-off", "records past the image", "records_off", u32(20, 0xFFFFFFF8))
	add("records-off-odd", "records that are not aligned", "records_off", u32(20, 68))
	add("headers-off", "header entries that wrap around", "headers_off", u32(24, 0xFFFFFFFC))
	add("topic-off", "a topic that wraps around", "topic_off", u32(36, 0xFFFFFFFF))
	add("topic-len", "a topic one byte past the image", "topic_off", u32(36, 337), u32(40, 2))
	add("blob-off", "a blob past the image", "blob_off", u32(44, 339))
	add("key-off", "a key that wraps around", "records[0].key_off", u32(rec+16, 0xFFFFFFFF))
	add("key-inherit", "a length of -2 is for results", "records[0].key_len", i32(rec+20, -2))
	add("value-off", "a value one byte past the image", "records[1].value_off", u32(second+24, 330))
	add("value-len-minus-3", "a length that is none", "records[1].value_len", i32(second+28, -3))
	add("first-header", "headers one past the last", "records[0].first_header", u32(rec+32, 3))
	add("first-header-wraps", "headers that wrap around", "records[0].first_header", u32(rec+32, 0xFFFFFFFF))
	add("record-flag", "a record flag that v1 does not know", "records[1].flags", u32(second+44, 2))
	add("entry-key-off", "a header key that wraps around", "headers[1].key_off", u32(entry+16, 0xFFFFFFFE))
	add("entry-key-len", "a header key is never null: 0xFFFFFFFF is a length", "headers[1].key_off", u32(entry+20, 0xFFFFFFFF))
	add("entry-value-off", "a header value one byte past the image", "headers[0].value_off", u32(entry+8, 337))
	add("entry-value-len", "a header value's length that is none", "headers[3].value_len", i32(entry+60, -2))
	return vs
}

// badRows is the result that bad ones are made of: header 0..64, 2 rows from 64, 2 entries from 160, 2 refusals from 192,
// a blob of 15 bytes from 224.
func badRows() Rows {
	return Rows{
		Records: []Row{
			with(0, func(r *Row) { r.Key, r.Value = given("key"), given("value") }),
			with(1, func(r *Row) { r.HeadersFrom, r.Headers = HeadersGiven, []Header{{"h", []byte("1")}, {"i", nil}} }),
		},
		Refusals: []Refusal{{1, 1, "no"}, {2, 2, "no"}},
	}
}

func badResults(t testing.TB) []*vector {
	const row, second, entry, refusal = 64, 112, 160, 192
	var vs []*vector
	add := func(name, about, field string, pokes ...poke) *vector {
		v := &vector{name: "bad-result-" + name, about: about, badImage: "result", badField: field, batch: three(), rows: badRows()}
		v.build(t)
		v.result = poked(v.result, pokes)
		vs = append(vs, v)
		return v
	}
	add("magic", "not a result image", "magic", u32(0, 0x31424657))
	add("header-size-63", "a header too short", "header_size", u16(4, 63))
	add("header-size-past-memory", "a header longer than memory", "header_size", u16(4, 0xFFFF))
	add("stride-47", "rows too short", "record_size", u16(6, 47))
	add("stride-40", "rows too short, a multiple of 8", "record_size", u16(6, 40))
	add("stride-52", "rows of no multiple of 8", "record_size", u16(6, 52))
	add("image-flag", "an image flag: v1 knows none", "flags", u32(8, 1))
	add("records-at-wraps", "rows that would end at 2^32, which is 0 in 32 bits", "records_at", u32(12, 1), u32(16, 0xFFFFFFD0))
	add("records-at", "rows past memory", "records_at", u32(16, 200))
	add("headers-at", "header entries past memory", "headers_at", u32(24, 0xFFFFFFF0))
	add("refusals-at", "refusals past memory", "refusals_at", u32(32, 0xFFFFFFF8))
	add("blob-at", "a blob one byte past memory", "blob_at", u32(36, 225))
	add("row-flag", "a row flag that v1 does not know", "records[0].flags", u16(row+6, 16))
	add("source", "a source that is the number of input records", "records[1].source", u32(second, 3))
	add("source-none", "the source that is reserved for ticks", "records[1].source", u32(second, 0xFFFFFFFF))
	add("output", "an output that is the number of outputs", "records[0].output", u16(row+4, 1))
	add("partition-minus-2", "neither -1 nor a partition", "records[0].partition", i32(row+40, -2))
	add("key-len-minus-3", "a length that is none", "records[0].key_len", i32(row+20, -3))
	add("value-len-minus-3", "a length that is none", "records[0].value_len", i32(row+28, -3))
	add("key-off", "a key that wraps around", "records[0].key_off", u32(row+16, 0xFFFFFFFF))
	add("value-past-blob", "offset + length is the blob's length and one more", "records[0].value_off", u32(row+24, 11))
	add("value-len-largest", "2 GiB - 1 bytes", "records[0].value_off", i32(row+28, 0x7FFFFFFF))
	add("first-header", "headers one past the last", "records[1].first_header", u32(second+32, 1))
	add("first-header-wraps", "headers that wrap around", "records[1].first_header", u32(second+32, 0xFFFFFFFF))
	add("header-count", "more headers than there are, one less than the number that means the source's", "records[1].first_header", u32(second+36, 0xFFFFFFFE))
	add("after-and-inherited", "the source's headers, and headers after them, cannot both be", "records[0].header_count", u16(row+6, 8))
	add("entry-key", "a header key past the blob", "headers[0].key_off", u32(entry, 15))
	add("entry-key-len", "a header key is never null: 0xFFFFFFFF is a length", "headers[0].key_off", u32(entry+4, 0xFFFFFFFF))
	add("entry-value-off", "a header value past the blob", "headers[0].value_off", u32(entry+8, 15))
	add("entry-value-len", "headers cannot inherit a value", "headers[1].value_len", i32(entry+28, -2))
	add("part-past-source", "a part one byte longer than the source's value", "records[0].value_off", u16(row+6, 2), u32(row+24, 5))
	add("part-wraps", "a part that wraps around", "records[0].value_off", u16(row+6, 2), u32(row+24, 0xFFFFFFFF))
	add("part-null", "a part's length is never -1", "records[0].value_len", u16(row+6, 2), i32(row+28, -1))
	add("part-inherit", "a part's length is never -2", "records[0].key_len", u16(row+6, 4), i32(row+20, -2))
	add("key-part-past-source", "a part one byte longer than the source's key", "records[0].key_off", u16(row+6, 4), u32(row+16, 0))
	add("refusal-source", "a refusal of no input record", "refusals[1].source", u32(refusal+16, 3))
	add("refusals-unsorted", "sources of refusals descend", "refusals[1].source", u32(refusal+16, 0))
	add("refusals-twice", "a source is refused twice", "refusals[1].source", u32(refusal+16, 1))
	add("refusals-count", "more refusals than input records", "refusals", u32(28, 4))
	add("refusal-text", "a text one byte past the blob", "refusals[0].text_off", u32(refusal+8, 14))
	add("records-over-limit", "one record more than the limit", "records").limits = Limits{Records: 1, Headers: 2000, Bytes: 1 << 20}
	add("headers-over-limit", "one header more than the limit", "headers").limits = Limits{Records: 1000, Headers: 1, Bytes: 1 << 20}
	add("blob-over-limit", "a blob of one byte more than the limit", "blob_len").limits = Limits{Records: 1000, Headers: 2000, Bytes: 14}

	// What rows reach: they may share and inherit, so the image itself is small.
	rows := func(name, about, field string, lim Limits, raw rawResult) {
		v := &vector{name: "bad-result-" + name, about: about, badImage: "result", badField: field, batch: three(), limits: lim}
		v.build(t)
		v.result = raw.image()
		vs = append(vs, v)
	}
	share := rawRow(0, 0, 0, 0, -1, 0, 40, 0, 0, -1)
	rows("shared-over-limit", "three rows share a value of 40 bytes: 120 are over the limit of 119", "records[2].value_len", Limits{10, 10, 119},
		rawResult{rows: [][]byte{share, share, share}, blob: make([]byte, 40)})
	inherit := rawRow(0, 0, 0, 0, -2, 0, -2, 0, 0xFFFFFFFF, -1)
	rows("inherited-over-limit", "two rows inherit 25 bytes each: 50 are over the limit of 49", "records[1].value_len", Limits{10, 10, 49},
		rawResult{rows: [][]byte{inherit, inherit}})
	rows("inherited-headers-over-limit", "two rows inherit 2 headers each: 4 are over the limit of 3", "records[1].header_count", Limits{10, 3, 1 << 20},
		rawResult{rows: [][]byte{inherit, inherit}})
	heads := rawRow(1, 0, 0, 0, -1, 0, -1, 0, 2, -1)
	rows("shared-headers-over-limit", "two rows share 2 headers: 4 are over the limit of 3", "records[1].header_count", Limits{10, 3, 1 << 20},
		rawResult{rows: [][]byte{heads, heads}, entries: slices.Concat(rawEntry(0, 1, 0, 1), rawEntry(0, 1, 0, -1)), blob: []byte("h")})
	rows("shared-header-bytes-over-limit", "two rows share a header of 42 bytes: 84 are over the limit of 83", "records[1].value_len", Limits{10, 10, 83},
		rawResult{rows: [][]byte{rawRow(1, 0, 0, 0, -1, 0, -1, 0, 1, -1), rawRow(1, 0, 0, 0, -1, 0, -1, 0, 1, -1)}, entries: rawEntry(0, 21, 0, 21), blob: make([]byte, 21)})
	rows("after-headers-over-limit", "the source's 2 headers and 2 after them are over the limit of 3", "records[0].header_count", Limits{10, 3, 1 << 20},
		rawResult{rows: [][]byte{rawRow(0, 0, 8, 0, -1, 0, -1, 0, 2, -1)}, entries: slices.Concat(rawEntry(0, 1, 0, 1), rawEntry(0, 1, 0, -1)), blob: []byte("h")})
	rows("texts-over-limit", "three refusals share a text of 40 bytes: 120 are over the limit of 119", "refusals[2].text_len", Limits{10, 10, 119},
		rawResult{refusals: slices.Concat(rawRefusal(0, 1, 0, 40), rawRefusal(1, 1, 0, 40), rawRefusal(2, 1, 0, 40)), blob: make([]byte, 40)})
	rows("refused-rows-count", "rows of a refused source count like others: 50 bytes are over the limit of 49", "records[1].value_len", Limits{10, 10, 49},
		rawResult{rows: [][]byte{inherit, inherit}, refusals: rawRefusal(0, 1, 0, 0)})

	nothing := &vector{name: "bad-result-part-of-null", about: "a null has no parts, not even an empty one", badImage: "result", badField: "records[0].value_len", batch: nulls()}
	nothing.build(t)
	nothing.result = rawResult{rows: [][]byte{rawRow(0, 0, 2, 0, -1, 0, 0, 0, 0, -1)}}.image()
	return append(vs, nothing)
}
