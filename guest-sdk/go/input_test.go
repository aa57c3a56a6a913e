package wasmflow

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

var le = binary.LittleEndian

// image is an input image with one header and one row for each value, with headers and rows of the given sizes; what is
// beyond those of v1 is filled with 0xEE, which must not matter. An "N" is a null value.
func image(head, row int, values ...string) []byte {
	rows := head
	entries := rows + row*len(values)
	b := make([]byte, entries+headerSize*len(values))
	for i := range b {
		b[i] = 0xEE
	}
	clear(b[:headSize])
	put := func(at int, text string) {
		le.PutUint32(b[at:], uint32(len(b)))
		le.PutUint32(b[at+4:], uint32(len(text)))
		b = append(b, text...)
	}
	put(36, "topic")
	for i, v := range values {
		at := rows + i*row
		clear(b[at : at+rowSize])
		le.PutUint64(b[at:], uint64(i))
		put(at+16, "key")
		if v == "N" {
			le.PutUint32(b[at+28:], math.MaxUint32)
		} else {
			put(at+24, v)
		}
		le.PutUint32(b[at+32:], uint32(i))
		le.PutUint32(b[at+36:], 1)
		put(entries+i*headerSize, "h")
		put(entries+i*headerSize+8, "header of "+v)
	}
	le.PutUint32(b[0:], inputMagic)
	le.PutUint16(b[4:], uint16(head))
	le.PutUint16(b[6:], uint16(row))
	le.PutUint32(b[8:], uint32(len(b)))
	le.PutUint32(b[12:], uint32(len(values)))
	le.PutUint32(b[16:], uint32(len(values)))
	le.PutUint32(b[20:], uint32(rows))
	le.PutUint32(b[24:], uint32(entries))
	return b
}

// read is everything that a transform can see of an image, or the text of the panic that refuses it.
func read(image []byte) (seen []string, refused string) {
	g := guest{each: func(r Record, _ *Output) error {
		line := r.Topic() + " " + string(r.Key()) + " "
		if v := r.Value(); v == nil {
			line += "null"
		} else {
			line += string(v)
		}
		for k, v := range r.Headers().All() {
			line += " " + string(k) + "=" + string(v)
		}
		seen = append(seen, line)
		return nil
	}}
	defer func() {
		switch v := recover().(type) {
		case error:
			refused = v.Error()
		case string:
			refused = v
		}
	}()
	copy(g.alloc(uint32(len(image))), image)
	g.transform(g.bytes(uint32(len(image))))
	return seen, ""
}

func TestReadersStepByTheSizesInTheHeader(t *testing.T) {
	for _, c := range [][2]int{{64, 48}, {72, 48}, {64, 56}, {72, 56}, {128, 96}} {
		seen, refused := read(image(c[0], c[1], "a", "N", ""))
		want := "topic key a h=header of a|topic key null h=header of N|topic key  h=header of "
		if got := strings.Join(seen, "|"); got != want || refused != "" {
			t.Errorf("header of %d, rows of %d: %s %s", c[0], c[1], got, refused)
		}
	}
}

