package wasmflow

// Draft is one output record under construction, in the result image itself. It starts as its source, unchanged; each
// method replaces one thing and returns the draft, so that calls chain. Send ends it, and without Send it is undone. Any
// use of a draft that is not the open one panics.
type Draft struct {
	o  *Output
	id uint32
}

// row is the draft's row.
func (d Draft) row() *resultRow {
	if d.o.open != d.id || d.o.lent {
		d.stale()
	}
	return &d.o.rows[d.o.length.rows]
}

func (d Draft) stale() {
	if d.o.lent {
		panic("wasmflow: a draft was used inside the function of AppendValue, or after its panic")
	}
	panic("wasmflow: a draft was used after its Send or after its record")
}

// Send sends the record. The draft cannot be used after it. The error is always nil: it is there to be returned.
func (d Draft) Send() error {
	d.row()
	if d.o.moved != nil {
		d.o.settle()
	}
	d.o.open = 0
	d.o.length.rows++
	return nil
}

// To chooses the output. Out gives one, in Init; without To it is the default output.
func (d Draft) To(output To) Draft {
	d.row().output = output.index
	return d
}

// Key replaces the key. Nil is null; an empty key is not. It is copied.
func (d Draft) Key(key []byte) Draft {
	row := d.row()
	row.keyOff, row.keyLen = d.o.put(key)
	row.flags &^= keyIsPart
	return d
}

// KeyPart makes the key bytes from:to of the source's key. Nothing is copied. It panics where the source's key is null or
// shorter.
func (d Draft) KeyPart(from, to int) Draft {
	row := d.row()
	row.keyOff, row.keyLen = part("key", d.o.in.row(row.source).keyLen, from, to)
	row.flags |= keyIsPart
	return d
}

// Value replaces the value. Nil is null, a tombstone; an empty value is not. It is copied.
func (d Draft) Value(value []byte) Draft {
	row := d.row()
	d.o.unset(row, false)
	row.valueOff, row.valueLen = d.o.put(value)
	return d
}

// ValueRoom makes the value n zero bytes and gives them out to be written: the way without a copy. They may be written to
// until Send, or until the value is set anew; the draft's other methods may be called meanwhile, in any order.
//
// What is written after Send may be lost. Under wasmflowtest it always is, so that a test shows the mistake.
func (d Draft) ValueRoom(n int) []byte {
	o, row := d.o, d.row()
	o.unset(row, true)
	row.valueOff, row.valueLen = uint32(o.length.blob), 0
	room := o.room(n)
	clear(room) // what an earlier record left there must not reach the output
	row.valueLen, o.hasRoom = int32(n), true
	return o.lend(room)
}

// AppendValue makes the value what f appends to the empty slice that it is given: the way to strconv.AppendInt and its
// kind, straight into the image. A nil result is null. A use of the draft or the output inside f panics, and after a
// panic of f the draft can only be left or refused.
func (d Draft) AppendValue(f func(b []byte) []byte) Draft {
	const usual = 256 // bytes that are there without growing
	o, row := d.o, d.row()
	o.unset(row, true)
	from := o.length.blob
	o.room(usual)
	o.length.blob = from
	o.lent = true
	b := f(o.blob[from:from])
	if !o.lent || o.open != d.id {
		panic("wasmflow: Refuse was called inside the function of AppendValue")
	}
	o.lent = false
	row.valueOff, row.valueLen = o.put(b) // in place where f only appended: the copy is onto itself
	return d
}

// ValuePart makes the value bytes from:to of the source's value. Nothing is copied. It panics where the source's value is
// null or shorter.
func (d Draft) ValuePart(from, to int) Draft {
	row := d.row()
	d.o.unset(row, true)
	row.valueOff, row.valueLen = part("value", d.o.in.row(row.source).valueLen, from, to)
	row.flags |= valueIsPart
	return d
}

// unset takes away the value that the draft has given its row.
func (o *Output) unset(row *resultRow, keepRoom bool) {
	if row.valueLen >= 0 { // seldom: a value that is set twice
		o.takeBack(row, keepRoom)
	}
}

// takeBack undoes the open draft's value. Where that was the last thing in the blob, its bytes are given back, so that a
// room that was taken too large costs nothing when Value then shortens it. Others than Value keep off a room: it may be
// what they read from.
func (o *Output) takeBack(row *resultRow, keepRoom bool) {
	last := row.flags&valueIsPart == 0 && int(row.valueOff)+int(row.valueLen) == o.length.blob
	if last && !(keepRoom && o.hasRoom) {
		o.length.blob = int(row.valueOff)
	}
	o.hasRoom, o.moved = false, nil
	row.flags &^= valueIsPart
}

func part(what string, length int32, from, to int) (off uint32, n int32) {
	if length < 0 || from < 0 || to < from || to > int(length) {
		panic("wasmflow: part of a " + what + " is out of range")
	}
	return uint32(from), int32(to - from)
}

// AddHeader adds a header after those that the record has: after the source's, or after NoHeaders the first one. Keys may
// repeat; a nil value is null. Both are copied.
func (d Draft) AddHeader(key string, value []byte) Draft {
	o, row := d.o, d.row()
	if row.headerCount == inheritedHeaders {
		row.firstHeader, row.headerCount = uint32(o.length.headers), 0
		row.flags |= sourceHeadersFirst
	}
	if o.length.headers == len(o.headers) {
		o.headers = append(o.headers, make([]headerEntry, max(64, len(o.headers)))...)
	}
	h := &o.headers[o.length.headers]
	h.keyOff, h.keyLen = uint32(o.length.blob), uint32(len(key))
	copy(o.room(len(key)), key)
	h.valueOff, h.valueLen = o.put(value)
	o.length.headers++
	row.headerCount++
	return d
}

// NoHeaders drops the source's headers and those that the draft added.
func (d Draft) NoHeaders() Draft {
	row := d.row()
	d.o.length.headers = d.o.before.headers
	row.firstHeader, row.headerCount = uint32(d.o.length.headers), 0
	row.flags &^= sourceHeadersFirst
	return d
}

// Partition chooses the partition of the output's topic. Without it the host places the record by its key, as Kafka's Java
// client does. It panics where p is negative.
func (d Draft) Partition(p int32) Draft {
	if p < 0 {
		panic("wasmflow: a negative partition")
	}
	d.row().partition = p
	return d
}

// TimestampMs replaces the timestamp, in milliseconds since 1970-01-01 UTC.
func (d Draft) TimestampMs(t int64) Draft {
	row := d.row()
	row.timestampMs = t
	row.flags |= timestampGiven
	return d
}
