//go:build !wasip1

package wasmflow

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const vectorDir = "../../abi/testdata/vectors"

// The vectors that the contract ships hold this SDK to the host and to the SDKs of other languages.
func TestVectors(t *testing.T) {
	t.Parallel()
	for _, name := range indexed(t, vectorDir) {
		v := readVector(t, filepath.Join(vectorDir, name+".txt"))
		if v.name != name {
			t.Errorf("the vector in %s.txt calls itself %s", name, v.name)
		}
		if !v.ok && v.badImage == "result" {
			continue // the host's matter
		}
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			if v.ok {
				v.mustHold(t)
			} else if seen, refused := read(v.input); refused == "" {
				t.Errorf("accepted, and read as %q", seen)
			}
		})
	}
}

// indexed are the names in the folder's INDEX, so that a vector that is missing is not one that holds.
func indexed(t *testing.T, dir string) []string {
	t.Helper()
	index, err := os.ReadFile(filepath.Join(dir, "INDEX"))
	if err != nil {
		t.Fatalf("%v: this test runs in the repository that the module comes from", err)
	}
	names := strings.Fields(string(index))
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !slices.Contains(names, strings.TrimSuffix(filepath.Base(file), ".txt")) {
			t.Errorf("%s is not in INDEX", file)
		}
	}
	if len(names) == 0 {
		t.Error("INDEX is empty")
	}
	return names
}

func (v *vector) mustHold(t *testing.T) {
	g := guest{whole: func(b Batch, out *Output) error {
		v.compare(t, b)
		for _, r := range v.rows {
			r.send(b, out)
		}
		for _, r := range v.refusals {
			out.Refuse(b.At(r.source), Refusal{r.code, string(r.text)})
		}
		return nil
	}}
	if v.name == "refusal-text" {
		v.canonical = false // the host cuts that text, and so does this SDK, before
	}
	for range 2 { // the second call finds the buffers of the first
		g.alloc(uint32(len(v.input)))
		copy(g.bytes(uint32(len(v.input))), v.input)
		g.transform(g.bytes(uint32(len(v.input))))
		if got := canonical(g.output.image()); v.canonical && !bytes.Equal(got, v.result) {
			t.Errorf("result image:\n% x\nwant\n% x", got, v.result)
		}
	}
}

// compare reads the batch by the words of the SDK.
func (v *vector) compare(t *testing.T, b Batch) {
	if b.Topic() != v.topic || int64(b.Partition()) != v.partition || b.ClockMs() != v.clock || b.Len() != len(v.records) {
		t.Fatalf("%d records of %s/%d at %d", b.Len(), b.Topic(), b.Partition(), b.ClockMs())
	}
	for i, r := range b.All() {
		w := v.records[i]
		if r.Offset() != w.offset || r.TimestampMs() != w.timestamp || !same(r.Key(), w.key) || !same(r.Value(), w.value) {
			t.Errorf("record %d: %d %d %q %q", i, r.Offset(), r.TimestampMs(), r.Key(), r.Value())
		}
		row := r.in.row(r.index) // what the SDK has no word for
		if int64(row.leaderEpoch) != w.epoch || int64(row.flags) != w.flags {
			t.Errorf("record %d: epoch %d, flags %d", i, row.leaderEpoch, row.flags)
		}
		var headers []vectorHeader
		for k, value := range r.Headers().All() {
			headers = append(headers, vectorHeader{k, value})
		}
		if !slices.EqualFunc(headers, w.headers, func(a, b vectorHeader) bool { return same(a.key, b.key) && same(a.value, b.value) }) {
			t.Errorf("record %d: headers %q", i, headers)
		}
	}
}

// same tells null from empty.
func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

// send says the row by the words of the SDK.
func (r vectorRow) send(b Batch, out *Output) {
	d := out.From(b.At(r.source)).To(To{r.output})
	if r.partition >= 0 {
		d.Partition(int32(r.partition))
	}
	if r.hasTimestamp {
		d.TimestampMs(r.timestamp)
	}
	switch {
	case r.key.part:
		d.KeyPart(r.key.off, r.key.off+r.key.n)
	case !r.key.source:
		d.Key(r.key.bytes)
	}
	switch {
	case r.value.part:
		d.ValuePart(r.value.off, r.value.off+r.value.n)
	case !r.value.source:
		d.Value(r.value.bytes)
	}
	if r.headersFrom == "own" {
		d.NoHeaders()
	}
	for _, h := range r.headers {
		d.AddHeader(string(h.key), h.value)
	}
	d.Send()
}

// canonical brings a contiguous result image into the canonical form of SPEC.md: bytes in the order in which rows use them,
// none twice, and 0 for every place that means nothing.
func canonical(image []byte) []byte {
	rows, headers, refusals := le.Uint32(image[12:]), le.Uint32(image[20:]), le.Uint32(image[28:])
	headersAt, refusalsAt := le.Uint32(image[24:]), le.Uint32(image[32:])
	blob := image[le.Uint32(image[36:]):]
	head := bytes.Clone(image[:len(image)-len(blob)])
	var used []byte
	move := func(at uint32, isPart bool) {
		place := head[at:]
		off, n := le.Uint32(place), int32(le.Uint32(place[4:]))
		switch {
		case n <= 0:
			le.PutUint32(place, 0)
		case !isPart:
			le.PutUint32(place, uint32(len(used)))
			used = append(used, blob[off:off+uint32(n)]...)
		}
	}
	for i := range rows {
		at := headSize + i*rowSize
		flags := le.Uint16(head[at+6:])
		move(at+16, flags&keyIsPart != 0)
		move(at+24, flags&valueIsPart != 0)
		first, count := le.Uint32(head[at+32:]), le.Uint32(head[at+36:])
		if count == 0 || count == inheritedHeaders {
			le.PutUint32(head[at+32:], 0)
			continue
		}
		for j := first; j < first+count; j++ {
			move(headersAt+j*headerSize, false)
			move(headersAt+j*headerSize+8, false)
		}
	}
	for i := range refusals {
		move(refusalsAt+i*16+8, false)
	}
	for at, count := range map[int]int{16: int(rows), 24: int(headers), 32: int(refusals), 36: len(used)} {
		if count == 0 {
			le.PutUint32(head[at:], 0)
		}
	}
	le.PutUint32(head[40:], uint32(len(used)))
	return append(head, used...)
}

func readVector(t *testing.T, file string) *vector {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v := parseVector(t, string(text))
	base := strings.TrimSuffix(file, ".txt")
	if v.input, err = os.ReadFile(base + ".input.bin"); err != nil {
		t.Fatal(err)
	}
	if v.ok {
		if v.result, err = os.ReadFile(base + ".result.bin"); err != nil {
			t.Fatal(err)
		}
	}
	return v
}
