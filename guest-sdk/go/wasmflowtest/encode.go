package wasmflowtest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
)

var le = binary.LittleEndian

const (
	headSize, rowSize, headerSize, refusalSize = 64, 48, 16, 16

	null             = -1
	inherited        = -2
	inheritedHeaders = math.MaxUint32
)

// encode is the settings image.
func (s Settings) encode() []byte {
	if s.Transform == "" {
		s.Transform = "test"
	}
	if s.Config == "" {
		s.Config = "{}"
	}
	name, _ := json.Marshal(s.Transform) // strings and lists of them always marshal
	outputs, _ := json.Marshal(s.Outputs)
	return []byte(`{"abi":1,"transform":` + string(name) + `,"outputs":` + string(outputs) +
		`,"stores":[],"features":[],"config":` + s.Config + `}`)
}

// encode is the input image: header, rows, header entries, blob.
func (b Batch) encode() ([]byte, error) {
	if b.Topic == "" {
		b.Topic = "in"
	}
	headers, clock := 0, int64(math.MinInt64)
	for _, r := range b.Records {
		headers += len(r.Headers)
		clock = max(clock, r.TimestampMs)
	}
	if len(b.Records) == 0 {
		clock = 0
	}
	rowsOff := headSize
	headersOff := rowsOff + len(b.Records)*rowSize
	blobOff := headersOff + headers*headerSize
	image := make([]byte, blobOff)
	put := func(at int, bytes []byte, isNull bool) {
		length := uint32(len(bytes))
		if isNull {
			length = math.MaxUint32 // -1
		}
		le.PutUint32(image[at:], uint32(len(image)))
		le.PutUint32(image[at+4:], length)
		image = append(image, bytes...)
	}
	entry := headersOff
	put(36, []byte(b.Topic), false)
	for i, r := range b.Records {
		at := rowsOff + i*rowSize
		le.PutUint64(image[at:], uint64(r.Offset))
		le.PutUint64(image[at+8:], uint64(r.TimestampMs))
		put(at+16, r.Key, r.Key == nil)
		put(at+24, r.Value, r.Value == nil)
		le.PutUint32(image[at+32:], uint32(entry-headersOff)/headerSize)
		le.PutUint32(image[at+36:], uint32(len(r.Headers)))
		le.PutUint32(image[at+40:], math.MaxUint32) // the leader epoch is not known
		for _, h := range r.Headers {
			put(entry, []byte(h.Key), false)
			put(entry+8, h.Value, h.Value == nil)
			entry += headerSize
		}
	}
	if len(image) > 1<<30 {
		return nil, errors.New("wasmflowtest: a batch larger than 1 GiB")
	}
	le.PutUint32(image[0:], 0x31424657)
	le.PutUint16(image[4:], headSize)
	le.PutUint16(image[6:], rowSize)
	le.PutUint32(image[8:], uint32(len(image)))
	le.PutUint32(image[12:], uint32(len(b.Records)))
	le.PutUint32(image[16:], uint32(headers))
	le.PutUint32(image[20:], uint32(rowsOff))
	le.PutUint32(image[24:], uint32(headersOff))
	le.PutUint32(image[32:], uint32(b.Partition))
	le.PutUint32(image[44:], uint32(blobOff))
	le.PutUint64(image[48:], uint64(clock))
	return image, nil
}
