package wasmflow_test

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
	"github.com/wasmflow/wasmflow/guest-sdk/go/wasmflowtest"
)

// In a guest, Transform is called in func init(), and func main() stays empty.
func ExampleTransform() {
	wasmflow.Transform(func(in wasmflow.Record, out *wasmflow.Output) error {
		if in.Value() == nil {
			return out.Forward(in) // a tombstone stays one
		}
		return out.Send(in, bytes.ToUpper(in.Value()))
	})

	show(wasmflowtest.Run(
		wasmflowtest.Record{Key: []byte("k"), Value: []byte("hello")},
		wasmflowtest.Record{Key: []byte("k")},
	))
	// Output:
	// out: k = HELLO
	// out: k = null
}

// An error refuses the record and undoes what was sent from it; the rest of the batch goes on.
func ExampleRefusal() {
	wasmflow.Transform(func(in wasmflow.Record, out *wasmflow.Output) error {
		n, err := strconv.Atoi(string(in.Value()))
		switch {
		case err != nil:
			return err
		case n < 0:
			return wasmflow.Refusal{Code: 2, Text: "negative"}
		}
		return out.Forward(in)
	})

	show(wasmflowtest.Run(
		wasmflowtest.Record{Key: []byte("a"), Value: []byte("1")},
		wasmflowtest.Record{Key: []byte("b"), Value: []byte("-1")},
		wasmflowtest.Record{Key: []byte("c"), Value: []byte("x")},
	))
	// Output:
	// out: a = 1
	// record 1 refused, code 2: negative
	// record 2 refused, code 0: strconv.Atoi: parsing "x": invalid syntax
}

// Outputs other than the default one are looked up by name, once, in Init.
func ExampleOut() {
	var large wasmflow.To
	var limit int64
	wasmflow.Init(func(c wasmflow.Config) error {
		c.Only("limit")
		large = wasmflow.Out("large")
		var ok bool
		if limit, ok = c.Int("limit"); !ok {
			return errors.New("config.limit: missing")
		}
		return nil
	})
	wasmflow.Transform(func(in wasmflow.Record, out *wasmflow.Output) error {
		draft := out.From(in)
		if int64(len(in.Value())) > limit {
			draft.To(large).AddHeader("bytes", strconv.AppendInt(nil, int64(len(in.Value())), 10))
		}
		return draft.Send()
	})

	settings := wasmflowtest.Settings{Outputs: []string{"small", "large"}, Config: `{"limit": 3}`}
	if err := wasmflowtest.Init(settings); err != nil {
		fmt.Println(err)
	}
	show(wasmflowtest.Run(
		wasmflowtest.Record{Key: []byte("k"), Value: []byte("abc")},
		wasmflowtest.Record{Key: []byte("k"), Value: []byte("abcd")},
	))
	// Output:
	// small: k = abc
	// large: k = abcd bytes=4
}

// A whole batch at once: here, only the last record of each key is sent on.
func ExampleTransformBatch() {
	wasmflow.TransformBatch(func(in wasmflow.Batch, out *wasmflow.Output) error {
		last := map[string]int{}
		for i, r := range in.All() {
			last[string(r.Key())] = i
		}
		for i, r := range in.All() {
			if last[string(r.Key())] == i {
				if err := out.Forward(r); err != nil {
					return err
				}
			}
		}
		return nil
	})

	show(wasmflowtest.Run(
		wasmflowtest.Record{Key: []byte("a"), Value: []byte("1")},
		wasmflowtest.Record{Key: []byte("b"), Value: []byte("2")},
		wasmflowtest.Record{Key: []byte("a"), Value: []byte("3")},
	))
	// Output:
	// out: b = 2
	// out: a = 3
}

// A draft changes what must change; everything else is the source's and costs nothing.
func ExampleOutput_From() {
	wasmflow.Transform(func(in wasmflow.Record, out *wasmflow.Output) error {
		const prefix = 5 // a schema id, to be stripped
		return out.From(in).
			ValuePart(prefix, len(in.Value())).
			NoHeaders().AddHeader("stripped", nil).
			Send()
	})

	show(wasmflowtest.Run(wasmflowtest.Record{Key: []byte("k"), Value: []byte("\x00\x00\x00\x00\x01body")}))
	// Output:
	// out: k = body stripped=null
}

func show(result wasmflowtest.Result, err error) {
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range result.Records {
		fmt.Printf("%s: %s = %s", r.Output, orNull(r.Key), orNull(r.Value))
		for _, h := range r.Headers {
			fmt.Printf(" %s=%s", h.Key, orNull(h.Value))
		}
		fmt.Println()
	}
	for _, r := range result.Refusals {
		fmt.Printf("record %d refused, code %d: %s\n", r.Source, r.Code, r.Text)
	}
	// Examples share a process, and with it the guest: the next one starts without this one's init.
	wasmflow.Init(nil)
	if err := wasmflowtest.Init(wasmflowtest.Settings{}); err != nil {
		fmt.Println(err)
	}
}

func orNull(b []byte) string {
	if b == nil {
		return "null"
	}
	return string(b)
}
