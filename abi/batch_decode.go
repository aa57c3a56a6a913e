package abi

import "unsafe"

// DecodeBatch reads an input image. The batch shares the image's memory, its strings too: img must not change while the batch
// is in use. Every offset, length, index and count is checked before anything is allocated; an error is a *FieldError.
//
// An image that leaves out keys, values or headers is refused: a Batch cannot say what is not there.
func DecodeBatch(img []byte) (Batch, error) {
	v, err := openBatch(img)
	if err != nil {
		return Batch{}, err
	}
	b := Batch{
		Topic:     v.topic,
		Partition: int32(le.Uint32(img[inPartition:])),
		Clock:     int64(le.Uint64(img[inClock:])),
	}
	var headers []Header
	if len(v.entries) > 0 {
		headers = make([]Header, len(v.entries)/headerEntrySize)
		if err := readEntries(headers, v.entries, img); err != nil {
			return Batch{}, err
		}
	}
	if v.n > 0 {
		b.Records = make([]Record, v.n)
	}
	for i := range b.Records {
		w := v.rows[i*v.stride : i*v.stride+rowSize : i*v.stride+rowSize]
		if err := readRecord(&b.Records[i], i, w, img, headers); err != nil {
			return Batch{}, err
		}
	}
	return b, nil
}

// batchView is an input image whose header and segments have been checked.
type batchView struct {
	n, stride     int
	rows, entries []byte
	topic         string
}

func openBatch(img []byte) (v batchView, err error) {
	if len(img) < imageHeaderSize {
		return v, fieldErr("total", "an image of %d bytes has no header of %d", len(img), imageHeaderSize)
	}
	stride, err := readSizes(img, batchMagic, len(img))
	if err != nil {
		return v, err
	}
	if total := le.Uint32(img[inTotal:]); uint64(total) != uint64(len(img)) {
		return v, fieldErr("total", "%d, but the image has %d bytes", total, len(img))
	}
	flags := le.Uint32(img[inFlags:])
	if unknown := flags &^ (inValuesAbsent | inKeysAbsent | inHeadersAbsent); unknown != 0 {
		return v, fieldErr("flags", "unknown bits %#x", unknown)
	}
	if flags != 0 {
		return v, fieldErr("flags", "%#x: bytes were left out, which this reader did not ask for", flags)
	}
	n, h := le.Uint32(img[inRecords:]), le.Uint32(img[inHeaders:])
	recordsOff, headersOff := le.Uint32(img[inRecordsOff:]), le.Uint32(img[inHeadersOff:])
	if n > 0 && recordsOff%8 != 0 {
		return v, fieldErr("records_off", "%d is not a multiple of 8", recordsOff)
	}
	if h > 0 && headersOff%4 != 0 {
		return v, fieldErr("headers_off", "%d is not a multiple of 4", headersOff)
	}
	if v.rows, err = segment("records_off", img, recordsOff, uint64(n)*uint64(stride)); err != nil {
		return v, err
	}
	if v.entries, err = segment("headers_off", img, headersOff, uint64(h)*headerEntrySize); err != nil {
		return v, err
	}
	topic, err := segment("topic_off", img, le.Uint32(img[inTopicOff:]), uint64(le.Uint32(img[inTopicLen:])))
	if err != nil {
		return v, err
	}
	if off := le.Uint32(img[inBlobOff:]); uint64(off) > uint64(len(img)) {
		return v, fieldErr("blob_off", "%d is past the image's %d bytes", off, len(img))
	}
	v.topic, v.n, v.stride = text(topic), int(n), stride
	return v, nil
}

// readSizes checks magic and sizes at the start of a header, which room bytes can hold. It gives the record size.
func readSizes(head []byte, magic uint32, room int) (stride int, err error) {
	if m := le.Uint32(head[atMagic:]); m != magic {
		return 0, fieldErr("magic", "%#08x, expected %#08x", m, magic)
	}
	if s := le.Uint16(head[atHeaderSize:]); s < imageHeaderSize || int(s) > room {
		return 0, fieldErr("header_size", "%d is not within %d..%d", s, imageHeaderSize, room)
	}
	s := le.Uint16(head[atRecordSize:])
	if s < rowSize || s%8 != 0 {
		return 0, fieldErr("record_size", "%d is not a multiple of 8 from %d up", s, rowSize)
	}
	return int(s), nil
}

