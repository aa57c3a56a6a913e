package wasmflow

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// vector is a file of abi/testdata/vectors, whose README says what its lines mean. What only a host needs is left out.
type vector struct {
	name, badImage string
	ok, canonical  bool
	topic          string
	partition      int64
	clock          int64
	records        []vectorRecord
	rows           []vectorRow
	refusals       []vectorRefusal
	input, result  []byte
}

type vectorRecord struct {
	offset, timestamp, epoch, flags int64
	key, value                      []byte
	headers                         []vectorHeader
}

type vectorHeader struct{ key, value []byte }

type vectorRow struct {
	source       int
	output       uint16
	partition    int64
	timestamp    int64
	hasTimestamp bool
	key, value   vectorCell
	headersFrom  string // own, source or after
	headers      []vectorHeader
}

// vectorCell is a key or value of a row: the source's, a part of it, or bytes.
type vectorCell struct {
	source, part bool
	off, n       int
	bytes        []byte
}

type vectorRefusal struct {
	source int
	code   uint32
	text   []byte
}

// words are those of a line that are left.
type words struct {
	t    *testing.T
	left []string
}

func (w *words) word() string {
	w.t.Helper()
	if len(w.left) == 0 {
		w.t.Fatal("a line with too few words")
	}
	word := w.left[0]
	w.left = w.left[1:]
	return word
}

func (w *words) num() int64 {
	w.t.Helper()
	n, err := strconv.ParseInt(w.word(), 10, 64)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *words) bytes() []byte { return w.parse(w.word()) }

func (w *words) parse(word string) []byte {
	w.t.Helper()
	if word == "-" {
		return nil
	}
	digits, ok := strings.CutPrefix(word, "x")
	b, err := hex.DecodeString(digits)
	if !ok || err != nil {
		w.t.Fatalf("%q is no bytes", word)
	}
	return append([]byte{}, b...)
}

func (w *words) cell() vectorCell {
	w.t.Helper()
	word := w.word()
	switch {
	case word == "source":
		return vectorCell{source: true}
	case strings.HasPrefix(word, "part:"):
		c := vectorCell{part: true}
		if _, err := fmt.Sscanf(word, "part:%d:%d", &c.off, &c.n); err != nil {
			w.t.Fatal(err)
		}
		return c
	}
	return vectorCell{bytes: w.parse(word)}
}

func parseVector(t *testing.T, text string) *vector {
	t.Helper()
	v := &vector{}
	var headers *[]vectorHeader // of the line above
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		w := words{t, strings.Split(line, " ")}
		switch kind := w.word(); kind {
		case "vector":
			v.name = w.word()
		case "expect":
			if v.ok = w.word() == "ok"; !v.ok {
				v.badImage = w.word()
				w.left = nil
			}
		case "form":
			w.word()
			v.canonical = w.word() == "canonical"
		case "outputs", "limits", "at":
			w.left = nil
		case "batch":
			v.topic, v.partition, v.clock = string(w.bytes()), w.num(), w.num()
		case "record":
			v.records = append(v.records, vectorRecord{offset: w.num(), timestamp: w.num(), epoch: w.num(), flags: w.num(), key: w.bytes(), value: w.bytes()})
			headers = &v.records[len(v.records)-1].headers
		case "row":
			r := vectorRow{source: int(w.num()), output: uint16(w.num()), partition: w.num()}
			if word := w.word(); word != "source" {
				r.hasTimestamp = true
				r.timestamp = (&words{t, []string{word}}).num()
			}
			r.key, r.value, r.headersFrom = w.cell(), w.cell(), w.word()
			v.rows = append(v.rows, r)
			headers = &v.rows[len(v.rows)-1].headers
		case "header":
			*headers = append(*headers, vectorHeader{w.bytes(), w.bytes()})
		case "refusal":
			v.refusals = append(v.refusals, vectorRefusal{int(w.num()), uint32(w.num()), w.bytes()})
		case "out":
			w.left, headers = nil, new([]vectorHeader)
		case "refused":
			w.left = nil
		default:
			t.Fatalf("a line of kind %q", kind)
		}
		if len(w.left) > 0 {
			t.Fatalf("%q: words at the end", line)
		}
	}
	return v
}
