package abi

// Decode reads the result image whose header lies at address at of the guest's memory mem; at and size are the halves of what
// the guest returned. in is the batch that the call was given, outputs the number of outputs in the settings.
//
// Every offset, length, index and count is checked before anything that depends on it is allocated; an error is a *FieldError, and
// what was taken from the arena by then is given back at Reset. Bytes are copied out of mem once; what the image inherits is
// shared with in. The result is valid until Reset, its refusals' texts for good.
//
// Records of a source that is refused too are checked and counted like all others, and left out of the result.
func (a *Arena) Decode(mem []byte, at, size uint32, in *Batch, outputs int, lim Limits) (Result, error) {
	v, err := openResult(mem, at, size, len(in.Records), lim)
	if err != nil {
		return Result{}, err
	}
	d := decoder{arena: a, in: in, outputs: outputs, lim: lim}
	if len(v.blob) > 0 {
		d.blob = a.Bytes(len(v.blob))
		copy(d.blob, v.blob)
	}
	if v.headers > 0 {
		d.headers = a.Headers(v.headers)
		if err := readEntries(d.headers, v.entries, d.blob); err != nil {
			return Result{}, err
		}
	}
	var res Result
	var refused bitset
	if v.refusals > 0 {
		refused = a.clearRefused(len(in.Records))
		if res.Refusals, err = d.readRefusals(v.refused, refused); err != nil {
			return Result{}, err
		}
	}
	records := a.Records(v.records)
	k := 0
	for i := range v.records {
		w := v.rows[i*v.stride : i*v.stride+rowSize : i*v.stride+rowSize]
		r := &records[k]
		if err := d.readRow(r, i, w); err != nil {
			return Result{}, err
		}
		if refused != nil && refused.has(r.Source) {
			*r = ResultRecord{}
			continue
		}
		k++
	}
	res.Records = records[:k:k]
	return res, nil
}

// resultView is a result image whose header and segments have been checked.
type resultView struct {
	records, headers, refusals int
	stride                     int
	rows, entries, refused     []byte
	blob                       []byte
}

func openResult(mem []byte, at, size uint32, n int, lim Limits) (v resultView, err error) {
	if size < imageHeaderSize {
		return v, fieldErr("size", "%d, but a header has at least %d bytes", size, imageHeaderSize)
	}
	if uint64(at)+imageHeaderSize > uint64(len(mem)) {
		return v, fieldErr("address", "%d + %d is past the %d bytes of memory", at, imageHeaderSize, len(mem))
	}
	head := mem[at : uint64(at)+imageHeaderSize]
	if v.stride, err = readSizes(head, resultMagic, len(mem)-int(at)); err != nil {
		return v, err
	}
	if flags := le.Uint32(head[outFlags:]); flags != 0 {
		return v, fieldErr("flags", "unknown bits %#x", flags)
	}
	m, h, r := le.Uint32(head[outRecords:]), le.Uint32(head[outHeaders:]), le.Uint32(head[outRefusals:])
	blobLen := le.Uint32(head[outBlobLen:])
	if err = within("records", uint64(m), int64(lim.Records)); err != nil {
		return v, err
	}
	if err = within("headers", uint64(h), int64(lim.Headers)); err != nil {
		return v, err
	}
	if err = withinBatch(uint64(r), n); err != nil {
		return v, err
	}
	if err = within("blob_len", uint64(blobLen), lim.Bytes); err != nil {
		return v, err
	}
	// The sum with the header's address wraps on purpose: a segment may lie before the header.
	if v.rows, err = segment("records_at", mem, at+le.Uint32(head[outRecordsAt:]), uint64(m)*uint64(v.stride)); err != nil {
		return v, err
	}
	if v.entries, err = segment("headers_at", mem, at+le.Uint32(head[outHeadersAt:]), uint64(h)*headerEntrySize); err != nil {
		return v, err
	}
	if v.refused, err = segment("refusals_at", mem, at+le.Uint32(head[outRefusalsAt:]), uint64(r)*refusalSize); err != nil {
		return v, err
	}
	if v.blob, err = segment("blob_at", mem, at+le.Uint32(head[outBlobAt:]), uint64(blobLen)); err != nil {
		return v, err
	}
	v.records, v.headers, v.refusals = int(m), int(h), int(r)
	return v, nil
}

// decoder is one run of Decode.
type decoder struct {
	arena   *Arena
	in      *Batch
	outputs int
	lim     Limits
	blob    []byte
	headers []Header
	tally   tally
}

