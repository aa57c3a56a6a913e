package wasmflow

import "unsafe"

// Marks of ABI v1 (abi/SPEC.md).
const (
	inputMagic  = 0x31424657 // "WFB1"
	resultMagic = 0x31524657 // "WFR1"

	headSize   = 64 // of the header of both images
	rowSize    = 48 // of a record of both images
	headerSize = 16 // of a Kafka header of both images

	null             = -1         // a length: there are no bytes
	inherited        = -2         // a length in a result: the source's bytes
	inheritedHeaders = 0xFFFFFFFF // a count in a result: the source's headers
)

// Flags of an input image and of its records.
const (
	valuesAbsent = 1 << iota
	keysAbsent
	headersAbsent

	knownInputFlags = valuesAbsent | keysAbsent | headersAbsent
	knownRowFlags   = 1 // the timestamp is the broker's
)

// Flags of a result record.
const (
	timestampGiven = 1 << iota
	valueIsPart
	keyIsPart
	sourceHeadersFirst
)

// The structs below are the bytes of the images: fields of a fixed size only, since int and pointers have 64 bits under
// GOARCH=wasm while an address has 32.

type inputHead struct {
	magic               uint32
	headSize, rowSize   uint16
	total               uint32
	records, headers    uint32
	rowsOff, headersOff uint32
	flags               uint32
	partition           int32
	topicOff, topicLen  uint32
	blobOff             uint32
	clockMs             int64
	_                   uint64
}

type inputRow struct {
	offset, timestampMs      int64
	keyOff                   uint32
	keyLen                   int32
	valueOff                 uint32
	valueLen                 int32
	firstHeader, headerCount uint32
	leaderEpoch              int32
	flags                    uint32
}

type headerEntry struct {
	keyOff, keyLen, valueOff uint32
	valueLen                 int32
}

type resultHead struct {
	magic              uint32
	headSize, rowSize  uint16
	_                  uint32 // flags
	records, rowsAt    uint32
	headers, headsAt   uint32
	refusals, refuseAt uint32
	blobAt, blobLen    uint32
	_                  [5]uint32
}

type resultRow struct {
	source                   uint32
	output, flags            uint16
	timestampMs              int64
	keyOff                   uint32
	keyLen                   int32
	valueOff                 uint32
	valueLen                 int32
	firstHeader, headerCount uint32
	partition                int32
	_                        uint32
}

type refusalEntry struct{ source, code, textOff, textLen uint32 }

// A struct of the wrong size does not compile.
var (
	_ [headSize]byte   = [unsafe.Sizeof(inputHead{})]byte{}
	_ [rowSize]byte    = [unsafe.Sizeof(inputRow{})]byte{}
	_ [headerSize]byte = [unsafe.Sizeof(headerEntry{})]byte{}
	_ [headSize]byte   = [unsafe.Sizeof(resultHead{})]byte{}
	_ [rowSize]byte    = [unsafe.Sizeof(resultRow{})]byte{}
	_ [16]byte         = [unsafe.Sizeof(refusalEntry{})]byte{}
)
