package abi

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

func TestEncodeBatch(t *testing.T) {
	t.Parallel()
	b := three()
	size := int(b.ImageSize())
	t.Run("short_buffer", func(t *testing.T) {
		dst := bytes.Repeat([]byte{0xAA}, size-1)
		_, err := EncodeBatch(dst, &b)
		wantField(t, err, "total")
		if !bytes.Equal(dst, bytes.Repeat([]byte{0xAA}, size-1)) {
			t.Error("it wrote")
		}
	})
	t.Run("writes_its_size_only", func(t *testing.T) {
		// What lay there before does not show, what lies behind is not touched.
		for _, b := range []Batch{three(), nulls(), {}} {
			size := int(b.ImageSize())
			dst := bytes.Repeat([]byte{0xAA}, size+8)
			n, err := EncodeBatch(dst, &b)
			if err != nil || n != size || !bytes.Equal(dst[n:], bytes.Repeat([]byte{0xAA}, 8)) {
				t.Fatalf("%d, %v, behind it %x", n, err, dst[size:])
			}
			clean := make([]byte, size)
			if _, err := EncodeBatch(clean, &b); err != nil || !bytes.Equal(dst[:n], clean) {
				t.Error("it left bytes of the buffer in the image")
			}
		}
	})
	t.Run("unknown_flag", func(t *testing.T) {
		b := batchOf(Record{}, Record{Flags: 2})
		_, err := EncodeBatch(make([]byte, 1024), &b)
		wantField(t, err, "records[1].flags")
	})
}

// Images over 4 GiB - 1 are refused by their size in 64 bits, before a byte is written.
func TestEncodeBatchTooLarge(t *testing.T) {
	t.Parallel()
	value := make([]byte, 1<<20)
	b := Batch{Records: make([]Record, 4096)}
	for i := range b.Records {
		b.Records[i].Value = value // the same bytes: no memory is needed
	}
	if want := int64(64 + 4096*(48+1<<20)); b.ImageSize() != want {
		t.Errorf("image size %d, want %d", b.ImageSize(), want)
	}
	_, err := EncodeBatch(nil, &b)
	wantField(t, err, "total")
	if !strings.Contains(fmt.Sprint(err), "split") {
		t.Errorf("%q does not say what to do", err)
	}
}

func TestDecodeBatch(t *testing.T) {
	t.Parallel()
	b := three()
	img := make([]byte, b.ImageSize())
	if _, err := EncodeBatch(img, &b); err != nil {
		t.Fatal(err)
	}
	t.Run("every_prefix", func(t *testing.T) {
		for n := range img {
			_, err := DecodeBatch(img[:n:n])
			wantField(t, err, "total")
		}
	})
	t.Run("absent", func(t *testing.T) {
		for _, flag := range []uint32{inValuesAbsent, inKeysAbsent, inHeadersAbsent} {
			_, err := DecodeBatch(poked(img, []poke{u32(inFlags, flag)}))
			wantField(t, err, "flags")
		}
	})
	t.Run("shares", func(t *testing.T) {
		got, err := DecodeBatch(img)
		if err != nil {
			t.Fatal(err)
		}
		within := func(name string, p *byte) {
			if at := uintptr(unsafe.Pointer(p)) - uintptr(unsafe.Pointer(&img[0])); at >= uintptr(len(img)) {
				t.Errorf("%s was copied", name)
			}
		}
		within("key", &got.Records[0].Key[0])
		within("value", &got.Records[0].Value[0])
		within("header key", unsafe.StringData(got.Records[0].Headers[0].Key))
		within("topic", unsafe.StringData(got.Topic))
		for _, r := range got.Records {
			if cap(r.Key) != len(r.Key) || cap(r.Value) != len(r.Value) || cap(r.Headers) != len(r.Headers) {
				t.Error("an append would write into the image")
			}
		}
	})
	t.Run("unused_fields", func(t *testing.T) {
		// Where a length or count says that there is nothing, offsets are not read.
		far := uint32(0xFFFFFFFF)
		b := Batch{Records: []Record{{}, {Key: []byte{}, Value: []byte{}}}}
		img := make([]byte, b.ImageSize())
		if _, err := EncodeBatch(img, &b); err != nil {
			t.Fatal(err)
		}
		pokes := []poke{u32(inHeadersOff, far), u32(inTopicOff, far)}
		for _, row := range []int{64, 112} {
			pokes = append(pokes, u32(row+rowKeyOff, far), u32(row+rowValueOff, far), u32(row+rowFirstHeader, far))
		}
		got, err := DecodeBatch(poked(img, pokes))
		if d := cmp.Diff(b, got, same); err != nil || d != "" {
			t.Error(err, d)
		}
		empty := poked(img[:64:64], []poke{u32(inTotal, 64), u32(inRecords, 0), u32(inRecordsOff, far), u32(inBlobOff, 64)})
		if _, err := DecodeBatch(empty); err != nil {
			t.Error(err)
		}
	})
	t.Run("reserved_bytes", func(t *testing.T) {
		if _, err := DecodeBatch(poked(img, []poke{u32(inReserved, 7), u32(inReserved+4, 7)})); err != nil {
			t.Errorf("reserved bytes are read: %v", err)
		}
	})
}
