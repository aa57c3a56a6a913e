package guest

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// metadataSection is the custom section in which a guest describes itself, in JSON (abi/SPEC.md).
const metadataSection = "wasmflow"

// Info is what can be known of a module without running it.
type Info struct {
	// Digest is the SHA-256 of the module in hexadecimal, Size its bytes. Both are empty for a native transform.
	Digest string `json:"digest"`
	Size   int    `json:"size"`
	// Name is the module's own name, from its name section.
	Name string `json:"name,omitempty"`
	// ABI are the versions of the ABI that it speaks.
	ABI []int `json:"abi"`
	// Imports and Exports stand in the module's order.
	Imports []Extern `json:"imports"`
	Exports []Extern `json:"exports"`
	// Memory is nil where the module has none.
	Memory *Memory `json:"memory,omitempty"`
	// Metadata is the guest's description of itself (abi/SPEC.md), nil where it has none that is valid. Characters that could
	// steer a terminal are escaped.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// Meter says how its fuel is counted; of a native transform nothing is.
	Meter *Meter `json:"meter,omitempty"`
	// Producers are the tools that made it (WebAssembly tool conventions, ProducersSection).
	Producers []Producer `json:"producers,omitempty"`
	// Problems are why Load would refuse it under the default limits; empty where it would not.
	Problems []string `json:"problems"`
}

// Meter is how fuel is counted. It is to be compared only within one Mode and one Version.
type Meter struct {
	Mode    FuelMode `json:"mode"`
	Version int      `json:"version"`
}

// Extern is an import or an export.
type Extern struct {
	// Module of an import.
	Module string `json:"module,omitempty"`
	Name   string `json:"name"`
	// Kind is func, table, memory, global or tag.
	Kind string `json:"kind"`
	// Type is the signature of a function.
	Type string `json:"type,omitempty"`
}

// Memory is what a module declares of its memory, in pages of 64 KiB.
type Memory struct {
	MinPages uint64 `json:"min_pages"`
	// MaxPages is nil where none is declared.
	MaxPages *uint64 `json:"max_pages,omitempty"`
}

// Producer is a tool that had a part in a module.
type Producer struct {
	// Field is language, processed-by or sdk.
	Field   string `json:"field"`
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// Inspect describes a module and runs nothing of it; with a context that is done it ends as Load does. What would make Load refuse it
// is in Problems and no error; bytes that cannot be read as a module are a *RefusedError, beside an Info with digest and size.
func Inspect(ctx context.Context, wasm []byte) (Info, error) {
	if err := ctx.Err(); err != nil {
		return Info{}, err
	}
	m := newModule(Config{Wasm: wasm})
	unread, described := m.info, false
	err := m.await(ctx, func() (err error) {
		var paying []byte
		if paying, described, err = m.read(wasm); err != nil {
			return err
		}
		// The interpreter holds a module to the same rules, and is done ten times sooner.
		return m.compileIn(ctx, paying, wazero.NewRuntimeConfigInterpreter())
	})
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		m.info.Problems = refused.Problems
		if described {
			err = nil
		}
		return m.info, err
	case err != nil:
		return unread, err // it may still be read
	}
	return m.info, m.Close(ctx)
}

// describe keeps what a module declares.
func (m *Module) describe(d declarations) {
	m.info.Name = flat(d.Name, maxFrame)
	m.info.ABI = d.versions()
	m.info.Imports, m.info.Exports = externs(d.Imports), externs(d.Exports)
	for _, mem := range d.Memories[:min(1, len(d.Memories))] {
		m.info.Memory = &Memory{MinPages: mem.Min}
		if mem.HasMax {
			m.info.Memory.MaxPages = &mem.Max
		}
	}
	if len(d.Custom) > 0 && len(d.checkMetadata()) == 0 {
		m.info.Metadata = escape(d.Custom[0])
	}
	for _, p := range d.Producers {
		m.info.Producers = append(m.info.Producers, Producer{flat(p.Field, maxFrame), flat(p.Name, maxFrame), flat(p.Version, maxFrame)})
	}
	m.names, m.prefix = d.exportNames(), d.Name
	m.tables, m.stack = d.tableBytes(), len(d.Globals) > 0 && isStackPointer(d.Globals[0])
}

func externs(list []meter.Extern) []Extern {
	out := make([]Extern, 0, len(list))
	for _, x := range list {
		e := Extern{Module: flat(x.Module, maxFrame), Name: flat(x.Name, maxFrame), Kind: x.Kind}
		if x.Kind == "func" {
			e.Type = x.Type.String()
		}
		out = append(out, e)
	}
	return out
}

// isStackPointer says whether a global could be wasm-ld's __stack_pointer, which is the first of a module: a mutable i32 that
// begins at the end of a stack.
func isStackPointer(g meter.Global) bool {
	return g.Type == api.ValueTypeI32 && g.Mutable && g.Start >= 1024 && g.Start%16 == 0
}
