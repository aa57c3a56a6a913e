package abi

// Rows is a result as a guest says it, before a host resolves it against the batch: what is inherited stays inherited. It is
// for those who make or compare result images (tests of SDKs and hosts); a host uses Arena.Decode.
type Rows struct {
	Records []Row
	// Refusals ascend by Source. Their texts are as the guest wrote them.
	Refusals []Refusal
}

// Row is a record of a result image.
type Row struct {
	// Source is the index of the input record, Output an index into Settings.Outputs.
	Source uint32
	Output uint16
	// Key and Value of the record.
	Key, Value Cell
	// Headers of the record, and how they stand to the source's.
	Headers     []Header
	HeadersFrom HeadersFrom
	// Timestamp in milliseconds, where HasTimestamp says that it is given.
	Timestamp    int64
	HasTimestamp bool
	// Partition of the output topic, or PartitionByKey.
	Partition int32
}

// Cell is a key or a value of a row. The zero Cell is null.
type Cell struct {
	From CellFrom
	// Bytes, where From is CellGiven; never null, nil is empty.
	Bytes []byte
	// Off and Len are a range of the source's key or value, where From is CellPart.
	Off, Len uint32
}

// CellFrom says where the bytes of a cell come from.
type CellFrom uint8

// Where the bytes of a cell come from.
const (
	// CellNull is null.
	CellNull CellFrom = iota
	// CellGiven is the row's own bytes.
	CellGiven
	// CellSource is the source's, whole; null where that is null.
	CellSource
	// CellPart is a part of the source's.
	CellPart
)

// HeadersFrom says which headers a row has.
type HeadersFrom uint8

// Which headers a row has.
const (
	// HeadersGiven is the row's own, in place of the source's.
	HeadersGiven HeadersFrom = iota
	// HeadersSource is the source's, whole.
	HeadersSource
	// HeadersAfter is the source's, then the row's own.
	HeadersAfter
)

// EncodeResult writes r as a result image in the canonical form (SPEC.md, "Canonical form"): contiguous, nothing shared, the
// same bytes at every address. Decode takes it as memory with at 0. It checks only what the image cannot say; an error is a
// *FieldError.
func EncodeResult(r *Rows) ([]byte, error) {
	entries, blob, err := r.measure()
	if err != nil {
		return nil, err
	}
	entriesAt := imageHeaderSize + len(r.Records)*rowSize
	refusalsAt := entriesAt + entries*headerEntrySize
	blobAt := refusalsAt + len(r.Refusals)*refusalSize
	img := make([]byte, blobAt+blob)
	le.PutUint32(img[atMagic:], resultMagic)
	le.PutUint16(img[atHeaderSize:], imageHeaderSize)
	le.PutUint16(img[atRecordSize:], rowSize)
	putSegment(img[outRecords:], len(r.Records), imageHeaderSize)
	putSegment(img[outHeaders:], entries, entriesAt)
	putSegment(img[outRefusals:], len(r.Refusals), refusalsAt)
	if blob > 0 {
		le.PutUint32(img[outBlobAt:], uint32(blobAt))
		le.PutUint32(img[outBlobLen:], uint32(blob))
	}
	b := img[blobAt:]
	off, first := 0, 0
	for i := range r.Records {
		row := &r.Records[i]
		w := img[imageHeaderSize+i*rowSize : imageHeaderSize+(i+1)*rowSize]
		le.PutUint32(w[outRowSource:], row.Source)
		le.PutUint16(w[outRowOutput:], row.Output)
		le.PutUint16(w[outRowFlags:], row.flags())
		if row.HasTimestamp {
			le.PutUint64(w[outRowTimestamp:], uint64(row.Timestamp))
		}
		le.PutUint32(w[outRowPartition:], uint32(row.Partition))
		off = putCell(b, off, w[rowKeyOff:rowKeyOff+8], row.Key)
		off = putCell(b, off, w[rowValueOff:rowValueOff+8], row.Value)
		if row.HeadersFrom == HeadersSource {
			le.PutUint32(w[rowHeaderCount:], countInherit)
		} else if n := len(row.Headers); n > 0 {
			le.PutUint32(w[rowFirstHeader:], uint32(first))
			le.PutUint32(w[rowHeaderCount:], uint32(n))
			off = putEntries(b, off, img[entriesAt+first*headerEntrySize:], row.Headers)
			first += n
		}
	}
	for i := range r.Refusals {
		w := img[refusalsAt+i*refusalSize : refusalsAt+(i+1)*refusalSize]
		le.PutUint32(w[refusalSource:], r.Refusals[i].Source)
		le.PutUint32(w[refusalCode:], r.Refusals[i].Code)
		if t := r.Refusals[i].Text; t != "" {
			le.PutUint32(w[refusalTextOff:], uint32(off))
			le.PutUint32(w[refusalTextLen:], uint32(len(t)))
			off += copy(b[off:], t)
		}
	}
	return img, nil
}

