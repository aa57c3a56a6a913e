// Command uppercase is a guest: it makes the ASCII letters of each value upper-case. Key, headers and timestamp stay, and a
// tombstone stays a tombstone.
package main

import "github.com/wasmflow/wasmflow/guest-sdk/go"

func init() { wasmflow.Transform(upper) } // init, not main: a module of this kind never runs main

func upper(in wasmflow.Record, out *wasmflow.Output) error {
	value := in.Value()
	if value == nil {
		return out.Forward(in)
	}
	draft := out.From(in)
	room := draft.ValueRoom(len(value)) // written where it is sent from: bytes.ToUpper would copy, and know Unicode
	for i, c := range value {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		room[i] = c
	}
	return draft.Send()
}

func main() {}
