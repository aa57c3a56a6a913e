package abi

import (
	"encoding/hex"
	"encoding/json"
)

// The human form of a vector (testdata/vectors/README.md), written only.

type jsonVector struct {
	Name     string      `json:"name"`
	About    string      `json:"about"`
	Error    *jsonError  `json:"error,omitempty"`
	Outputs  int         `json:"outputs"`
	Limits   jsonLimits  `json:"limits"`
	At       uint32      `json:"at,omitempty"`
	Batch    *jsonBatch  `json:"batch,omitempty"`
	Result   *jsonResult `json:"result,omitempty"`
	Produced *jsonResult `json:"produced,omitempty"`
}

type jsonError struct {
	Image     string `json:"image"`
	Field     string `json:"field"`
	CheckedBy string `json:"checked_by"`
}

type jsonLimits struct {
	Records int   `json:"records"`
	Headers int   `json:"headers"`
	Bytes   int64 `json:"bytes"`
}

type jsonBatch struct {
	Topic     any          `json:"topic"`
	Partition int32        `json:"partition"`
	Clock     int64        `json:"clock"`
	Records   []jsonRecord `json:"records"`
}

type jsonRecord struct {
	Offset      int64 `json:"offset"`
	Timestamp   int64 `json:"timestamp"`
	LeaderEpoch int32 `json:"leader_epoch"`
	Flags       int   `json:"flags"`
	Key         any   `json:"key"`
	Value       any   `json:"value"`
	Headers     any   `json:"headers"`
}

type jsonResult struct {
	Records  []jsonRow     `json:"records"`
	Refusals []jsonRefusal `json:"refusals"`
}

type jsonRow struct {
	Source    uint32 `json:"source"`
	Output    uint16 `json:"output"`
	Partition int32  `json:"partition"`
	Timestamp any    `json:"timestamp"`
	Key       any    `json:"key"`
	Value     any    `json:"value"`
	Headers   any    `json:"headers"`
}

type jsonRefusal struct {
	Source uint32 `json:"source"`
	Code   uint32 `json:"code"`
	Text   any    `json:"text"`
}

// jsonBytes is null, "text:..." or "hex:...".
func jsonBytes(b []byte) any {
	if b == nil {
		return nil
	}
	for _, c := range b {
		if c < ' ' || c > '~' {
			return "hex:" + hex.EncodeToString(b)
		}
	}
	return "text:" + string(b)
}

func jsonHeaders(hs []Header) any {
	out := [][2]any{}
	for _, h := range hs {
		out = append(out, [2]any{jsonBytes([]byte(h.Key)), jsonBytes(h.Value)})
	}
	return out
}

func jsonCell(c Cell) any {
	switch c.From {
	case CellNull:
		return nil
	case CellSource:
		return "source"
	case CellPart:
		return map[string]uint32{"part_off": c.Off, "part_len": c.Len}
	}
	return jsonBytes(append([]byte{}, c.Bytes...))
}

func (r *Row) json() jsonRow {
	j := jsonRow{Source: r.Source, Output: r.Output, Partition: r.Partition, Timestamp: "source", Key: jsonCell(r.Key), Value: jsonCell(r.Value)}
	if r.HasTimestamp {
		j.Timestamp = r.Timestamp
	}
	switch r.HeadersFrom {
	case HeadersGiven:
		j.Headers = jsonHeaders(r.Headers)
	case HeadersSource:
		j.Headers = "source"
	case HeadersAfter:
		j.Headers = map[string]any{"after_source": jsonHeaders(r.Headers)}
	}
	return j
}

func jsonRefusals(rs []Refusal) []jsonRefusal {
	out := []jsonRefusal{}
	for _, r := range rs {
		out = append(out, jsonRefusal{r.Source, r.Code, jsonBytes([]byte(r.Text))})
	}
	return out
}

func (v *vector) json() []byte {
	j := jsonVector{Name: v.name, About: v.about, Outputs: v.outputs, Limits: jsonLimits(v.limits), At: v.at}
	if v.badImage != "" {
		j.Error = &jsonError{Image: v.badImage, Field: v.badField, CheckedBy: "host"}
		if v.everyone {
			j.Error.CheckedBy = "everyone"
		}
	}
	if v.badImage != "input" {
		j.Batch = &jsonBatch{Topic: jsonBytes([]byte(v.batch.Topic)), Partition: v.batch.Partition, Clock: v.batch.Clock, Records: []jsonRecord{}}
		for _, r := range v.batch.Records {
			j.Batch.Records = append(j.Batch.Records, jsonRecord{
				r.Offset, r.Timestamp, r.LeaderEpoch, int(r.Flags), jsonBytes(r.Key), jsonBytes(r.Value), jsonHeaders(r.Headers),
			})
		}
	}
	if v.badImage == "" {
		j.Result = &jsonResult{Records: []jsonRow{}, Refusals: jsonRefusals(v.rows.Refusals)}
		for _, r := range v.rows.Records {
			j.Result.Records = append(j.Result.Records, r.json())
		}
		j.Produced = &jsonResult{Records: []jsonRow{}, Refusals: jsonRefusals(v.produced.Refusals)}
		for _, r := range v.produced.Records {
			j.Produced.Records = append(j.Produced.Records, jsonRow{
				r.Source, r.Output, r.Partition, r.Timestamp, jsonBytes(r.Key), jsonBytes(r.Value), jsonHeaders(r.Headers),
			})
		}
	}
	data, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		panic(err) // a test's own structs
	}
	return append(data, '\n')
}
