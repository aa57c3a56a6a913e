package meter

import "strings"

// Declared is what a module declares.
type Declared struct {
	// Name is the module's own, from its name section.
	Name string
	// Imports and Exports stand in the module's order. Of what has an index, what is imported comes first.
	Imports, Exports []Extern
	Tables           []Table
	Memories         []Memory
	Globals          []Global
	// Producers are the tools that made it, as far as they can be read: nothing depends on them.
	Producers []Producer
	// Custom is the content of each custom section with the name that the Options give. It is a part of the input.
	Custom [][]byte
}

// FuncType is the signature of a function.
type FuncType struct {
	// Params and Results are value types, in the bytes of the binary format.
	Params, Results string
}

var valueTypes = [256]string{0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64", 0x7b: "v128", 0x70: "funcref", 0x6f: "externref"}

// String is the signature as SPEC.md writes it: (i32, i32) -> i64.
func (t FuncType) String() string {
	list := func(s string) string {
		names := make([]string, len(s))
		for i := range len(s) {
			names[i] = valueTypes[s[i]]
		}
		return strings.Join(names, ", ")
	}
	switch len(t.Results) {
	case 0:
		return "(" + list(t.Params) + ") -> ()"
	case 1:
		return "(" + list(t.Params) + ") -> " + list(t.Results)
	}
	return "(" + list(t.Params) + ") -> (" + list(t.Results) + ")"
}

// externKinds are the kinds of imports and exports, by their byte (5.5.5, 5.5.10).
var externKinds = [...]string{"func", "table", "memory", "global", "tag"}

// Extern is an import or an export.
type Extern struct {
	// Module of an import.
	Module, Name string
	// Kind is func, table, memory, global or tag.
	Kind string
	// Type of a function, and Index of one that is exported.
	Type  FuncType
	Index uint32
}

// Table is what is declared of a table. One that declares no most has Max like Min.
type Table struct{ Min, Max uint32 }

// Memory is what is declared of a memory, in pages.
type Memory struct {
	Min, Max         uint64
	HasMax, Imported bool
	// Shared and Wide memories are those of the proposals threads and memory64.
	Shared, Wide bool
}

// Global is what is declared of a global.
type Global struct {
	Type    byte
	Mutable bool
	// Start is the number of its i32.const; 0 where it begins with something else.
	Start int32
}

// Producer is a tool that had a part in a module (WebAssembly tool conventions, ProducersSection).
type Producer struct {
	// Field is language, processed-by or sdk.
	Field string
	// Name and Version are the tool's.
	Name, Version string
}