// measure gives the number of header entries and of blob bytes.
func (r *Rows) measure() (entries, blob int, err error) {
	total := int64(imageHeaderSize) + int64(len(r.Records))*rowSize + int64(len(r.Refusals))*refusalSize
	sum := int64(0)
	for i := range r.Records {
		row := &r.Records[i]
		if row.HeadersFrom == HeadersSource && len(row.Headers) > 0 {
			return 0, 0, rowErr("records", i, "header_count", "the source's headers and %d more: HeadersAfter says that", len(row.Headers))
		}
		if row.Key.tooLong() {
			return 0, 0, rowErr("records", i, "key_len", "a part of %d bytes is over 2 GiB - 1", row.Key.Len)
		}
		if row.Value.tooLong() {
			return 0, 0, rowErr("records", i, "value_len", "a part of %d bytes is over 2 GiB - 1", row.Value.Len)
		}
		sum += row.Key.own() + row.Value.own()
		entries += len(row.Headers)
		for j := range row.Headers {
			sum += int64(len(row.Headers[j].Key)) + int64(len(row.Headers[j].Value))
		}
	}
	for i := range r.Refusals {
		sum += int64(len(r.Refusals[i].Text))
	}
	total += int64(entries)*headerEntrySize + sum
	if sum > maxLen || total > maxImageBytes {
		return 0, 0, fieldErr("blob_len", "%d bytes in an image of %d are more than it can hold", sum, total)
	}
	return entries, int(sum), nil
}

func (c *Cell) tooLong() bool { return c.From == CellPart && c.Len > maxLen }

// own is the number of bytes that the cell puts into the blob.
func (c *Cell) own() int64 {
	if c.From != CellGiven {
		return 0
	}
	return int64(len(c.Bytes))
}

func (r *Row) flags() (f uint16) {
	if r.HasTimestamp {
		f |= rowTimestamp
	}
	if r.Value.From == CellPart {
		f |= rowValuePart
	}
	if r.Key.From == CellPart {
		f |= rowKeyPart
	}
	if r.HeadersFrom == HeadersAfter {
		f |= rowHeadersAfter
	}
	return f
}

// putSegment writes a count and the distance of what is counted, 0 where there is none.
func putSegment(w []byte, n, at int) {
	if n > 0 {
		le.PutUint32(w, uint32(n))
		le.PutUint32(w[4:], uint32(at))
	}
}

// putCell writes offset and length of c to field, and its own bytes to b at off. It gives the offset behind them.
func putCell(b []byte, off int, field []byte, c Cell) int {
	switch c.From {
	case CellGiven:
		v := c.Bytes
		if v == nil {
			v = empty
		}
		return putBytes(b, off, field, v)
	case CellPart:
		if c.Len > 0 {
			le.PutUint32(field, c.Off)
			le.PutUint32(field[4:], c.Len)
		}
	case CellSource:
		le.PutUint32(field[4:], 0xFFFFFFFF-1)
	default:
		putBytes(b, off, field, nil)
	}
	return off
}
