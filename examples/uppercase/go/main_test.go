package main

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
	"github.com/wasmflow/wasmflow/guest-sdk/go/wasmflowtest"
)

func TestUpper(t *testing.T) {
	headers := []wasmflow.Header{{Key: "h", Value: []byte("kept")}, {Key: "h"}}
	got, err := wasmflowtest.Run(
		wasmflowtest.Record{Key: []byte("key"), Value: []byte("hello, Wörld_{@[`z"), Headers: headers, TimestampMs: 7},
		wasmflowtest.Record{Key: []byte("key")}, // a tombstone stays one
		wasmflowtest.Record{Value: []byte{}},    // and empty is not null
		wasmflowtest.Record{Value: everyByte()}, // nothing but a-z changes
	)
	if err != nil {
		t.Fatal(err)
	}
	sent := func(source int) wasmflowtest.Sent {
		return wasmflowtest.Sent{Source: source, Output: "out", Partition: -1}
	}
	want := []wasmflowtest.Sent{sent(0), sent(1), sent(2), sent(3)}
	want[0].Key, want[0].Value, want[0].Headers, want[0].TimestampMs = []byte("key"), []byte("HELLO, WöRLD_{@[`Z"), headers, 7
	want[1].Key = []byte("key")
	want[2].Value = []byte{}
	want[3].Value = everyByte()
	copy(want[3].Value['a':], bytes.ToUpper(want[3].Value['a':'z'+1]))
	if !reflect.DeepEqual(got.Records, want) {
		t.Errorf("got  %q\nwant %q", got.Records, want)
	}
}

func everyByte() (b []byte) {
	for c := range 256 {
		b = append(b, byte(c))
	}
	return b
}
