package guest

import (
	"fmt"
	"strings"
)

// Bounds of what a module may declare. They are those of the WebAssembly JS API where it has one: real modules stay far
// below, and what exceeds them is made to exhaust the memory of whoever compiles it.
const (
	maxLocals       = 50_000    // of a function
	maxTableEntries = 1_000_000 // of all tables together, as far as they may grow
	maxTables       = 16
	maxParams       = 1000    // of a function type, and as many results
	maxBody         = 1 << 20 // of a function, in bytes
	maxTargets      = 65_520  // of the br_table instructions of a function
	// Without a counterpart there.
	maxModule       = 1 << 30   // in bytes
	maxModuleLocals = 1_000_000 // of all functions
	maxKept         = 5_000_000 // locals of a function times the depth of its blocks
	maxDepth        = 10_000    // of blocks in blocks
)

// pageSize is the size of a page of linear memory (WebAssembly core, section 2.5.5).
const pageSize = 64 << 10

// funcType is the signature of a function, in the bytes of the binary format.
type funcType struct{ params, results string }

var valueTypes = map[byte]string{0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64", 0x7b: "v128", 0x70: "funcref", 0x6f: "externref"}

// String is the signature as SPEC.md writes it: (i32, i32) -> i64.
func (t funcType) String() string {
	list := func(s string) string {
		names := make([]string, len(s))
		for i := range len(s) {
			names[i] = valueTypes[s[i]]
		}
		return strings.Join(names, ", ")
	}
	switch len(t.results) {
	case 0:
		return "(" + list(t.params) + ") -> ()"
	case 1:
		return "(" + list(t.params) + ") -> " + list(t.results)
	}
	return "(" + list(t.params) + ") -> (" + list(t.results) + ")"
}

// Kinds of imports and exports, by their byte in the binary format.
var externKinds = []string{"func", "table", "memory", "global", "tag"}

// extern is an import or an export.
type extern struct {
	module, name, kind string
	// typ and index of a function.
	typ   funcType
	index uint32
}

// memoryType is what a module declares of a memory.
type memoryType struct {
	min, max         uint64
	hasMax, imported bool
	shared, wide     bool
}

// tableType is what a module declares of a table. Without a maximum of its own max is min.
type tableType struct {
	elem     byte
	min, max uint32
}

// declarations are what a module declares, read without anything of it being compiled.
type declarations struct {
	types    []funcType
	funcs    []uint32 // type indices, imports first
	imports  []extern
	exports  []extern
	memories []memoryType
	tables   []tableType
	name     string
	named    bool // by a name section that could be read
	// producers is the content of the custom section of that name, metadata that of each section "wasmflow".
	producers []byte
	metadata  [][]byte
	imported  int // imported functions
	pending   int // functions whose bodies are in the code section
	code      code
	stack     bool // global 0 is the pointer to a stack in memory
	edits     []edit
}

var sectionNames = []string{"custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data", "data count", "tag"}

// preamble says what the bytes are where they are not a module of version 1.
func preamble(b []byte) error {
	const magic, version = "\x00asm", "\x01\x00\x00\x00"
	head := string(b[:min(len(b), 8)])
	switch {
	case head == magic+version:
		return nil
	case head == "":
		return fmt.Errorf("not WebAssembly: there are no bytes")
	case len(head) < 8 && strings.HasPrefix(magic+version, head):
		return fmt.Errorf("truncated: %d bytes, the preamble of a module alone has 8", len(b))
	case strings.HasPrefix(head, magic) && head[6] != 0:
		return fmt.Errorf("a WebAssembly component (layer %d), not a core module: build for wasm32-unknown-unknown or wasm32-wasip1, without a componentize step", head[6])
	case strings.HasPrefix(head, magic):
		return fmt.Errorf("WebAssembly of version %d; version 1 is supported", uint32(head[4])|uint32(head[5])<<8)
	case strings.HasPrefix(strings.TrimSpace(string(b[:min(len(b), 4096)])), "("):
		return fmt.Errorf("not WebAssembly but its text format: assemble it first, with wat2wasm or wasm-tools parse")
	case strings.HasPrefix(head, "\x7fELF"):
		return fmt.Errorf("not WebAssembly but a native ELF file: build for wasm32-unknown-unknown or wasm32-wasip1 (Go: GOOS=wasip1 GOARCH=wasm)")
	case strings.HasPrefix(head, "\x1f\x8b"):
		return fmt.Errorf("not WebAssembly but gzip: unpack it first")
	}
	return fmt.Errorf("not WebAssembly: begins with %q instead of %q", head[:min(len(head), 4)], magic)
}

// parse reads what a module declares. It accepts no vector that is longer than its bytes and no declaration that is out of
// bounds; all else of a module's validity is the compiler's to say.
func parse(wasm []byte) (*declarations, error) {
	if err := preamble(wasm); err != nil {
		return nil, err
	}
	m := &declarations{}
	r := &reader{b: wasm, pos: 8}
	var seen [14]bool
	for r.err == nil && r.left() > 0 {
		at := r.pos
		id := r.byte()
		if int(id) >= len(sectionNames) {
			return nil, fmt.Errorf("malformed: byte %d: there is no section %d", at, id)
		}
		size := r.u32()
		if r.err == nil && uint64(size) > uint64(r.left()) {
			return nil, fmt.Errorf("truncated: the %s section at byte %d has %d bytes, the module ends after %d of them", sectionNames[id], at, size, r.left())
		}
		if id != 0 && seen[id] {
			return nil, fmt.Errorf("malformed: byte %d: a second %s section", at, sectionNames[id])
		}
		seen[id] = true
		s := r.sub(size)
		if id == 0 && !m.custom(s) {
			m.edits = append(m.edits, edit{from: at, to: r.pos})
		} else if id != 0 {
			m.section(id, s)
		}
		if s.err != nil {
			return nil, fmt.Errorf("malformed: in the %s section: %w", sectionNames[id], s.err)
		}
		if s.left() > 0 && id != 0 {
			return nil, fmt.Errorf("malformed: %d bytes too many in the %s section at byte %d", s.left(), sectionNames[id], at)
		}
		if id == 4 {
			m.edits = append(m.edits, edit{at, r.pos, m.tableSection()})
		}
	}
	if r.err != nil {
		return nil, fmt.Errorf("truncated: %w", r.err)
	}
	if m.pending > 0 && !seen[10] {
		return nil, fmt.Errorf("truncated: %d functions are declared, there is no code section", m.pending)
	}
	return m, nil
}
