package wasmflow_test

import (
	"reflect"
	"testing"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
	"github.com/wasmflow/wasmflow/guest-sdk/go/wasmflowtest"
)

// run registers f, starts the guest with outputs "out" and "other", and hands it the records as one batch. Tests of this
// package do not run in parallel: there is one guest in a process.
func run(t *testing.T, f func(wasmflow.Record, *wasmflow.Output) error, records ...wasmflowtest.Record) wasmflowtest.Result {
	t.Helper()
	wasmflow.Transform(f)
	return hand(t, records...)
}

func runBatch(t *testing.T, f func(wasmflow.Batch, *wasmflow.Output) error, records ...wasmflowtest.Record) wasmflowtest.Result {
	t.Helper()
	wasmflow.TransformBatch(f)
	return hand(t, records...)
}

var (
	settings = wasmflowtest.Settings{Outputs: []string{"out", "other"}}
	other    wasmflow.To
)

func hand(t *testing.T, records ...wasmflowtest.Record) wasmflowtest.Result {
	t.Helper()
	wasmflow.Init(func(wasmflow.Config) error {
		other = wasmflow.Out("other")
		return nil
	})
	if err := wasmflowtest.Init(settings); err != nil {
		t.Fatal(err)
	}
	result, err := wasmflowtest.Run(records...)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// panics calls f and gives the text of its panic.
func panics(t *testing.T, f func()) (text string) {
	t.Helper()
	defer func() {
		switch v := recover().(type) {
		case nil:
			t.Error("no panic")
		case error:
			text = v.Error()
		case string:
			text = v
		}
	}()
	f()
	return ""
}

func record(key, value string) wasmflowtest.Record {
	return wasmflowtest.Record{Key: []byte(key), Value: []byte(value)}
}

func header(key, value string) wasmflow.Header {
	return wasmflow.Header{Key: key, Value: []byte(value)}
}

func refused(source int, code uint32, text string) wasmflowtest.Refused {
	return wasmflowtest.Refused{Source: source, Code: code, Text: text}
}
