package guest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
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

// Inspect describes a module and runs nothing of it; with a context that is done it ends as Load does. What would make Load refuse it is in Problems and no error; bytes that
// cannot be read as a module are a *RefusedError, beside an Info with digest and size.
func Inspect(ctx context.Context, wasm []byte) (Info, error) {
	if err := ctx.Err(); err != nil {
		return Info{}, err
	}
	m, b, err := open(Config{Wasm: wasm})
	if err != nil {
		return m.info, err
	}
	if problems, _ := b.problems(DefaultMemory); len(problems) > 0 {
		m.info.Problems = problems
		return m.info, nil
	}
	// The interpreter holds a module to the same rules, and is done ten times sooner.
	err = m.await(ctx, func() error {
		paying, err := m.pay(b, wasm)
		if err != nil {
			return err
		}
		return m.compileIn(ctx, paying, wazero.NewRuntimeConfigInterpreter())
	})
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		m.info.Problems = refused.Problems
	case err != nil:
		return m.info, err
	}
	return m.info, m.Close(ctx)
}

// open reads the module of c without compiling it. The *Module that it gives has its Info in any case.
func open(c Config) (*Module, *declarations, error) {
	if len(c.Wasm) > maxModule {
		m := newModule(c, "")
		m.info.Size = len(c.Wasm)
		m.info.Problems = []string{fmt.Sprintf("%d bytes, a module may have %d", len(c.Wasm), maxModule)}
		return m, nil, m.refused("", m.info.Problems...)
	}
	sum := sha256.Sum256(c.Wasm)
	m := newModule(c, hex.EncodeToString(sum[:]))
	m.info.Size = len(c.Wasm)
	b, err := parse(c.Wasm)
	if err != nil {
		m.info.Problems = []string{clean(err.Error(), maxMessage)}
		return m, nil, m.refused("", m.info.Problems...)
	}
	b.describe(&m.info)
	m.tables, m.stack = b.tableEntries()*entrySize, b.stack
	return m, b, nil
}

func (m *declarations) describe(info *Info) {
	info.Name = clean(m.name, maxFrame)
	info.ABI = m.versions()
	info.Imports, info.Exports = externs(m.imports), externs(m.exports)
	for _, mem := range m.memories[:min(1, len(m.memories))] {
		info.Memory = &Memory{MinPages: mem.min}
		if mem.hasMax {
			info.Memory.MaxPages = &mem.max
		}
	}
	if len(m.metadata) > 0 && len(m.checkMetadata()) == 0 {
		info.Metadata = escape(m.metadata[0])
	}
	info.Producers = producers(&reader{b: m.producers})
}

func externs(list []extern) []Extern {
	out := make([]Extern, 0, len(list))
	for _, x := range list {
		e := Extern{Module: clean(x.module, maxFrame), Name: clean(x.name, maxFrame), Kind: x.kind}
		if x.kind == "func" {
			e.Type = x.typ.String()
		}
		out = append(out, e)
	}
	return out
}

// producers reads as much of the section as can be read: nothing depends on it.
func producers(r *reader) (out []Producer) {
	for range r.count() {
		field := r.name()
		for range r.count() {
			p := Producer{clean(field, maxFrame), clean(r.name(), maxFrame), clean(r.name(), maxFrame)}
			if r.err != nil {
				return out
			}
			out = append(out, p)
		}
	}
	return out
}
