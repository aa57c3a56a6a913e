package abi

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// The line form of a vector (testdata/vectors/README.md), written and read.

func textBytes(b []byte) string {
	if b == nil {
		return "-"
	}
	return "x" + hex.EncodeToString(b)
}

func textCell(c Cell) string {
	switch c.From {
	case CellNull:
		return "-"
	case CellSource:
		return "source"
	case CellPart:
		return fmt.Sprintf("part:%d:%d", c.Off, c.Len)
	}
	return "x" + hex.EncodeToString(c.Bytes)
}

var headersFromText = []string{HeadersGiven: "own", HeadersSource: "source", HeadersAfter: "after"}

func (v *vector) text() []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	headers := func(hs []Header) {
		for _, h := range hs {
			line("header %s %s", textBytes([]byte(h.Key)), textBytes(h.Value))
		}
	}
	line("# %s", v.about)
	line("vector %s", v.name)
	switch {
	case v.badImage == "":
		line("expect ok")
	case v.everyone:
		line("expect error %s %s everyone", v.badImage, v.badField)
	default:
		line("expect error %s %s host", v.badImage, v.badField)
	}
	form := func(other bool) string {
		if other {
			return "other"
		}
		return "canonical"
	}
	line("form %s %s", form(v.wide), form(v.other))
	line("outputs %d", v.outputs)
	line("limits %d %d %d", v.limits.Records, v.limits.Headers, v.limits.Bytes)
	line("at %d", v.at)
	if v.badImage == "input" {
		return b.Bytes()
	}
	line("batch %s %d %d", textBytes([]byte(v.batch.Topic)), v.batch.Partition, v.batch.Clock)
	for _, r := range v.batch.Records {
		line("record %d %d %d %d %s %s", r.Offset, r.Timestamp, r.LeaderEpoch, r.Flags, textBytes(r.Key), textBytes(r.Value))
		headers(r.Headers)
	}
	if v.badImage == "result" {
		return b.Bytes()
	}
	for _, r := range v.rows.Records {
		ts := "source"
		if r.HasTimestamp {
			ts = strconv.FormatInt(r.Timestamp, 10)
		}
		line("row %d %d %d %s %s %s %s", r.Source, r.Output, r.Partition, ts, textCell(r.Key), textCell(r.Value), headersFromText[r.HeadersFrom])
		headers(r.Headers)
	}
	for _, r := range v.rows.Refusals {
		line("refusal %d %d %s", r.Source, r.Code, textBytes([]byte(r.Text)))
	}
	for _, r := range v.produced.Records {
		line("out %d %d %d %d %s %s", r.Source, r.Output, r.Partition, r.Timestamp, textBytes(r.Key), textBytes(r.Value))
		headers(r.Headers)
	}
	for _, r := range v.produced.Refusals {
		line("refused %d %d %s", r.Source, r.Code, textBytes([]byte(r.Text)))
	}
	return b.Bytes()
}

// fields reads the words of one line; the first error stays.
type fields struct {
	words []string
	err   error
}

func (f *fields) word() string {
	if len(f.words) == 0 {
		if f.err == nil {
			f.err = fmt.Errorf("a word is missing")
		}
		return ""
	}
	w := f.words[0]
	f.words = f.words[1:]
	return w
}

func (f *fields) num() int64 {
	n, err := strconv.ParseInt(f.word(), 10, 64)
	if err != nil && f.err == nil {
		f.err = err
	}
	return n
}

func (f *fields) bytes() []byte { return f.parse(f.word()) }

func (f *fields) parse(w string) []byte {
	if w == "-" {
		return nil
	}
	b, err := hex.DecodeString(strings.TrimPrefix(w, "x"))
	if (err != nil || !strings.HasPrefix(w, "x")) && f.err == nil {
		f.err = fmt.Errorf("%q is neither - nor x and hex", w)
	}
	return append([]byte{}, b...)
}

func (f *fields) cell() (c Cell) {
	w := f.word()
	switch {
	case w == "-":
	case w == "source":
		c.From = CellSource
	case strings.HasPrefix(w, "part:"):
		c.From = CellPart
		if _, err := fmt.Sscanf(w, "part:%d:%d", &c.Off, &c.Len); err != nil {
			f.err = err
		}
	default:
		c = Cell{From: CellGiven, Bytes: f.parse(w)}
	}
	return c
}

func parseVector(s string) (*vector, error) {
	v := &vector{}
	var headers *[]Header
	for i, l := range strings.Split(s, "\n") {
		if i == 0 {
			v.about = strings.TrimPrefix(l, "# ")
		}
		f := &fields{words: strings.Fields(l)}
		if len(f.words) == 0 || strings.HasPrefix(l, "#") {
			continue
		}
		switch word := f.word(); word {
		case "vector":
			v.name = f.word()
		case "expect":
			if f.word() == "error" {
				v.badImage, v.badField, v.everyone = f.word(), f.word(), f.word() == "everyone"
			}
		case "form":
			v.wide, v.other = f.word() == "other", f.word() == "other"
		case "outputs":
			v.outputs = int(f.num())
		case "limits":
			v.limits = Limits{Records: int(f.num()), Headers: int(f.num()), Bytes: f.num()}
		case "at":
			v.at = uint32(f.num())
		case "batch":
			v.batch.Topic, v.batch.Partition, v.batch.Clock = string(f.bytes()), int32(f.num()), f.num()
		case "record":
			v.batch.Records = append(v.batch.Records, Record{
				Offset: f.num(), Timestamp: f.num(), LeaderEpoch: int32(f.num()), Flags: RecordFlags(f.num()), Key: f.bytes(), Value: f.bytes(),
			})
			headers = &v.batch.Records[len(v.batch.Records)-1].Headers
		case "row":
			r := Row{Source: uint32(f.num()), Output: uint16(f.num()), Partition: int32(f.num())}
			if ts := f.word(); ts != "source" {
				n, err := strconv.ParseInt(ts, 10, 64)
				r.HasTimestamp, r.Timestamp, f.err = true, n, err
			}
			r.Key, r.Value = f.cell(), f.cell()
			from := f.word()
			for j, w := range headersFromText {
				if w == from {
					r.HeadersFrom = HeadersFrom(j)
				}
			}
			v.rows.Records = append(v.rows.Records, r)
			headers = &v.rows.Records[len(v.rows.Records)-1].Headers
		case "out":
			v.produced.Records = append(v.produced.Records, ResultRecord{
				Source: uint32(f.num()), Output: uint16(f.num()), Partition: int32(f.num()), Timestamp: f.num(), Key: f.bytes(), Value: f.bytes(),
			})
			headers = &v.produced.Records[len(v.produced.Records)-1].Headers
		case "header":
			*headers = append(*headers, Header{Key: string(f.bytes()), Value: f.bytes()})
		case "refusal":
			v.rows.Refusals = append(v.rows.Refusals, Refusal{Source: uint32(f.num()), Code: uint32(f.num()), Text: string(f.bytes())})
		case "refused":
			v.produced.Refusals = append(v.produced.Refusals, Refusal{Source: uint32(f.num()), Code: uint32(f.num()), Text: string(f.bytes())})
		default:
			f.err = fmt.Errorf("unknown word %q", word)
		}
		if f.err != nil || len(f.words) > 0 {
			return nil, fmt.Errorf("line %d: %v, left over %q", i+1, f.err, f.words)
		}
	}
	return v, nil
}