// segment gives size bytes of mem from off. No offset is demanded where there is nothing.
func segment(field string, mem []byte, off uint32, size uint64) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	end := uint64(off) + size
	if end > uint64(len(mem)) {
		return nil, fieldErr(field, "%d + %d is past the %d bytes there are", off, size, len(mem))
	}
	return mem[off:end:end], nil
}

func readRecord(r *Record, i int, w, img []byte, headers []Header) error {
	r.Offset = int64(le.Uint64(w[inRowOffset:]))
	r.Timestamp = int64(le.Uint64(w[inRowTimestamp:]))
	r.LeaderEpoch = int32(le.Uint32(w[inRowEpoch:]))
	r.Flags = RecordFlags(le.Uint32(w[inRowFlags:]))
	if unknown := r.Flags &^ FlagBrokerTime; unknown != 0 {
		return rowErr("records", i, "flags", "unknown bits %#x", uint32(unknown))
	}
	var ok bool
	if r.Key, ok = slice(img, le.Uint32(w[rowKeyOff:]), int32(le.Uint32(w[rowKeyLen:]))); !ok {
		return bytesErr("records", i, "key", w[rowKeyOff:], len(img))
	}
	if r.Value, ok = slice(img, le.Uint32(w[rowValueOff:]), int32(le.Uint32(w[rowValueLen:]))); !ok {
		return bytesErr("records", i, "value", w[rowValueOff:], len(img))
	}
	if count := le.Uint32(w[rowHeaderCount:]); count > 0 {
		first := le.Uint32(w[rowFirstHeader:])
		end := uint64(first) + uint64(count)
		if end > uint64(len(headers)) {
			return rowErr("records", i, "first_header", "%d + %d is past the %d headers there are", first, count, len(headers))
		}
		r.Headers = headers[first:end:end]
	}
	return nil
}

// readEntries reads header entries, whose bytes lie in blob and stay there.
func readEntries(headers []Header, entries, blob []byte) error {
	for i := range headers {
		w := entries[i*headerEntrySize : i*headerEntrySize+headerEntrySize : i*headerEntrySize+headerEntrySize]
		off, n := le.Uint32(w[entryKeyOff:]), le.Uint32(w[entryKeyLen:])
		if n > 0 {
			end := uint64(off) + uint64(n)
			if end > uint64(len(blob)) {
				return rowErr("headers", i, "key_off", "%d + %d is past the %d bytes there are", off, n, len(blob))
			}
			headers[i].Key = text(blob[off:end])
		}
		var ok bool
		if headers[i].Value, ok = slice(blob, le.Uint32(w[entryValueOff:]), int32(le.Uint32(w[entryValueLen:]))); !ok {
			return bytesErr("headers", i, "value", w[entryValueOff:], len(blob))
		}
	}
	return nil
}

// empty is what is there, but has no bytes.
var empty = []byte{}

// slice gives n bytes of b from off: nil for null, and false where they are not there or n is no length.
func slice(b []byte, off uint32, n int32) ([]byte, bool) {
	if n > 0 {
		end := uint64(off) + uint64(uint32(n))
		if end > uint64(len(b)) {
			return nil, false
		}
		return b[off:end:end], true
	}
	if n == 0 {
		return empty, true
	}
	return nil, n == lenNull
}

// bytesErr says why slice gave false for the offset and length in w.
func bytesErr(list string, i int, name string, w []byte, room int) error {
	off, n := le.Uint32(w), int32(le.Uint32(w[4:]))
	if n < 0 {
		return rowErr(list, i, name+"_len", "%d is no length", n)
	}
	return rowErr(list, i, name+"_off", "%d + %d is past the %d bytes there are", off, n, room)
}

// text is b as a string that shares its memory. It is the only place where that is done: a header key is a string, and one
// allocation a header would be the largest cost of a record with headers. The string is good as long as b does not change: for
// an arena that is until Reset, for an input image as long as DecodeBatch says.
func text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}
