package guest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wasmflow/wasmflow/abi"
)

// required are the functions that a guest exports.
var required = []struct {
	name string
	typ  funcType
}{
	{abi.ExportAlloc, funcType{"\x7f", "\x7f"}},
	{abi.ExportInit, funcType{"\x7f\x7f", "\x7e"}},
	{abi.ExportTransform, funcType{"\x7f\x7f", "\x7e"}},
}

// problems are the reasons to refuse a module that could be read, all of them. imports says whether an import is among them.
func (m *declarations) problems(memoryLimit int64) (found []string, imports bool) {
	found = append(found, m.checkMarker()...)
	found = append(found, m.checkExports()...)
	found = append(found, m.checkTables()...)
	found = append(found, m.checkMemory(memoryLimit)...)
	for _, x := range m.imports {
		if p := checkImport(x); p != "" {
			found, imports = append(found, p), true
		}
	}
	return append(found, m.checkMetadata()...), imports
}

func (m *declarations) export(name string) (extern, bool) {
	at := slices.IndexFunc(m.exports, func(x extern) bool { return x.name == name })
	if at < 0 {
		return extern{}, false
	}
	return m.exports[at], true
}

// exportNames are the names of the exported functions by "$" and their index, as a trace writes a function without a name.
func (m *declarations) exportNames() map[string]string {
	names := map[string]string{}
	for _, x := range m.exports {
		if x.kind == "func" {
			names["$"+strconv.FormatUint(uint64(x.index), 10)] = clean(x.name, maxFrame)
		}
	}
	return names
}

// versions are the versions of the ABI that the module speaks.
func (m *declarations) versions() []int {
	found := []int{}
	for _, x := range m.exports {
		if v, ok := strings.CutPrefix(x.name, abi.ExportMarkerPrefix); ok {
			if n, err := strconv.Atoi(v); err == nil {
				found = append(found, n)
			}
		}
	}
	slices.Sort(found)
	return found
}

func (m *declarations) checkMarker() []string {
	marker, ok := m.export(abi.ExportMarker)
	if ok {
		return wrongFunc(marker, funcType{})
	}
	var others []string
	for _, x := range m.exports {
		if strings.HasPrefix(x.name, abi.ExportMarkerPrefix) {
			others = append(others, clean(x.name, maxFrame))
		}
	}
	if len(others) > 0 {
		return []string{fmt.Sprintf("it speaks %s, this host speaks v%d: build it with an SDK of this version", strings.Join(others, ", "), abi.Version)}
	}
	return []string{fmt.Sprintf("it has no export %s, so it does not say that it speaks the ABI: build it with a wasmflow SDK", abi.ExportMarker)}
}

func (m *declarations) checkExports() (found []string) {
	for _, want := range required {
		x, ok := m.export(want.name)
		if !ok {
			found = append(found, fmt.Sprintf("it has no export %s %s", want.name, want.typ))
			continue
		}
		found = append(found, wrongFunc(x, want.typ)...)
	}
	if x, ok := m.export(abi.ExportInitialize); ok {
		found = append(found, wrongFunc(x, funcType{})...)
	}
	if x, ok := m.export(abi.ExportRecord); ok {
		found = append(found, wrongFunc(x, funcType{results: "\x7f"})...)
	}
	if _, ok := m.export(abi.ExportTick); ok {
		found = append(found, fmt.Sprintf("the export %s is reserved for a later version of the host", abi.ExportTick))
	}
	if _, ok := m.export("_start"); ok && len(found) > 0 {
		found = append(found, "it exports _start, as a program does: a guest is a reactor (Go: -buildmode=c-shared, Rust: crate-type cdylib)")
	}
	return found
}

func wrongFunc(x extern, want funcType) []string {
	switch {
	case x.kind != "func":
		return []string{fmt.Sprintf("its export %s is a %s, not a function", x.name, x.kind)}
	case x.typ != want:
		return []string{fmt.Sprintf("its export %s is %s, not %s", x.name, x.typ, want)}
	}
	return nil
}

func (m *declarations) checkMemory(limit int64) (found []string) {
	if len(m.memories) != 1 {
		found = append(found, fmt.Sprintf("it has %d memories, not one", len(m.memories)))
	}
	if x, ok := m.export(abi.ExportMemory); !ok {
		found = append(found, fmt.Sprintf("it does not export its memory as %q", abi.ExportMemory))
	} else if x.kind != "memory" {
		found = append(found, fmt.Sprintf("its export %q is a %s, not its memory", abi.ExportMemory, x.kind))
	}
	tables := m.tableEntries() * entrySize
	if tables > maxTableEntries*entrySize {
		tables = 0 // which is said already
	}
	for _, mem := range m.memories {
		switch {
		case mem.imported:
			// The import is refused by its name.
		case mem.wide:
			found = append(found, "its memory is 64-bit: build for wasm32")
		case mem.shared:
			found = append(found, "its memory is shared: build without threads")
		case tables > 0 && mem.min > uint64(max(0, limit-tables)/pageSize):
			found = append(found, fmt.Sprintf("its memory begins with %d bytes and its tables may take %d, more than the limit of %d bytes: raise the limit, or build it with a smaller stack", mem.min*pageSize, tables, limit))
		case mem.min > uint64(limit/pageSize):
			found = append(found, fmt.Sprintf("its memory begins with %d pages of 64 KiB (%d bytes), more than the limit of %d bytes: raise the limit, or build it with a smaller stack", mem.min, mem.min*pageSize, limit))
		}
	}
	return found
}

func (m *declarations) checkTables() []string {
	if n := m.tableEntries(); n > maxTableEntries {
		return []string{fmt.Sprintf("its tables may have %d entries together, at most %d are allowed: declare a smaller maximum (wasm-ld without --growable-table does)", n, maxTableEntries)}
	}
	return nil
}

func (m *declarations) checkMetadata() []string {
	switch {
	case len(m.metadata) == 0:
	case len(m.metadata) > 1:
		return []string{fmt.Sprintf("it has %d custom sections %q, at most one is allowed", len(m.metadata), metadataSection)}
	case !utf8.Valid(m.metadata[0]):
		return []string{fmt.Sprintf("the custom section %q is not UTF-8", metadataSection)}
	case !json.Valid(m.metadata[0]):
		return []string{fmt.Sprintf("the custom section %q is not JSON", metadataSection)}
	case bytes.TrimLeft(m.metadata[0], " \t\r\n")[0] != '{':
		return []string{fmt.Sprintf("the custom section %q is not a JSON object", metadataSection)}
	}
	return nil
}

// checkImport says why a guest may not have an import; it is empty where it may.
func checkImport(x extern) string {
	name := quote(clean(x.module, maxFrame)) + " " + quote(clean(x.name, maxFrame))
	if f, ok := findHostFunc(x.module, x.name); ok {
		switch {
		case x.kind != "func":
			return fmt.Sprintf("it imports %s as a %s, which is a function", name, x.kind)
		case x.typ != f.typ:
			return fmt.Sprintf("it imports %s as %s, which is %s", name, x.typ, f.typ)
		}
		return ""
	}
	if x.module == abi.ReservedModule || x.module == abi.ImportModule && slices.Contains(abi.ReservedImports, x.name) {
		return fmt.Sprintf("it imports %s, which is reserved for a later version of the host", name)
	}
	p := fmt.Sprintf("it imports the %s %s, which is not offered", x.kind, name)
	if hint := askedBy(x); hint != "" {
		p += " (" + hint + ")"
	}
	return p
}
