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
	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// required are the functions that a guest exports.
var required = []struct {
	name string
	typ  meter.FuncType
}{
	{abi.ExportAlloc, meter.FuncType{Params: "\x7f", Results: "\x7f"}},
	{abi.ExportInit, meter.FuncType{Params: "\x7f\x7f", Results: "\x7e"}},
	{abi.ExportTransform, meter.FuncType{Params: "\x7f\x7f", Results: "\x7e"}},
}

// declarations are what a module declares, held to what a guest may.
type declarations struct{ *meter.Declared }

// problems are the reasons to refuse a module that could be read, all of them. Where an import is among them, offer is what may be
// imported.
func (d declarations) problems(memoryLimit int64) (found []string, offer string) {
	found = append(found, d.checkMarker()...)
	found = append(found, d.checkExports()...)
	found = append(found, d.checkTables()...)
	found = append(found, d.checkMemory(memoryLimit)...)
	for _, x := range d.Imports {
		if p := checkImport(x); p != "" {
			found, offer = append(found, p), allowed()
		}
	}
	return append(found, d.checkMetadata()...), offer
}

func (d declarations) export(name string) (meter.Extern, bool) {
	at := slices.IndexFunc(d.Exports, func(x meter.Extern) bool { return x.Name == name })
	if at < 0 {
		return meter.Extern{}, false
	}
	return d.Exports[at], true
}

// exportNames are the names of the exported functions by "$" and their index, as a trace writes a function without a name.
func (d declarations) exportNames() map[string]string {
	names := map[string]string{}
	for _, x := range d.Exports {
		if x.Kind == "func" {
			names["$"+strconv.FormatUint(uint64(x.Index), 10)] = flat(x.Name, maxFrame)
		}
	}
	return names
}

// versions are the versions of the ABI that the module speaks.
func (d declarations) versions() []int {
	found := []int{}
	for _, x := range d.Exports {
		if v, ok := strings.CutPrefix(x.Name, abi.ExportMarkerPrefix); ok {
			if n, err := strconv.Atoi(v); err == nil {
				found = append(found, n)
			}
		}
	}
	slices.Sort(found)
	return found
}

func (d declarations) checkMarker() []string {
	marker, ok := d.export(abi.ExportMarker)
	if ok {
		return wrongFunc(marker, meter.FuncType{})
	}
	var others []string
	for _, x := range d.Exports {
		if strings.HasPrefix(x.Name, abi.ExportMarkerPrefix) {
			others = append(others, flat(x.Name, maxFrame))
		}
	}
	if len(others) > 0 {
		return []string{fmt.Sprintf("it speaks %s, this host speaks v%d: build it with an SDK of this version", strings.Join(others, ", "), abi.Version)}
	}
	return []string{fmt.Sprintf("it has no export %s, so it does not say that it speaks the ABI: build it with a wasmflow SDK", abi.ExportMarker)}
}

func (d declarations) checkExports() (found []string) {
	for _, want := range required {
		x, ok := d.export(want.name)
		if !ok {
			found = append(found, fmt.Sprintf("it has no export %s %s", want.name, want.typ))
			continue
		}
		found = append(found, wrongFunc(x, want.typ)...)
	}
	if x, ok := d.export(abi.ExportInitialize); ok {
		found = append(found, wrongFunc(x, meter.FuncType{})...)
	}
	if x, ok := d.export(abi.ExportRecord); ok {
		found = append(found, wrongFunc(x, meter.FuncType{Results: "\x7f"})...)
	}
	if _, ok := d.export(abi.ExportTick); ok {
		found = append(found, fmt.Sprintf("the export %s is reserved for a later version of the host", abi.ExportTick))
	}
	if _, ok := d.export("_start"); ok && len(found) > 0 {
		found = append(found, "it exports _start, as a program does: a guest is a reactor (Go: -buildmode=c-shared, Rust: crate-type cdylib)")
	}
	return found
}

func wrongFunc(x meter.Extern, want meter.FuncType) []string {
	switch {
	case x.Kind != "func":
		return []string{fmt.Sprintf("its export %s is a %s, not a function", x.Name, x.Kind)}
	case x.Type != want:
		return []string{fmt.Sprintf("its export %s is %s, not %s", x.Name, x.Type, want)}
	}
	return nil
}

