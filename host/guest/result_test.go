package guest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wasmflow/wasmflow/abi"
)

// image makes a result image: a header, rows of 48 bytes, header entries, refusals, a blob; change patches it.
type image struct {
	rows, entries, refusals, blob int
	change                        func(b []byte)
}

func (m image) bytes() []byte {
	le := binary.LittleEndian
	rowsAt := 64
	entriesAt := rowsAt + m.rows*48
	refusalsAt := entriesAt + m.entries*16
	blobAt := refusalsAt + m.refusals*16
	b := make([]byte, blobAt+m.blob)
	copy(b, "WFR1")
	for at, v := range map[int]int{12: m.rows, 16: rowsAt, 20: m.entries, 24: entriesAt, 28: m.refusals, 32: refusalsAt, 36: blobAt, 40: m.blob} {
		le.PutUint32(b[at:], uint32(v))
	}
	le.PutUint16(b[4:], 64)
	le.PutUint16(b[6:], 48)
	for n := range m.rows {
		row := b[rowsAt+n*48:]
		for _, at := range []int{20, 28} {
			le.PutUint32(row[at:], 0xfffffffe) // the source's
		}
		le.PutUint32(row[40:], 0xffffffff)
	}
	for n := range m.refusals {
		le.PutUint32(b[refusalsAt+n*16:], uint32(n))
	}
	if m.change != nil {
		m.change(b)
	}
	return b
}

// put writes a number over n bytes at an offset.
func put(at, n int, v uint64) func([]byte) {
	return func(b []byte) {
		var le [8]byte
		binary.LittleEndian.PutUint64(le[:], v)
		copy(b[at:at+n], le[:n])
	}
}

// Every field of a result that can be wrong, through a guest that returns it.
func TestBadResults(t *testing.T) {
	t.Parallel()
	const row, entry, refusal = 64, 64 + 48, 64 + 48 + 16 // of an image with one of each
	full := image{rows: 1, entries: 1, refusals: 1, blob: 8}
	m := load(t, "image", func(c *Config) { c.Limits.OutputRecords, c.Limits.OutputBytes = 10, 1000 })
	for _, c := range []struct {
		name, field string
		image       image
		change      func([]byte)
		kind        TrapKind
	}{
		{"magic", "magic", full, put(0, 4, 0x31424657), TrapBadResult},
		{"header_size", "header_size", full, put(4, 2, 63), TrapBadResult},
		{"record_size", "record_size", full, put(6, 2, 40), TrapBadResult},
		{"record_size unaligned", "record_size", full, put(6, 2, 52), TrapBadResult},
		{"flags", "flags", full, put(8, 4, 1), TrapBadResult},
		{"records", "records", full, put(12, 4, 11), TrapOutput},
		{"records_at", "records_at", full, put(16, 4, 0xfffff), TrapBadResult},
		{"headers", "headers", full, put(20, 4, 11), TrapOutput},
		{"headers_at", "headers_at", full, put(24, 4, 0x80000), TrapBadResult},
		{"refusals", "refusals", full, put(28, 4, 2), TrapBadResult},
		{"refusals_at", "refusals_at", full, put(32, 4, 0x80000), TrapBadResult},
		{"blob_at", "blob_at", full, put(36, 4, 0x80000), TrapBadResult},
		{"blob_len", "blob_len", full, put(40, 4, 1001), TrapOutput},
		{"source", "records[0].source", full, put(row, 4, 1), TrapBadResult},
		{"output", "records[0].output", full, put(row+4, 2, 1), TrapBadResult},
		{"row flags", "records[0].flags", full, put(row+6, 2, 16), TrapBadResult},
		{"key_off", "records[0].key", full, func(b []byte) { put(row+16, 4, 8)(b); put(row+20, 4, 1)(b) }, TrapBadResult},
		{"key_len", "records[0].key", full, put(row+20, 4, 0xfffffffd), TrapBadResult},
		{"value_off", "records[0].value", full, func(b []byte) { put(row+24, 4, 0xffffffff)(b); put(row+28, 4, 1)(b) }, TrapBadResult},
		{"value_len", "records[0].value", full, put(row+28, 4, 9), TrapBadResult},
		{"key part", "records[0].key", full, func(b []byte) { put(row+6, 2, 4)(b); put(row+20, 4, 2)(b) }, TrapBadResult},
		{"value part", "records[0].value", full, func(b []byte) { put(row+6, 2, 2)(b); put(row+28, 4, 0xfffffffe)(b) }, TrapBadResult},
		{"first_header", "records[0].first_header", full, func(b []byte) { put(row+32, 4, 1)(b); put(row+36, 4, 1)(b) }, TrapBadResult},
		{"header_count", "records[0].first_header", full, put(row+36, 4, 11), TrapBadResult},
		{"headers after", "records[0].header_count", full, func(b []byte) { put(row+6, 2, 8)(b); put(row+36, 4, 0xffffffff)(b) }, TrapBadResult},
		{"partition", "records[0].partition", full, put(row+40, 4, 0xfffffffe), TrapBadResult},
		{"entry key", "headers[0]", full, put(entry+4, 4, 9), TrapBadResult},
		{"entry value", "headers[0]", full, put(entry+12, 4, 0xfffffffd), TrapBadResult},
		{"refusal source", "refusals[0].source", full, put(refusal, 4, 1), TrapBadResult},
		{"refusal text", "refusals[0].text", full, put(refusal+12, 4, 9), TrapBadResult},
		{"aliased", "records[5].value_len", image{rows: 6, blob: 190}, func(b []byte) {
			for n := range 6 {
				put(row+n*48+28, 4, 190)(b)
			}
		}, TrapOutput},
		{"inherited", "records[1].value_len", image{rows: 2, blob: 400}, func([]byte) {}, TrapOutput},
		{"shared headers", "records[1].header_count", image{rows: 2, entries: 6}, func(b []byte) {
			put(row+36, 4, 6)(b)
			put(row+48+36, 4, 6)(b)
		}, TrapOutput},
	} {
		i := instantiate(t, m)
		b := c.image.bytes()
		c.change(b)
		_, err := i.Transform(t.Context(), Env{}, batchOf(string(b)))
		trap := trapOf(t, err)
		var field *abi.FieldError
		if trap.Kind != c.kind || !errors.As(err, &field) {
			t.Errorf("%s: got %v", c.name, err)
			continue
		}
		if !strings.HasPrefix(field.Field, c.field) || !strings.HasPrefix(trap.Message, field.Field) {
			t.Errorf("%s: got field %s, %s", c.name, field.Field, trap.Message)
		}
		if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); !errors.Is(err, ErrDiscarded) {
			t.Errorf("%s: then %v", c.name, err)
		}
	}
	// The images are refused for what is wrong with them: without that they are good.
	got, err := instantiate(t, m).Transform(t.Context(), Env{}, batchOf(string(image{rows: 2}.bytes())))
	if err != nil || len(got.Records) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	got, err = instantiate(t, m).Transform(t.Context(), Env{}, batchOf(string(full.bytes())))
	if err != nil || len(got.Records) != 0 || len(got.Refusals) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestPacked(t *testing.T) {
	t.Parallel()
	m := load(t, "packed", nil)
	for _, packed := range []uint64{0, 64, 0xffffffff_00000040, 0x0003ffff_00000040, 0x00000200_0000003f, 0x00000200_00000000} {
		_, err := instantiate(t, m).Transform(t.Context(), Env{}, batchOf(string(binary.LittleEndian.AppendUint64(nil, packed))))
		if trap := trapOf(t, err); trap.Kind != TrapBadResult {
			t.Errorf("%#x: got %v", packed, err)
		}
	}
}

