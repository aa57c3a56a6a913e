package abi

import (
	"bytes"
	"fmt"
	"testing"
)

// benchBatch is n records with a key of 8 bytes and a value of the rest of size.
func benchBatch(n, size, headers int) Batch {
	b := Batch{Topic: "payments"}
	for i := range n {
		r := Record{Offset: int64(i), Timestamp: firstTime, Key: fmt.Appendf(nil, "%08d", i), Value: bytes.Repeat([]byte("v"), size-8)}
		for j := range headers {
			r.Headers = append(r.Headers, Header{fmt.Sprintf("header-%d", j), []byte("0123456789abcdef")})
		}
		b.Records = append(b.Records, r)
	}
	return b
}

var benchShapes = []struct {
	name             string
	n, size, headers int
}{
	{"100B/x1", 1, 100, 0},
	{"100B/x1000", 1000, 100, 0},
	{"100B+2headers/x1000", 1000, 100, 2},
	{"1KiB/x1000", 1000, 1024, 0},
}

func perRecord(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/record")
}

func BenchmarkEncodeBatch(b *testing.B) {
	for _, s := range benchShapes {
		b.Run(s.name, func(b *testing.B) {
			batch := benchBatch(s.n, s.size, s.headers)
			dst := make([]byte, batch.ImageSize())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := EncodeBatch(dst, &batch); err != nil {
					b.Fatal(err)
				}
			}
			perRecord(b, s.n)
		})
	}
}

func BenchmarkDecodeBatch(b *testing.B) {
	for _, s := range benchShapes {
		b.Run(s.name, func(b *testing.B) {
			batch := benchBatch(s.n, s.size, s.headers)
			img := make([]byte, batch.ImageSize())
			if _, err := EncodeBatch(img, &batch); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodeBatch(img); err != nil {
					b.Fatal(err)
				}
			}
			perRecord(b, s.n)
		})
	}
}

// BenchmarkDecodeResult is what the host pays for a call's result: identity inherits all, rewrite has the value in the blob,
// headers rebuilds what there is. A Reset each round, as a transaction ends.
func BenchmarkDecodeResult(b *testing.B) {
	lim := Limits{Records: 100_000, Headers: 100_000, Bytes: 32 << 20}
	for _, s := range benchShapes {
		batch := benchBatch(s.n, s.size, s.headers)
		for _, form := range []string{"identity", "rewrite", "rebuild"} {
			rows := Rows{}
			for i := range batch.Records {
				rows.Records = append(rows.Records, with(uint32(i), func(r *Row) {
					switch form {
					case "rebuild":
						r.HeadersFrom, r.Headers = HeadersGiven, batch.Records[i].Headers
						fallthrough
					case "rewrite":
						r.Value = Cell{From: CellGiven, Bytes: batch.Records[i].Value}
					}
				}))
			}
			img, err := EncodeResult(&rows)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(form+"/"+s.name, func(b *testing.B) {
				var a Arena
				b.ReportAllocs()
				for b.Loop() {
					if _, err := a.Decode(img, 0, imageHeaderSize, &batch, 1, lim); err != nil {
						b.Fatal(err)
					}
					a.Reset()
				}
				perRecord(b, s.n)
			})
		}
	}
}
