package abi

// DecodeRows reads the result image whose header lies at address at of mem as rows, without resolving what they inherit. It
// holds the image to all that Arena.Decode does; the arguments are the same, an error is a *FieldError. The rows share the
// memory of mem.
func DecodeRows(mem []byte, at, size uint32, in *Batch, outputs int, lim Limits) (Rows, error) {
	// One checker: what Decode accepted has no offset out of range.
	var a Arena
	if _, err := a.Decode(mem, at, size, in, outputs, lim); err != nil {
		return Rows{}, err
	}
	v, err := openResult(mem, at, size, len(in.Records), lim)
	if err != nil {
		return Rows{}, err
	}
	headers := make([]Header, v.headers)
	if err := readEntries(headers, v.entries, v.blob); err != nil {
		return Rows{}, err
	}
	rows := Rows{Records: make([]Row, v.records), Refusals: make([]Refusal, v.refusals)}
	for i := range rows.Records {
		rows.Records[i] = readRow(v.rows[i*v.stride:i*v.stride+rowSize], v.blob, headers)
	}
	for i := range rows.Refusals {
		w := v.refused[i*refusalSize : (i+1)*refusalSize]
		t, err := refusalBytes(i, w, v.blob)
		if err != nil {
			return Rows{}, err
		}
		rows.Refusals[i] = Refusal{Source: le.Uint32(w[refusalSource:]), Code: le.Uint32(w[refusalCode:]), Text: text(t)}
	}
	return rows, nil
}

// readRow reads a row that has been checked.
func readRow(w, blob []byte, headers []Header) Row {
	flags := le.Uint16(w[outRowFlags:])
	r := Row{
		Source:       le.Uint32(w[outRowSource:]),
		Output:       le.Uint16(w[outRowOutput:]),
		Key:          readCell(w[rowKeyOff:], blob, flags&rowKeyPart != 0),
		Value:        readCell(w[rowValueOff:], blob, flags&rowValuePart != 0),
		HasTimestamp: flags&rowTimestamp != 0,
		Partition:    int32(le.Uint32(w[outRowPartition:])),
	}
	if r.HasTimestamp {
		r.Timestamp = int64(le.Uint64(w[outRowTimestamp:]))
	}
	if flags&rowHeadersAfter != 0 {
		r.HeadersFrom = HeadersAfter
	}
	n := le.Uint32(w[rowHeaderCount:])
	if n == countInherit {
		r.HeadersFrom = HeadersSource
	} else if n > 0 {
		first := uint64(le.Uint32(w[rowFirstHeader:]))
		r.Headers = headers[first : first+uint64(n)]
	}
	return r
}

// readCell reads offset and length of a key or value that have been checked.
func readCell(w, blob []byte, part bool) Cell {
	off, n := le.Uint32(w), int32(le.Uint32(w[4:]))
	switch {
	case part && n > 0:
		return Cell{From: CellPart, Off: off, Len: uint32(n)}
	case part:
		return Cell{From: CellPart}
	case n == lenInherit:
		return Cell{From: CellSource}
	case n == lenNull:
		return Cell{From: CellNull}
	}
	b, _ := slice(blob, off, n)
	return Cell{From: CellGiven, Bytes: b}
}