// A batch that is halved is one batch to who asks.
func TestHalving(t *testing.T) {
	t.Parallel()
	var values []string
	for n := range 61 {
		values = append(values, fmt.Sprintf("value %d", n))
	}
	b := batchOf(values...)
	for _, c := range []struct {
		name, guest string
		change      func(*Config)
	}{
		{"limit", "identity", func(c *Config) { c.Limits.InputBytes = 1000 }},
		{"alloc", "alloc_small", nil},
		{"both", "alloc_small", func(c *Config) { c.Limits.InputBytes = 2000 }},
	} {
		i := instantiate(t, load(t, c.guest, c.change))
		arena := &abi.Arena{}
		for range 2 {
			got, err := i.Transform(t.Context(), Env{Arena: arena}, b)
			if err != nil {
				t.Fatal(c.name, err)
			}
			if d := cmp.Diff(values, valuesOf(got)); d != "" {
				t.Errorf("%s: %s", c.name, d)
			}
			for n, r := range got.Records {
				if r.Source != uint32(n) {
					t.Errorf("%s: record %d comes from %d", c.name, n, r.Source)
				}
			}
			arena.Reset()
		}
	}
	i := instantiate(t, load(t, "identity", func(c *Config) { c.Limits.InputBytes = 1000 }))
	big := slices.Clone(b.Records[:4])
	big[2].Value = make([]byte, 1000)
	_, err := i.Transform(t.Context(), Env{}, abi.Batch{Topic: "in", Records: big})
	want := `the record at offset 102 of partition 0 of topic "in" makes an image of 1132 bytes, the limit is 1000`
	if trap := trapOf(t, err); trap.Kind != TrapMemory || trap.Message != want {
		t.Errorf("got %v", err)
	}
}

// A guest that has its batches halved does not get the limits of a call for each half.
func TestHalvingSharesLimits(t *testing.T) {
	t.Parallel()
	b := batchOf(strings.Repeat("a", 300), strings.Repeat("b", 300), strings.Repeat("c", 300), strings.Repeat("d", 300))
	for limit, ok := range map[int64]bool{4 * 302: true, 4*302 - 1: false} {
		i := instantiate(t, load(t, "alloc_small", func(c *Config) { c.Limits.OutputBytes = limit }))
		_, err := i.Transform(t.Context(), Env{}, b)
		if ok && err != nil || !ok && trapOf(t, err).Kind != TrapOutput {
			t.Errorf("%d: got %v", limit, err)
		}
	}
	records := b.Records
	for n := range records {
		records[n].Headers = slices.Repeat(records[n].Headers, 3)
	}
	for limit, ok := range map[int]bool{12: true, 11: false} {
		i := instantiate(t, load(t, "alloc_small", func(c *Config) { c.Limits.OutputRecords = limit }))
		_, err := i.Transform(t.Context(), Env{}, b)
		if ok && err != nil || !ok && trapOf(t, err).Kind != TrapOutput {
			t.Errorf("%d headers: got %v", limit, err)
		}
	}
	for n := range records {
		records[n].Headers = nil
	}
	for records, ok := range map[int]bool{4: true, 3: false} {
		i := instantiate(t, load(t, "alloc_small", func(c *Config) { c.Limits.OutputRecords = records }))
		_, err := i.Transform(t.Context(), Env{}, b)
		if ok && err != nil || !ok && trapOf(t, err).Kind != TrapOutput {
			t.Errorf("%d: got %v", records, err)
		}
	}
}
