package abi

import "encoding/binary"

// The layout of SPEC.md, "Input image" and "Result image". Every number of both images is little endian; offsets below count
// from the start of the struct that they belong to.

var le = binary.LittleEndian

// Sizes that this version writes. Readers step by the sizes in an image's header, which may be larger.
const (
	imageHeaderSize = 64
	rowSize         = 48
	headerEntrySize = 16
	refusalSize     = 16
)

// Magic numbers, "WFB1" and "WFR1" as they lie in memory.
const (
	batchMagic  = 0x31424657
	resultMagic = 0x31524657
)

// The first 8 bytes of both image headers.
const (
	atMagic      = 0  // u32
	atHeaderSize = 4  // u16
	atRecordSize = 6  // u16
	sizesShift   = 16 // of record_size, where both sizes are read as one u32
)

// Header of an input image.
const (
	inTotal      = 8  // u32
	inRecords    = 12 // u32
	inHeaders    = 16 // u32
	inRecordsOff = 20 // u32
	inHeadersOff = 24 // u32
	inFlags      = 28 // u32
	inPartition  = 32 // i32
	inTopicOff   = 36 // u32
	inTopicLen   = 40 // u32
	inBlobOff    = 44 // u32
	inClock      = 48 // i64
	inReserved   = 56 // u64
)

// Flags of an input image: bytes that the guest declared not to need and that the host left out.
const (
	inValuesAbsent  = 1
	inKeysAbsent    = 2
	inHeadersAbsent = 4
)

// Record of an input image.
const (
	inRowOffset    = 0  // i64
	inRowTimestamp = 8  // i64
	inRowEpoch     = 40 // i32
	inRowFlags     = 44 // u32
)

// Fields that records of both images have at the same place.
const (
	rowKeyOff      = 16 // u32
	rowKeyLen      = 20 // i32
	rowValueOff    = 24 // u32
	rowValueLen    = 28 // i32
	rowFirstHeader = 32 // u32
	rowHeaderCount = 36 // u32
)

// Header entry of both images.
const (
	entryKeyOff   = 0  // u32
	entryKeyLen   = 4  // u32
	entryValueOff = 8  // u32
	entryValueLen = 12 // i32
)

// Header of a result image.
const (
	outFlags      = 8  // u32
	outRecords    = 12 // u32
	outRecordsAt  = 16 // u32
	outHeaders    = 20 // u32
	outHeadersAt  = 24 // u32
	outRefusals   = 28 // u32
	outRefusalsAt = 32 // u32
	outBlobAt     = 36 // u32
	outBlobLen    = 40 // u32
	outReserved   = 44 // to the end
)

// Record of a result image.
const (
	outRowSource    = 0  // u32
	outRowOutput    = 4  // u16
	outRowFlags     = 6  // u16
	outRowTimestamp = 8  // i64
	outRowPartition = 40 // i32
	outRowReserved  = 44 // u32
)

// Flags of a record of a result image.
const (
	rowTimestamp    = 1 // timestamp_ms is given
	rowValuePart    = 2 // value_off counts from the start of the source's value
	rowKeyPart      = 4 // key_off likewise
	rowHeadersAfter = 8 // the source's headers come first
	rowFlagsKnown   = rowTimestamp | rowValuePart | rowKeyPart | rowHeadersAfter
)

// Refusal entry.
const (
	refusalSource  = 0  // u32
	refusalCode    = 4  // u32
	refusalTextOff = 8  // u32
	refusalTextLen = 12 // u32
)

// Lengths and counts that are not one.
const (
	lenNull       = -1
	lenInherit    = -2
	countInherit  = 0xFFFFFFFF
	maxLen        = 1<<31 - 1
	maxImageBytes = 1<<32 - 1
)
