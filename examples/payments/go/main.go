// Command payments is a guest that checks payments by the rules of the README one folder up: accepted ones go to one
// output in their normal form, rejected ones to another with the reason in a header, and what is no payment is refused.
package main

import "github.com/wasmflow/wasmflow/guest-sdk/go"

func init() { // init, not main: a module of this kind never runs main
	wasmflow.Init(configure)
	wasmflow.Transform(check)
}

func check(in wasmflow.Record, out *wasmflow.Output) error {
	p, err := parse(in.Value())
	if err != nil {
		return err
	}
	cents, reason := configured.judge(p)
	if reason != "" {
		return out.From(in).To(configured.rejected).AddHeader("reason", []byte(reason)).Send()
	}
	normal := func(b []byte) []byte { return p.appendNormal(b, cents) }
	return out.From(in).To(configured.accepted).AppendValue(normal).Send()
}

func main() {}