func (d declarations) checkMemory(limit int64) (found []string) {
	if len(d.Memories) != 1 {
		found = append(found, fmt.Sprintf("it has %d memories, not one", len(d.Memories)))
	}
	if x, ok := d.export(abi.ExportMemory); !ok {
		found = append(found, fmt.Sprintf("it does not export its memory as %q", abi.ExportMemory))
	} else if x.Kind != "memory" {
		found = append(found, fmt.Sprintf("its export %q is a %s, not its memory", abi.ExportMemory, x.Kind))
	}
	tables := d.tableBytes()
	if tables > maxTableEntries*entrySize {
		tables = 0 // which is said already
	}
	for _, mem := range d.Memories {
		switch {
		case mem.Imported:
			// The import is refused by its name.
		case mem.Wide:
			found = append(found, "its memory is 64-bit: build for wasm32")
		case mem.Shared:
			found = append(found, "its memory is shared: build without threads")
		case tables > 0 && mem.Min > uint64(max(0, limit-tables)/pageSize):
			found = append(found, fmt.Sprintf("its memory begins with %d bytes and its tables may take %d, more than the limit of %d bytes: raise the limit, or build it with a smaller stack", mem.Min*pageSize, tables, limit))
		case mem.Min > uint64(limit/pageSize):
			found = append(found, fmt.Sprintf("its memory begins with %d pages of 64 KiB (%d bytes), more than the limit of %d bytes: raise the limit, or build it with a smaller stack", mem.Min, mem.Min*pageSize, limit))
		}
	}
	return found
}

// entrySize is what an entry of a table takes in the host, in bytes.
const entrySize = 8

// tableEntries is how many entries the tables may have together.
func (d declarations) tableEntries() (n int64) {
	for _, t := range d.Tables {
		n += int64(t.Max)
	}
	return n
}

// tableBytes is what they may take.
func (d declarations) tableBytes() int64 { return d.tableEntries() * entrySize }

func (d declarations) checkTables() []string {
	if n := d.tableEntries(); n > maxTableEntries {
		return []string{fmt.Sprintf("its tables may have %d entries together, at most %d are allowed: declare a smaller maximum (wasm-ld without --growable-table does)", n, maxTableEntries)}
	}
	return nil
}

func (d declarations) checkMetadata() []string {
	switch {
	case len(d.Custom) == 0:
	case len(d.Custom) > 1:
		return []string{fmt.Sprintf("it has %d custom sections %q, at most one is allowed", len(d.Custom), metadataSection)}
	case !utf8.Valid(d.Custom[0]):
		return []string{fmt.Sprintf("the custom section %q is not UTF-8", metadataSection)}
	case !json.Valid(d.Custom[0]):
		return []string{fmt.Sprintf("the custom section %q is not JSON", metadataSection)}
	case bytes.TrimLeft(d.Custom[0], " \t\r\n")[0] != '{':
		return []string{fmt.Sprintf("the custom section %q is not a JSON object", metadataSection)}
	}
	return nil
}

// checkImport says why a guest may not have an import; it is empty where it may.
func checkImport(x meter.Extern) string {
	name := quote(flat(x.Module, maxFrame)) + " " + quote(flat(x.Name, maxFrame))
	if f, ok := findHostFunc(x.Module, x.Name); ok {
		switch {
		case x.Kind != "func":
			return fmt.Sprintf("it imports %s as a %s, which is a function", name, x.Kind)
		case x.Type != f.typ:
			return fmt.Sprintf("it imports %s as %s, which is %s", name, x.Type, f.typ)
		}
		return ""
	}
	if x.Module == abi.ReservedModule || x.Module == abi.ImportModule && slices.Contains(abi.ReservedImports, x.Name) {
		return fmt.Sprintf("it imports %s, which is reserved for a later version of the host", name)
	}
	p := fmt.Sprintf("it imports the %s %s, which is not offered", x.Kind, name)
	if hint := askedBy(x); hint != "" {
		p += " (" + hint + ")"
	}
	return p
}
