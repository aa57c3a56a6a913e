package wasmflow

import (
	"strconv"
	"unsafe"
)

// input is the batch of the current call: a view of the image that the host wrote, checked as far as it is read.
//
// Each call makes one and closes that of the call before, so that a Record needs nothing but a pointer to it and an index,
// and one that was kept finds its input closed. Pointers that are stored for each record would cost a write barrier each
// while the collector marks.
type input struct {
	image          []byte
	rows, headers  unsafe.Pointer // first row, first header entry; nil where there are none
	stride         uintptr        // from row to row, as the image says
	n, h           uint32         // rows, header entries
	keyEnd         uint64         // where keys may end: the image's length, 0 where keys are absent
	valueEnd       uint64         // likewise for values
	headersMissing bool
	partition      int32
	clockMs        int64
	topic          string
}

// open reads the image's header. An error says which field is wrong.
func (in *input) open(image []byte) error {
	in.n, in.h = 0, 0
	if len(image) < headSize {
		return badInput("length", uint64(len(image)))
	}
	h := (*inputHead)(unsafe.Pointer(unsafe.SliceData(image)))
	total := uint64(len(image))
	switch {
	case h.magic != inputMagic:
		return badInput("magic", uint64(h.magic))
	case h.headSize < headSize || uint64(h.headSize) > total:
		return badInput("header_size", uint64(h.headSize))
	case h.rowSize < rowSize || h.rowSize%8 != 0:
		return badInput("record_size", uint64(h.rowSize))
	case uint64(h.total) != total:
		return badInput("total", uint64(h.total))
	case h.flags&^knownInputFlags != 0:
		return badInput("flags", uint64(h.flags))
	case h.records > 0 && (h.rowsOff%8 != 0 || uint64(h.rowsOff)+uint64(h.records)*uint64(h.rowSize) > total):
		return badInput("records_off", uint64(h.rowsOff))
	case h.headers > 0 && (h.headersOff%4 != 0 || uint64(h.headersOff)+uint64(h.headers)*headerSize > total):
		return badInput("headers_off", uint64(h.headersOff))
	case h.topicLen > 0 && uint64(h.topicOff)+uint64(h.topicLen) > total:
		return badInput("topic_off", uint64(h.topicOff))
	case uint64(h.blobOff) > total:
		return badInput("blob_off", uint64(h.blobOff))
	}
	in.image, in.n, in.h, in.stride = image, h.records, h.headers, uintptr(h.rowSize)
	in.rows, in.headers = nil, nil
	if h.records > 0 {
		in.rows = unsafe.Pointer(&image[h.rowsOff])
	}
	if h.headers > 0 {
		in.headers = unsafe.Pointer(&image[h.headersOff])
	}
	in.keyEnd, in.valueEnd, in.headersMissing = total, total, h.flags&headersAbsent != 0
	if h.flags&keysAbsent != 0 {
		in.keyEnd = 0
	}
	if h.flags&valuesAbsent != 0 {
		in.valueEnd = 0
	}
	in.partition, in.clockMs = h.partition, h.clockMs
	var topic []byte
	if h.topicLen > 0 {
		topic = image[h.topicOff : h.topicOff+h.topicLen]
	}
	if in.topic != string(topic) { // the comparison copies nothing; most calls bring the topic of the last one
		in.topic = string(topic)
	}
	return nil
}

// close ends the call that the input is of. What was kept of it holds on to no memory, and finds no record.
func (in *input) close() { *in = input{} }

const afterBatch = "wasmflow: a record was used after its batch"

func (in *input) row(i uint32) *inputRow {
	if i >= in.n {
		panic(afterBatch)
	}
	return (*inputRow)(unsafe.Add(in.rows, uintptr(i)*in.stride))
}

// bytes are those of a key or a value; nil is null.
func (in *input) bytes(off uint32, n int32, end uint64) []byte {
	if n <= 0 || uint64(off)+uint64(n) > end {
		return in.rareBytes(off, n, end)
	}
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(in.image)), off)), n)
}

// rareBytes is what is left of bytes: null, empty, and what cannot be read.
func (in *input) rareBytes(off uint32, n int32, end uint64) []byte {
	switch {
	case n == null:
		return nil
	case n < null:
		panic("wasmflow: bad input image: a length of " + strconv.Itoa(int(n)))
	case n == 0:
		return in.image[:0:0] // not at off, which says nothing: a pointer behind the image would belong to something else
	case end == 0:
		panic("wasmflow: keys or values were read that the host left out of the image, as the module's metadata asks (needs)")
	}
	panic("wasmflow: bad input image: bytes outside of it, at " + strconv.FormatUint(uint64(off), 10))
}

// inputError says which field of an input image is wrong.
type inputError struct {
	field string
	value uint64
}

func badInput(field string, value uint64) error { return &inputError{field, value} }

func (e *inputError) Error() string {
	return "wasmflow: bad input image: " + e.field + " is " + strconv.FormatUint(e.value, 10)
}
