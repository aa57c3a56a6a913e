package abi

// ImageSize is the number of bytes of the batch's input image. Whoever places the image bounds it: EncodeBatch refuses one over
// 4 GiB - 1.
func (b *Batch) ImageSize() int64 {
	size, _ := b.measure()
	return size
}

// measure gives the size of the image and the number of its header entries.
func (b *Batch) measure() (size, headers int64) {
	size = imageHeaderSize + int64(len(b.Topic)) + int64(len(b.Records))*rowSize
	for i := range b.Records {
		r := &b.Records[i]
		size += int64(len(r.Key)) + int64(len(r.Value))
		if len(r.Headers) == 0 {
			continue
		}
		headers += int64(len(r.Headers))
		for j := range r.Headers {
			size += int64(len(r.Headers[j].Key)) + int64(len(r.Headers[j].Value))
		}
	}
	return size + headers*headerEntrySize, headers
}

// EncodeBatch writes the input image of b to the start of dst and gives its size. It allocates nothing and writes nothing when
// it gives an error, a *FieldError: dst is too small, the image is larger than its offsets can say, a key or value is longer
// than its length field can say, or a record has a flag that v1 does not know.
func EncodeBatch(dst []byte, b *Batch) (int, error) {
	size, headers := b.measure()
	if size > maxImageBytes {
		return 0, fieldErr("total", "%d bytes are more than an image can hold, split the batch", size)
	}
	if size > int64(len(dst)) {
		return 0, fieldErr("total", "%d bytes do not fit into the buffer's %d", size, len(dst))
	}
	if err := b.encodable(size); err != nil {
		return 0, err
	}
	img := dst[:size:size]
	n := len(b.Records)
	entriesOff := imageHeaderSize + n*rowSize
	blobOff := entriesOff + int(headers)*headerEntrySize
	putBatchHeader(img, b, int(headers))

	rows := img[imageHeaderSize:entriesOff]
	entries := img[entriesOff:blobOff]
	off := blobOff + copy(img[blobOff:], b.Topic)
	first := 0
	for i := range b.Records {
		r := &b.Records[i]
		w := rows[i*rowSize : i*rowSize+rowSize : i*rowSize+rowSize]
		le.PutUint64(w[inRowOffset:], uint64(r.Offset))
		le.PutUint64(w[inRowTimestamp:], uint64(r.Timestamp))
		off = putBytes(img, off, w[rowKeyOff:rowKeyOff+8], r.Key)
		off = putBytes(img, off, w[rowValueOff:rowValueOff+8], r.Value)
		le.PutUint32(w[inRowEpoch:], uint32(r.LeaderEpoch))
		le.PutUint32(w[inRowFlags:], uint32(r.Flags))
		if len(r.Headers) == 0 {
			le.PutUint64(w[rowFirstHeader:], 0)
			continue
		}
		le.PutUint32(w[rowFirstHeader:], uint32(first))
		le.PutUint32(w[rowHeaderCount:], uint32(len(r.Headers)))
		off = putEntries(img, off, entries[first*headerEntrySize:], r.Headers)
		first += len(r.Headers)
	}
	return int(size), nil
}

// encodable looks for what the fields of a record cannot say. A length can be too large only where the image is.
func (b *Batch) encodable(size int64) error {
	var flags RecordFlags
	for i := range b.Records {
		flags |= b.Records[i].Flags
	}
	if flags&^FlagBrokerTime == 0 && size <= maxLen {
		return nil
	}
	for i := range b.Records {
		r := &b.Records[i]
		switch {
		case r.Flags&^FlagBrokerTime != 0:
			return rowErr("records", i, "flags", "unknown bits %#x", uint32(r.Flags&^FlagBrokerTime))
		case len(r.Key) > maxLen:
			return rowErr("records", i, "key_len", "%d bytes are more than 2 GiB - 1", len(r.Key))
		case len(r.Value) > maxLen:
			return rowErr("records", i, "value_len", "%d bytes are more than 2 GiB - 1", len(r.Value))
		}
		for j := range r.Headers {
			if n := len(r.Headers[j].Value); n > maxLen {
				return rowErr("records", i, "headers", "value of header %d: %d bytes are more than 2 GiB - 1", j, n)
			}
		}
	}
	return nil
}

func putBatchHeader(img []byte, b *Batch, headers int) {
	entriesOff := imageHeaderSize + len(b.Records)*rowSize
	blobOff := entriesOff + headers*headerEntrySize
	topicOff := 0
	if b.Topic != "" {
		topicOff = blobOff
	}
	_ = img[imageHeaderSize-1]
	le.PutUint32(img[atMagic:], batchMagic)
	le.PutUint16(img[atHeaderSize:], imageHeaderSize)
	le.PutUint16(img[atRecordSize:], rowSize)
	le.PutUint32(img[inTotal:], uint32(len(img)))
	le.PutUint32(img[inRecords:], uint32(len(b.Records)))
	le.PutUint32(img[inHeaders:], uint32(headers))
	le.PutUint32(img[inRecordsOff:], imageHeaderSize)
	le.PutUint32(img[inHeadersOff:], uint32(entriesOff))
	le.PutUint32(img[inFlags:], 0)
	le.PutUint32(img[inPartition:], uint32(b.Partition))
	le.PutUint32(img[inTopicOff:], uint32(topicOff))
	le.PutUint32(img[inTopicLen:], uint32(len(b.Topic)))
	le.PutUint32(img[inBlobOff:], uint32(blobOff))
	le.PutUint64(img[inClock:], uint64(b.Clock))
	le.PutUint64(img[inReserved:], 0)
}

// putBytes writes the offset and length of v to field, and v at off; nil is null. It gives the offset behind v.
func putBytes(img []byte, off int, field, v []byte) int {
	_ = field[7]
	if len(v) > 0 {
		le.PutUint32(field, uint32(off))
		le.PutUint32(field[4:], uint32(len(v)))
		return off + copy(img[off:], v)
	}
	null := uint64(0)
	if v == nil {
		null = 0xFFFFFFFF << 32
	}
	le.PutUint64(field, null)
	return off
}

// putEntries writes header entries, and their bytes at off. It gives the offset behind them.
func putEntries(img []byte, off int, entries []byte, headers []Header) int {
	for i := range headers {
		h := &headers[i]
		w := entries[i*headerEntrySize : i*headerEntrySize+headerEntrySize : i*headerEntrySize+headerEntrySize]
		le.PutUint64(w[entryKeyOff:], 0)
		if len(h.Key) > 0 {
			le.PutUint32(w[entryKeyOff:], uint32(off))
			le.PutUint32(w[entryKeyLen:], uint32(len(h.Key)))
			off += copy(img[off:], h.Key)
		}
		off = putBytes(img, off, w[entryValueOff:entryValueOff+8], h.Value)
	}
	return off
}