func TestBadInputIsRefused(t *testing.T) {
	row := headSize // of the first record
	entry := headSize + 2*rowSize
	put32 := func(at int, v uint32) func([]byte) []byte {
		return func(b []byte) []byte { le.PutUint32(b[at:], v); return b }
	}
	put16 := func(at int, v uint16) func([]byte) []byte {
		return func(b []byte) []byte { le.PutUint16(b[at:], v); return b }
	}
	for _, c := range []struct {
		name   string
		change func([]byte) []byte
		want   string
	}{
		{"empty", func([]byte) []byte { return nil }, "length is 0"},
		{"shorter than a header", func(b []byte) []byte { return b[:63] }, "length is 63"},
		{"cut", func(b []byte) []byte { return b[:len(b)-1] }, "total is "},
		{"magic", put32(0, resultMagic), "magic is "},
		{"header of 56", put16(4, 56), "header_size is 56"},
		{"header larger than the image", put16(4, 0xFFF8), "header_size is 65528"},
		{"row of 40", put16(6, 40), "record_size is 40"},
		{"row of 52", put16(6, 52), "record_size is 52"},
		{"total", put32(8, 9), "total is 9"},
		{"records", put32(12, 1000), "records_off is 64"},
		{"most records", put32(12, math.MaxUint32), "records_off is 64"},
		{"headers", put32(16, math.MaxUint32), "headers_off is "},
		{"records_off", put32(20, 0xFFFFFF00), "records_off is "},
		{"headers_off", put32(24, 0xFFFFFF00), "headers_off is "},
		{"unknown flag", put32(28, 8), "flags is 8"},
		{"topic_off", put32(36, math.MaxUint32), "topic_off is "},
		{"topic_len", put32(40, math.MaxUint32), "topic_off is "},
		{"key_off", put32(row+16, math.MaxUint32), "bytes outside of it"},
		{"key_len", put32(row+20, math.MaxInt32), "bytes outside of it"},
		{"key_len -2", put32(row+20, math.MaxUint32-1), "a length of -2"},
		{"value_off", put32(row+24, math.MaxUint32), "bytes outside of it"},
		{"value_len -2", put32(row+28, math.MaxUint32-1), "a length of -2"},
		{"first_header", put32(row+32, 2), "first_header is 2"},
		{"header_count", put32(row+36, 3), "first_header is 0"},
		{"most headers", func(b []byte) []byte { return put32(row+36, math.MaxUint32)(put32(row+32, math.MaxUint32)(b)) }, "first_header is "},
		{"record flag", put32(row+44, 2), "record flags is 2"},
		{"header key_off", put32(entry, math.MaxUint32), "bytes outside of it"},
		{"header key null", put32(entry+4, math.MaxUint32), "header key_len is 4294967295"},
		{"header value_len", put32(entry+12, math.MaxInt32), "bytes outside of it"},
		{"header value_len -2", put32(entry+12, math.MaxUint32-1), "a length of -2"},
	} {
		seen, refused := read(c.change(image(headSize, rowSize, "a", "b")))
		if !strings.HasPrefix(refused, "wasmflow: bad input image: "+c.want) {
			t.Errorf("%s: %q, want %q; seen %q", c.name, refused, c.want, seen)
		}
	}
}

func TestWhatTheHostLeftOutIsNotRead(t *testing.T) {
	for _, c := range []struct {
		flag uint32
		read func(Record)
	}{
		{valuesAbsent, func(r Record) { r.Value() }},
		{keysAbsent, func(r Record) { r.Key() }},
		{headersAbsent, func(r Record) { r.Headers() }},
	} {
		b := image(headSize, rowSize, "a")
		le.PutUint32(b[28:], c.flag)
		le.PutUint32(b[headSize+16:], 0xFFFFFFF0) // offsets of what is absent mean nothing
		le.PutUint32(b[headSize+24:], 0xFFFFFFF0)
		var in input
		if err := in.open(b); err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, "left out of the image") {
					t.Errorf("flag %d: %q", c.flag, text)
				}
			}()
			c.read(Record{&in, 0})
		}()
		// Null and empty stay what they are, and a part is cut by the true length.
		le.PutUint32(b[headSize+20:], 0)
		le.PutUint32(b[headSize+28:], math.MaxUint32)
		le.PutUint32(b[headSize+36:], 0)
		r := Record{&in, 0}
		if c.flag == keysAbsent && (r.Key() == nil || len(r.Key()) != 0) || c.flag == valuesAbsent && r.Value() != nil || r.Headers().Len() != 0 {
			t.Errorf("flag %d: %q %q", c.flag, r.Key(), r.Value())
		}
	}
}

func TestImagesLieOnEightBytes(t *testing.T) {
	var g guest
	for n := uint32(0); n < 20_000; n += 7 {
		if b := g.alloc(n); uintptr(start(b))%8 != 0 || len(b) != int(n) {
			t.Fatalf("%d bytes at %p", len(b), start(b))
		}
	}
	small := start(g.alloc(100))
	if again := start(g.alloc(5000)); again != small {
		t.Error("a room that was large enough was replaced")
	}
}

// The SDK allocates nothing for a record: its garbage would be collected between two of them. A call has its input.
func TestNothingIsAllocatedForARecord(t *testing.T) {
	values := make([]string, 1000)
	for i := range values {
		values[i] = "value"
	}
	in := image(headSize, rowSize, values...)
	for name, f := range map[string]func(Record, *Output) error{
		"forward": func(r Record, out *Output) error { return out.Forward(r) },
		"send":    func(r Record, out *Output) error { return out.Send(r, r.Value()) },
		"draft": func(r Record, out *Output) error {
			value := func(b []byte) []byte { return append(b, r.Value()...) }
			return out.From(r).Key(r.Value()).AddHeader("h", r.Key()).AppendValue(value).Send()
		},
		"headers": func(r Record, _ *Output) error {
			for range r.Headers().All() {
			}
			_, _ = r.Header("x")
			return nil
		},
	} {
		g := guest{each: f}
		g.transform(in)
		if n := testing.AllocsPerRun(10, func() { g.transform(in) }); n > 1 {
			t.Errorf("%s: %v allocations for %d records", name, n, len(values))
		}
	}
}
