package abi

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What decodes, decodes to the same again after it was encoded.
func FuzzDecodeBatch(f *testing.F) {
	for _, v := range readVectors(f) {
		f.Add(v.input)
	}
	f.Fuzz(func(t *testing.T, img []byte) {
		before := bytes.Clone(img)
		b, err := DecodeBatch(img)
		if !bytes.Equal(before, img) {
			t.Fatal("the image was written to")
		}
		if err != nil || b.ImageSize() > 1<<20 { // fields may share bytes, so the canonical image may be large
			return
		}
		again := make([]byte, b.ImageSize())
		if _, err := EncodeBatch(again, &b); err != nil {
			t.Fatalf("what was decoded cannot be encoded: %v", err)
		}
		c, err := DecodeBatch(again)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(b, c, same); d != "" {
			t.Fatal(d)
		}
	})
}

// fuzzMemory turns fuzz input into memory and the address of a header in it: the last 4 bytes say which.
func fuzzMemory(data []byte) (mem []byte, at uint32) {
	if len(data) < 4 {
		return data, 0
	}
	mem = data[: len(data)-4 : len(data)-4]
	return mem, binary.LittleEndian.Uint32(data[len(data)-4:])
}

// What decodes is in the limits and says the same as its rows; rows, encoded, decode to the same.
func FuzzDecodeResult(f *testing.F) {
	for _, v := range readVectors(f) {
		if v.result != nil {
			f.Add(binary.LittleEndian.AppendUint32(v.result, v.at), uint16(v.outputs), uint32(v.limits.Records), uint32(v.limits.Bytes))
		}
	}
	batches := []Batch{three(), nulls(), {}}
	f.Fuzz(func(t *testing.T, data []byte, outputs uint16, records, size uint32) {
		mem, at := fuzzMemory(data)
		lim := Limits{Records: int(records % 2000), Headers: int(records % 3000), Bytes: int64(size % (1 << 20))}
		before := bytes.Clone(mem)
		for i := range batches {
			in := &batches[i]
			var a Arena
			res, err := a.Decode(mem, at, imageHeaderSize, in, int(outputs), lim)
			if !bytes.Equal(before, mem) {
				t.Fatal("memory was written to")
			}
			rows, err2 := DecodeRows(mem, at, imageHeaderSize, in, int(outputs), lim)
			if (err == nil) != (err2 == nil) {
				t.Fatalf("Decode says %v, DecodeRows %v", err, err2)
			}
			if err != nil {
				continue
			}
			holdResult(t, res, in, int(outputs), lim)
			if d := cmp.Diff(resolve(rows, *in).Records, res.Records, same); d != "" {
				t.Fatalf("resolved by hand (-want +got):\n%s", d)
			}
			img, err := EncodeResult(&rows)
			if err != nil {
				t.Fatal(err)
			}
			again, err := DecodeRows(img, 0, imageHeaderSize, in, int(outputs), Limits{Records: lim.Records, Headers: lim.Headers, Bytes: 1 << 30})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(rows, again, same); d != "" {
				t.Fatal(d)
			}
		}
	})
}

// holdResult checks a result with nothing but its contract.
func holdResult(t *testing.T, res Result, in *Batch, outputs int, lim Limits) {
	t.Helper()
	var headers, size int
	refused := map[uint32]bool{}
	last := int64(-1)
	for _, r := range res.Refusals {
		if int64(r.Source) <= last || int(r.Source) >= len(in.Records) || len(r.Text) > MaxRefusalText {
			t.Fatalf("refusal %+v after source %d", r, last)
		}
		last, refused[r.Source] = int64(r.Source), true
	}
	for _, r := range res.Records {
		if int(r.Source) >= len(in.Records) || refused[r.Source] || int(r.Output) >= outputs || r.Partition < -1 {
			t.Fatalf("record %+v", r)
		}
		headers += len(r.Headers)
		size += len(r.Key) + len(r.Value)
		for _, h := range r.Headers {
			size += len(h.Key) + len(h.Value)
		}
	}
	if len(res.Records) > lim.Records || headers > lim.Headers || int64(size) > lim.Bytes {
		t.Fatalf("%d records, %d headers, %d bytes are over %+v", len(res.Records), headers, size, lim)
	}
}
