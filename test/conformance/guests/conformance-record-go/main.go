// Command conformance-record-go is a guest that does with each record what the mode of its configuration says. It has a twin
// in Rust, and both are held to the same results by test/conformance.
package main

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
)

var (
	do    func(wasmflow.Record, *wasmflow.Output) error
	other wasmflow.To // output "copy"
	times int
	seen  int
)

func init() {
	wasmflow.Init(configure)
	wasmflow.Transform(func(in wasmflow.Record, out *wasmflow.Output) error { return do(in, out) })
}

func configure(c wasmflow.Config) error {
	c.Only("mode", "times")
	n, _ := c.Int("times")
	times = int(n)
	mode, _ := c.String("mode")
	if do = modes[mode]; do == nil {
		return wasmflow.Refusal{Text: "config.mode: no mode " + mode}
	}
	if mode == "tee" || mode == "replace" {
		other = wasmflow.Out("copy")
	}
	return nil
}

var modes = map[string]func(wasmflow.Record, *wasmflow.Output) error{
	"identity": func(in wasmflow.Record, out *wasmflow.Output) error { return out.Forward(in) },
	"tee":      tee,
	"part":     part,
	"inherit":  inherit,
	"headers":  headers,
	"replace":  replace,
	"refuse":   refuse,
	"drop":     drop,
	"abandon":  abandon,
	"fan":      fan,
	"grow":     grow,
	"panic":    panics,
	"log":      logs,
	"count":    count,
	"look":     look,
	"room":     room,
	"long":     long,
}

// tee sends each record to two outputs.
func tee(in wasmflow.Record, out *wasmflow.Output) error {
	if err := out.Forward(in); err != nil {
		return err
	}
	return out.From(in).To(other).Send()
}

// part sends the first half of the key and the value without its first byte; nothing is copied.
func part(in wasmflow.Record, out *wasmflow.Output) error {
	draft := out.From(in)
	if key := in.Key(); key != nil {
		draft.KeyPart(0, len(key)/2)
	}
	if value := in.Value(); len(value) > 0 {
		draft.ValuePart(1, len(value))
	}
	return draft.Send()
}

// inherit adds headers to those that are there.
func inherit(in wasmflow.Record, out *wasmflow.Output) error {
	return out.From(in).AddHeader("added", []byte("1")).AddHeader("added", nil).Send()
}

// headers replaces the headers by the names of those that are there, in reverse.
func headers(in wasmflow.Record, out *wasmflow.Output) error {
	draft := out.From(in).AddHeader("lost", nil).NoHeaders()
	for i := in.Headers().Len() - 1; i >= 0; i-- {
		key, value := in.Headers().At(i)
		draft.AddHeader(string(key), value)
	}
	return draft.AddHeader("", []byte{}).Send()
}

// replace sends two records of one, with nothing left of it but the source.
func replace(in wasmflow.Record, out *wasmflow.Output) error {
	if err := out.From(in).Key([]byte("key")).Value(nil).Partition(3).TimestampMs(42).NoHeaders().Send(); err != nil {
		return err
	}
	return out.From(in).To(other).Key(nil).Value([]byte{}).TimestampMs(-1).Send()
}

// refuse refuses records that begin with "bad", after it has sent something for them.
func refuse(in wasmflow.Record, out *wasmflow.Output) error {
	if err := out.Forward(in); err != nil {
		return err
	}
	if bytes.HasPrefix(in.Value(), []byte("bad")) {
		return wasmflow.Refusal{Code: 7, Text: "offset " + strconv.FormatInt(in.Offset(), 10) + " of " + in.Topic() + "/" + strconv.Itoa(int(in.Partition())) + " is bad"}
	}
	return nil
}

// drop forwards every second record.
func drop(in wasmflow.Record, out *wasmflow.Output) error {
	if in.Index()%2 == 1 {
		return nil
	}
	return out.Forward(in)
}

// abandon leaves every second draft without sending it.
func abandon(in wasmflow.Record, out *wasmflow.Output) error {
	draft := out.From(in).Value([]byte("left behind")).AddHeader("left", []byte("behind"))
	if in.Index()%2 == 1 {
		return nil
	}
	return draft.Send()
}

// fan sends each record as often as the configuration says.
func fan(in wasmflow.Record, out *wasmflow.Output) error {
	for range times {
		if err := out.Forward(in); err != nil {
			return err
		}
	}
	return nil
}

// grow sends a value of as many bytes as the configuration says.
func grow(in wasmflow.Record, out *wasmflow.Output) error {
	draft := out.From(in)
	room := draft.ValueRoom(times)
	for i := range room {
		room[i] = byte(i)
	}
	return draft.Send()
}

// panics traps on the value "panic".
func panics(in wasmflow.Record, out *wasmflow.Output) error {
	if string(in.Value()) == "panic" {
		panic("told to panic")
	}
	return out.Forward(in)
}

// logs writes the value to the log, at each level.
func logs(in wasmflow.Record, out *wasmflow.Output) error {
	text := string(in.Value())
	wasmflow.Debug(text)
	wasmflow.Info(text)
	wasmflow.Warn(text)
	wasmflow.Error(text)
	return out.Forward(in)
}

// count sends the number of records that this instance has seen.
func count(in wasmflow.Record, out *wasmflow.Output) error {
	seen++
	return out.Send(in, strconv.AppendInt(nil, int64(seen), 10))
}

// look sends what it can see of the record.
func look(in wasmflow.Record, out *wasmflow.Output) error {
	last, found := in.Header("h")
	return out.From(in).AppendValue(func(b []byte) []byte {
		b = append(append(b, in.Topic()...), '/')
		b = append(strconv.AppendInt(b, int64(in.Partition()), 10), '@')
		b = append(strconv.AppendInt(b, in.Offset(), 10), ' ')
		b = append(strconv.AppendInt(b, in.TimestampMs(), 10), ' ')
		b = append(strconv.AppendBool(b, in.Key() == nil), ' ')
		b = append(strconv.AppendBool(b, in.Value() == nil), ' ')
		b = append(strconv.AppendInt(b, int64(in.Headers().Len()), 10), ' ')
		b = append(strconv.AppendBool(b, found), ' ')
		return append(b, last...)
	}).Send()
}

// room writes the value to a room before, between and after a key and a header of as many bytes as the configuration says.
func room(in wasmflow.Record, out *wasmflow.Output) error {
	value, large := in.Value(), make([]byte, times)
	draft := out.From(in)
	room := draft.ValueRoom(len(value))
	third := len(value) / 3
	copy(room, value[:third])
	draft.Key(large)
	copy(room[third:], value[third:2*third])
	draft.AddHeader("large", large)
	copy(room[2*third:], value[2*third:])
	return draft.Send()
}

// long refuses each record with a text of one byte and then, as often as the configuration says, a character of two.
func long(wasmflow.Record, *wasmflow.Output) error {
	return wasmflow.Refusal{Code: 9, Text: "x" + strings.Repeat("ü", times)}
}

func main() {}