func (d *decoder) readRow(r *ResultRecord, i int, w []byte) error {
	_ = w[rowSize-1]
	r.Source = le.Uint32(w[outRowSource:])
	r.Output = le.Uint16(w[outRowOutput:])
	r.Partition = int32(le.Uint32(w[outRowPartition:]))
	if uint64(r.Source) >= uint64(len(d.in.Records)) || int(r.Output) >= d.outputs || r.Partition < PartitionByKey {
		return checkPlace(i, r, len(d.in.Records), d.outputs)
	}
	src := &d.in.Records[r.Source]
	flags := le.Uint16(w[outRowFlags:])
	if flags&^rowFlagsKnown != 0 {
		return rowErr("records", i, "flags", "unknown bits %#x", flags&^rowFlagsKnown)
	}
	r.Timestamp = src.Timestamp
	if flags&rowTimestamp != 0 {
		r.Timestamp = int64(le.Uint64(w[outRowTimestamp:]))
	}
	var err error
	if n := int32(le.Uint32(w[rowKeyLen:])); n == lenInherit && flags&rowKeyPart == 0 {
		r.Key = src.Key
	} else if r.Key, err = d.field(i, "key", w[rowKeyOff:rowKeyOff+8], src.Key, flags&rowKeyPart != 0); err != nil {
		return err
	}
	if n := int32(le.Uint32(w[rowValueLen:])); n == lenInherit && flags&rowValuePart == 0 {
		r.Value = src.Value
	} else if r.Value, err = d.field(i, "value", w[rowValueOff:rowValueOff+8], src.Value, flags&rowValuePart != 0); err != nil {
		return err
	}
	n := le.Uint32(w[rowHeaderCount:])
	after := flags&rowHeadersAfter != 0
	if n != 0 || after {
		if err := d.readHeaders(r, i, le.Uint32(w[rowFirstHeader:]), n, src.Headers, after); err != nil {
			return err
		}
	}
	return d.tally.addBytes(i, r, d.lim)
}

// field gives a key or value that is not inherited whole.
func (d *decoder) field(i int, name string, w, source []byte, part bool) ([]byte, error) {
	off, n := le.Uint32(w), int32(le.Uint32(w[4:]))
	from := d.blob
	if part {
		if n < 0 {
			return nil, rowErr("records", i, name+"_len", "%d is no length of a part", n)
		}
		if source == nil {
			return nil, rowErr("records", i, name+"_len", "a part of the source's %s, which is null", name)
		}
		from = source
	}
	if b, ok := slice(from, off, n); ok {
		return b, nil
	}
	return nil, bytesErr("records", i, name, w, len(from))
}

// readHeaders gives r its headers: n of the image's, or the source's, or the source's and then n of the image's.
func (d *decoder) readHeaders(r *ResultRecord, i int, first, n uint32, source []Header, after bool) error {
	if n == countInherit {
		if after {
			return rowErr("records", i, "header_count", "the source's headers, and the flag that says headers follow them")
		}
		r.Headers = source[:len(source):len(source)]
		return d.tally.addHeaders(i, len(source), d.lim)
	}
	end := uint64(first) + uint64(n)
	if n > 0 && end > uint64(len(d.headers)) {
		return rowErr("records", i, "first_header", "%d + %d is past the %d headers there are", first, n, len(d.headers))
	}
	total := int(n)
	if after {
		total += len(source)
	}
	if err := d.tally.addHeaders(i, total, d.lim); err != nil {
		return err
	}
	switch {
	case n == 0:
		r.Headers = source[:len(source):len(source)]
	case !after || len(source) == 0:
		r.Headers = d.headers[first:end:end]
	default:
		r.Headers = d.arena.Headers(total)
		copy(r.Headers[copy(r.Headers, source):], d.headers[first:end])
	}
	return nil
}

func (d *decoder) readRefusals(entries []byte, refused bitset) ([]Refusal, error) {
	rs := make([]Refusal, len(entries)/refusalSize)
	texts := int64(0)
	for i := range rs {
		w := entries[i*refusalSize : i*refusalSize+refusalSize : i*refusalSize+refusalSize]
		source := le.Uint32(w[refusalSource:])
		if err := checkRefusal(i, source, rs[:i], len(d.in.Records)); err != nil {
			return nil, err
		}
		t, err := refusalBytes(i, w, d.blob)
		if err != nil {
			return nil, err
		}
		// Texts may share bytes: 16 bytes can name 1 KiB, which is copied.
		if texts += int64(min(len(t), MaxRefusalText)); texts > d.lim.Bytes {
			return nil, overLimit(rowErr("refusals", i, "text_len", "the texts up to here are over the limit of %d", d.lim.Bytes))
		}
		rs[i] = Refusal{Source: source, Code: le.Uint32(w[refusalCode:]), Text: refusalText(text(t))}
		refused.set(source)
	}
	return rs, nil
}

// refusalBytes gives the text of refusal i as the guest wrote it.
func refusalBytes(i int, w, blob []byte) ([]byte, error) {
	off, n := le.Uint32(w[refusalTextOff:]), le.Uint32(w[refusalTextLen:])
	end := uint64(off) + uint64(n)
	if n == 0 {
		return nil, nil
	}
	if end > uint64(len(blob)) {
		return nil, rowErr("refusals", i, "text_off", "%d + %d is past the %d bytes there are", off, n, len(blob))
	}
	return blob[off:end:end], nil
}
