package wasmflowtest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
)

// Flags of a result record.
const (
	timestampGiven = 1 << iota
	valueIsPart
	keyIsPart
	sourceHeadersFirst
	knownFlags = 1<<iota - 1
)

// decoder checks a result image and takes it apart.
type decoder struct {
	image         []byte
	batch         Batch
	outputs       []string
	rows, headers []byte
	blob          []byte
	headerCount   uint32
}

// decode turns a result image into what it means for the batch. Its bytes are copied out of the image and the batch.
func decode(image []byte, batch Batch, outputs []string) (Result, error) {
	d := decoder{image: image, batch: batch, outputs: outputs}
	if len(image) < headSize || le.Uint32(image) != 0x31524657 || le.Uint16(image[4:]) != headSize || le.Uint16(image[6:]) != rowSize || le.Uint32(image[8:]) != 0 {
		return Result{}, fmt.Errorf("wasmflowtest: the result image has a bad header")
	}
	count := le.Uint32(image[12:])
	d.headerCount = le.Uint32(image[20:])
	refusals := le.Uint32(image[28:])
	var refused []byte
	for _, s := range []struct {
		name          string
		at            int
		count, stride uint32
		to            *[]byte
	}{
		{"records", 16, count, rowSize, &d.rows},
		{"headers", 24, d.headerCount, headerSize, &d.headers},
		{"refusals", 32, refusals, refusalSize, &refused},
		{"blob", 36, le.Uint32(image[40:]), 1, &d.blob},
	} {
		from := uint64(le.Uint32(image[s.at:]))
		to := from + uint64(s.count)*uint64(s.stride)
		if to > uint64(len(image)) {
			return Result{}, fmt.Errorf("wasmflowtest: the result image's %s reach from %d to %d of %d", s.name, from, to, len(image))
		}
		*s.to = image[from:to]
	}
	var result Result
	for i := range int(refusals) {
		e := refused[i*refusalSize:]
		text, err := d.own(le.Uint32(e[8:]), le.Uint32(e[12:]))
		source := int(le.Uint32(e))
		if err != nil || source >= len(batch.Records) || i > 0 && source <= result.Refusals[i-1].Source {
			return Result{}, fmt.Errorf("wasmflowtest: refusal %d of the result image is wrong", i)
		}
		result.Refusals = append(result.Refusals, Refused{source, le.Uint32(e[4:]), string(text)})
	}
	for i := range int(count) {
		r, err := d.record(d.rows[i*rowSize:][:rowSize])
		if err != nil {
			return Result{}, fmt.Errorf("wasmflowtest: record %d of the result image: %w", i, err)
		}
		bySource := func(x Refused, source int) int { return cmp.Compare(x.Source, source) }
		if _, refused := slices.BinarySearchFunc(result.Refusals, r.Source, bySource); !refused {
			result.Records = append(result.Records, r)
		}
	}
	return result, nil
}

func (d *decoder) record(row []byte) (Sent, error) {
	source, output, flags := le.Uint32(row), int(le.Uint16(row[4:])), le.Uint16(row[6:])
	switch {
	case uint64(source) >= uint64(len(d.batch.Records)):
		return Sent{}, fmt.Errorf("source %d of %d", source, len(d.batch.Records))
	case output >= len(d.outputs):
		return Sent{}, fmt.Errorf("output %d of %d", output, len(d.outputs))
	case flags&^knownFlags != 0:
		return Sent{}, fmt.Errorf("unknown flags %#x", flags)
	}
	in := d.batch.Records[source]
	s := Sent{Source: int(source), Output: d.outputs[output], TimestampMs: in.TimestampMs, Partition: int32(le.Uint32(row[40:]))}
	if flags&timestampGiven != 0 {
		s.TimestampMs = int64(le.Uint64(row[8:]))
	}
	if s.Partition < -1 {
		return s, fmt.Errorf("partition %d", s.Partition)
	}
	var err error
	if s.Key, err = d.bytes(row[16:], in.Key, flags&keyIsPart != 0); err != nil {
		return s, fmt.Errorf("key: %w", err)
	}
	if s.Value, err = d.bytes(row[24:], in.Value, flags&valueIsPart != 0); err != nil {
		return s, fmt.Errorf("value: %w", err)
	}
	first, count := le.Uint32(row[32:]), le.Uint32(row[36:])
	if count == inheritedHeaders || flags&sourceHeadersFirst != 0 {
		for _, h := range in.Headers {
			s.Headers = append(s.Headers, wasmflow.Header{Key: h.Key, Value: own(h.Value)})
		}
	}
	if count == inheritedHeaders {
		return s, nil
	}
	if uint64(first)+uint64(count) > uint64(d.headerCount) {
		return s, fmt.Errorf("headers %d + %d of %d", first, count, d.headerCount)
	}
	for i := first; i < first+count; i++ {
		e := d.headers[i*headerSize:]
		key, err := d.own(le.Uint32(e), le.Uint32(e[4:]))
		if err != nil {
			return s, fmt.Errorf("key of header %d: %w", i, err)
		}
		value, err := d.bytes(e[8:], nil, false)
		if err != nil {
			return s, fmt.Errorf("value of header %d: %w", i, err)
		}
		s.Headers = append(s.Headers, wasmflow.Header{Key: string(key), Value: value})
	}
	return s, nil
}

// bytes are those that an offset and a length name.
func (d *decoder) bytes(place, source []byte, part bool) ([]byte, error) {
	off, n := le.Uint32(place), int32(le.Uint32(place[4:]))
	switch {
	case n < inherited:
		return nil, fmt.Errorf("length %d", n)
	case part && (n < 0 || uint64(off)+uint64(n) > uint64(len(source))):
		return nil, fmt.Errorf("part %d + %d of the source's %d", off, n, len(source))
	case part:
		return own(source[off : int(off)+int(n)]), nil
	case n == inherited:
		return own(source), nil
	case n == null:
		return nil, nil
	}
	return d.own(off, uint32(n))
}

// own copies bytes of the blob.
func (d *decoder) own(off, n uint32) ([]byte, error) {
	if uint64(off)+uint64(n) > uint64(len(d.blob)) {
		return nil, fmt.Errorf("bytes %d + %d of %d", off, n, len(d.blob))
	}
	return own(d.blob[off:][:n]), nil
}

func own(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}
