package meter

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// assembled are modules by their sections: an identifier, then the contents, whose size is put in between.
func assembled(sections ...[]byte) []byte {
	out := []byte(preamble)
	for _, s := range sections {
		out = append(appendU(append(out, s[0]), uint64(len(s)-1)), s[1:]...)
	}
	return out
}

func section(id byte, contents ...byte) []byte { return append([]byte{id}, contents...) }

// code is a module of one function () -> (), with a memory, a table, a global and the body given.
func code(body ...byte) []byte {
	b := append([]byte{secCode, 1}, appendU(nil, uint64(len(body)))...)
	return assembled(
		section(secType, 1, 0x60, 0, 0), section(secFunction, 1, 0), section(secTable, 1, 0x70, 0, 1), section(secMemory, 1, 0, 1),
		section(secGlobal, 1, 0x7f, 1, 0x41, 0, 0x0b), append(b, body...),
	)
}

// What the gate refuses, and as what. Where the runtime would crash, or see other instructions, the case says so.
func TestRefuses(t *testing.T) {
	t.Parallel()
	typ, fn := section(secType, 1, 0x60, 0, 0), section(secFunction, 1, 0)
	empty := section(secCode, 1, 2, 0, 0x0b)
	for _, c := range []struct {
		name string
		wasm []byte
		want string
	}{
		{"nothing", nil, "malformed: byte 0: the bytes end too early"},
		{"text", []byte("(module)"), "malformed: byte 0: it does not begin as"},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), "the components proposal is not supported: build without it"},
		{"reserved import", assembled(typ, section(secImport, append(appendName(appendName([]byte{1}, ImportModule), "x"), 0, 0)...)), `reserved: its import "wasmflow_meter"`},
		{"reserved export", assembled(typ, fn, section(secExport, append(appendName([]byte{1}, FuelExport), 0, 0)...), empty), `reserved: its export "wasmflow_meter.fuel"`},
		{"unknown section", assembled(section(14)), "malformed: byte 8: there is no section 14"},
		{"order", assembled(fn, typ), "malformed: byte 12 in the function section: type 0, there are 0"},
		{"twice", assembled(typ, typ), "malformed: byte 14: a second type section"},
		{"bytes behind a section", assembled(section(secType, 0, 0)), "malformed: byte 11: 1 bytes too many in the type section"},
		{"vector longer than its bytes", assembled(section(secType, 0xff, 0xff, 1)), "malformed: byte 13 in the type section: a vector of 32767 elements in 0 bytes"},
		{"many types", assembled(section(secType, append([]byte{0xff, 0xff, 0x07}, make([]byte, 131071)...)...)), "too large: 131071 declarations, at most 100000"},
		{"many parameters", assembled(section(secType, append([]byte{1, 0x60, 0xff, 0x0f}, make([]byte, 2047)...)...)), "too large: a function type with 2047 parameters or results, at most 1000"},
		{"number of more than 32 bits", assembled(section(secType, 0xff, 0xff, 0xff, 0xff, 0x10)), "malformed: byte 15 in the type section: a number of more than 32 bits"},
		{"struct type", assembled(section(secType, 1, 0x5f, 0)), "the garbage collection proposal is not supported: build without it"},
		{"typed reference", assembled(section(secType, 1, 0x60, 1, 0x64, 0, 0)), "the typed function references proposal is not supported: build without it"},
		{"exception type", assembled(section(secType, 1, 0x60, 1, 0x69, 0)), "the exception handling proposal is not supported: build without it"},
		{"tag", assembled(section(secTag, 1, 0, 0)), "the exception handling proposal is not supported: build without it"},
		{"no bodies", assembled(typ, fn), "truncated: 1 functions are declared, there is no code section"},
		{"no functions", assembled(typ, empty), "malformed: byte 17 in the code section: 1 bodies for 0 functions"},
		{"shared memory", assembled(section(secMemory, 1, 3, 1, 1)), "the threads proposal is not supported: build without it"},
		{"wide memory", assembled(section(secMemory, 1, 4, 1)), "the memory64 proposal is not supported: build without it"},
		{"page size", assembled(section(secMemory, 1, 8, 1, 0)), "the custom page sizes proposal is not supported: build without it"},
		{"two memories", assembled(section(secMemory, 2, 0, 1, 0, 1)), "the multiple memories proposal is not supported: build without it"},
		{"large memory", assembled(section(secMemory, 1, 0, 0x81, 0x80, 0x04)), "too large: 65537 pages of memory, at most 65536"},
		{"memory of more pages than there are", assembled(section(secMemory, 1, 1, 0, 0x81, 0x80, 0x04)), "malformed: byte 16 in the memory section: a memory of 65537 pages"},
		{"large table", assembled(section(secTable, 1, 0x70, 0, 0xff, 0xff, 0x7f)), "too large: 2097151 table entries"},
		{"table with an initializer", assembled(section(secTable, 1, 0x40, 0, 0x70, 0, 1, 0xd0, 0x70, 0x0b)), "the typed function references proposal is not supported: build without it"},
		{"export of no function", assembled(section(secExport, 1, 1, 'f', 0, 0)), `malformed: byte 15 in the export section: export "f" of function 0, there are 0`},
		{"export of the fuel", assembled(section(secExport, 1, 1, 'g', 3, 0)), "global 0, there are 0"},
		{"start of refuel", assembled(typ, fn, section(secStart, 1), empty), "malformed: byte 21 in the start section: function 1, there are 1"},
		{"global from the fuel", assembled(section(secGlobal, 1, 0x7e, 0, 0x23, 0, 0x0b)), "global 0, there are 0"},
		{"sum in a global", assembled(section(secGlobal, 1, 0x7f, 0, 0x41, 1, 0x41, 1, 0x6a, 0x0b)), "the extended constant expressions proposal is not supported: build without it"},
		{"element of check", assembled(typ, fn, section(secTable, 1, 0x70, 0, 1), section(secElement, 1, 0, 0x41, 0, 0x0b, 1, 2), empty), "function 2, there are 1"},
		{"data without a memory", assembled(section(secData, 1, 0, 0x41, 0, 0x0b, 0)), "there is no memory"},
		{"data that were not announced", assembled(section(secDataCount, 2), section(secData, 1, 1, 0)), "malformed: byte 16: 1 data segments, 2 are announced"},
		{"name that is not UTF-8", assembled(section(secExport, 1, 1, 0xff, 0, 0)), "a name that is not UTF-8"},

		{"2^32-1 locals", code(1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b), "too large: a function with 4294967295 locals, at most 50000"},
		{"locals in groups", code(2, 0xb0, 0xea, 0x01, 0x7f, 0xb0, 0xea, 0x01, 0x7e, 0x0b), "too large: a function with 60000 locals"},
		{"local", code(0, 0x20, 0, 0x1a, 0x0b), "function 0: local 0, there are 0"},
		{"the fuel", code(0, 0x23, 1, 0x1a, 0x0b), "global 1, there are 1"},
		{"set the fuel", code(0, 0x42, 0, 0x24, 1, 0x0b), "global 1, there are 1"},
		{"call of refuel", code(0, 0x10, 1, 0x0b), "function 1, there are 1"},
		{"type of check", code(0, 0x42, 0, 0x41, 0, 0x11, 2, 0, 0x0b), "type 2, there are 1"},
		{"block of a type of ours", code(0, 0x42, 0, 0x02, 2, 0x1a, 0x0b, 0x0b), "block of type 2, there are 1"},
		{"reference to check", code(0, 0xd2, 2, 0x1a, 0x0b), "function 2, there are 1"},
		{"label", code(0, 0x0c, 1, 0x0b), "label 1, there are 1"},
		{"label of a table", code(0, 0x41, 0, 0x0e, 1, 2, 0, 0x0b), "label 2, there are 1"},
		{"table", code(0, 0x41, 0, 0x25, 1, 0x1a, 0x0b), "table 1, there are 1"},
		{"data segment", code(0, 0xfc, 9, 0, 0x0b), "there is no data count section"},
		{"element segment", code(0, 0xfc, 13, 0, 0x0b), "element segment 0, there are 0"},
		{"second memory", code(0, 0x3f, 1, 0x1a, 0x0b), "the multiple memories proposal is not supported: build without it"},
		{"second memory of an access", code(0, 0x41, 0, 0x28, 0x42, 1, 0, 0x1a, 0x0b), "the multiple memories proposal is not supported: build without it"},
		{"alignment", code(0, 0x41, 0, 0x28, 32, 0, 0x1a, 0x0b), "an alignment of 2^32"},
		{"else", code(0, 0x05, 0x0b), "an else without an if"},
		{"second else", code(0, 0x41, 0, 0x04, 0x40, 0x05, 0x05, 0x0b, 0x0b), "an else without an if"},
		{"no end", code(0, 0x02, 0x40, 0x0b), "the bytes end too early"},
		{"bytes behind the end", code(0, 0x0b, 0x0b), "1 bytes too many"},
		{"try", code(0, 0x1f, 0x40, 0, 0x0b, 0x0b), "the exception handling proposal is not supported: build without it"},
		{"tail call", code(0, 0x12, 0, 0x0b), "the tail call proposal is not supported: build without it"},
		{"call of a reference", code(0, 0xd0, 0x70, 0x14, 0, 0x0b), "the typed function references proposal is not supported: build without it"},
		{"struct", code(0, 0xfb, 0, 0, 0x0b), "the garbage collection proposal is not supported: build without it"},
		{"atomic", code(0, 0xfe, 3, 0, 0x0b), "the threads proposal is not supported: build without it"},
		{"wide arithmetic", code(0, 0xfc, 19, 0x0b), "the wide arithmetic proposal is not supported: build without it"},
		{"continuation", code(0, 0xe0, 0, 0x0b), "the stack switching proposal is not supported: build without it"},
		// The runtime reads one byte, 0x80: i16x8.abs, and behind it a block.
		{"relaxed vector", code(0, 0xfd, 0x80, 0x02, 0x0b), "the relaxed SIMD proposal is not supported: build without it"},
		{"no vector instruction", code(0, 0xfd, 0x9a, 0x01, 0x0b), "there is no instruction 0xfd 154"},
		{"no instruction", code(0, 0x27, 0x0b), "there is no instruction 0x27"},
		{"deep blocks", code(bytes.Join([][]byte{{0}, bytes.Repeat([]byte{2, 0x40}, 30_000)}, nil)...), "too large: a function with blocks in blocks to a depth of 10001, at most 10000"},
		{"deep loops", code(bytes.Join([][]byte{{0}, bytes.Repeat([]byte{3, 0x40}, 300)}, nil)...), "too large: 201 loops in each other"},
		{"values of loops", code(bytes.Join([][]byte{{1, 0xb0, 0xea, 1, 0x7f}, bytes.Repeat([]byte{3, 0x40, 0x0b}, 200)}, nil)...), "too large: a function of 13860000 values, at most 13500000 are allowed"},
	} {
		m, err := Rewrite(c.wasm, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || m.Wasm != nil {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
		if !ours(err) {
			t.Errorf("%s: an error of type %T", c.name, err)
		}
	}
}

// ours says whether an error has a type that Rewrite promises.
func ours(err error) bool {
	switch err.(type) {
	case *ReservedError, *UnsupportedError, *LimitError, *TruncatedError, *MalformedError:
		return true
	}
	return false
}

// Limits are what the caller says, and an error says which.
func TestLimits(t *testing.T) {
	t.Parallel()
	wasm := code(1, 3, 0x7f, 0x02, 0x40, 0x03, 0x40, 0x0b, 0x0b, 0x0b)
	for _, c := range []struct {
		limits Limits
		want   string
	}{
		{Limits{}, ""},
		{Limits{ModuleBytes: 20}, "51 bytes, at most 20 are allowed"},
		{Limits{BodyBytes: 5}, "a function of 10 bytes, at most 5 are allowed: divide it"},
		{Limits{Functions: 1, Locals: 3, ModuleLocals: 3, Nesting: 2, Loops: 1, MemoryPages: 1, Tables: 1, TableEntries: 1}, ""},
		{Limits{Locals: 2}, "a function with 3 locals"},
		{Limits{ModuleLocals: 2}, "3 locals in all functions so far"},
		{Limits{Nesting: 1}, "a function with blocks in blocks to a depth of 2"},
		{Limits{Values: 5}, "a function of 6 values, at most 5 are allowed: divide it"},
		{Limits{Values: 69, ModuleValues: 69}, ""},
		{Limits{ModuleValues: 68}, "69 values in all functions so far, at most 68 are allowed"},
	} {
		_, err := Rewrite(wasm, Options{Limits: c.limits})
		var limit *LimitError
		if errors.As(err, &limit) != (c.want != "") || limit != nil && !strings.HasPrefix(limit.Reason, c.want) {
			t.Errorf("%+v: %v", c.limits, err)
		}
	}
}

// Numbers come out in their shortest form. In this one the runtime would see i16x8.shr_s and then what is 16 bytes of a
// constant to everyone else: instructions that nobody has checked.
func TestShortestForm(t *testing.T) {
	t.Parallel()
	hidden := bytes.Repeat([]byte{0x23, 1}, 8)
	long := code(append(append([]byte{0, 0xfd, 0x8c, 0x00}, hidden...), 0x1a, 0x0b)...)
	m, err := Rewrite(long, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(m.Wasm, []byte{0xfd, 0x8c}) || !bytes.Contains(m.Wasm, append([]byte{0xfd, 0x0c}, hidden...)) {
		t.Errorf("%x", m.Wasm)
	}
	short := code(append(append([]byte{0, 0xfd, 0x0c}, hidden...), 0x1a, 0x0b)...)
	if same, err := Rewrite(short, Options{}); err != nil || !bytes.Equal(m.Wasm, same.Wasm) {
		t.Errorf("%v\n%x\n%x", err, m.Wasm, same.Wasm)
	}
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 1 << 31, -1 << 31, 1<<63 - 1, -1 << 63} {
		in := transcript{b: appendS(nil, v)}
		if got := in.copySigned(64); got != v || in.end() != nil || !bytes.Equal(in.out, in.b) {
			t.Errorf("%d became %d, %x, %v", v, got, in.out, in.err)
		}
	}
	for _, b := range [][]byte{{0xff, 0xff, 0xff, 0xff, 0x0f}, {0x80, 0x80, 0x80, 0x80, 0x08}, {0x80, 0x80, 0x80, 0x80, 0x80, 0}} {
		in := transcript{b: b}
		if in.copySigned(32); in.err == nil {
			t.Errorf("%x is no number of 32 bits", b)
		}
	}
}

// Custom sections stay where and what they are, but for those that would be wrong; names move with their functions.
func TestCustomSections(t *testing.T) {
	t.Parallel()
	custom := func(name string, contents ...byte) []byte {
		return append(appendName([]byte{secCustom}, name), contents...)
	}
	module := func(names ...byte) []byte {
		return assembled(
			custom("wasmflow", '{', '}'), section(secType, 1, 0x60, 0, 0), custom("reloc.CODE", 1),
			section(secImport, 1, 1, 'a', 1, 'b', 0, 0), section(secFunction, 1, 0), section(secCode, 1, 2, 0, 0x0b),
			custom(".debug_info", 1, 2), custom("linking", 2), custom("metadata.code.branch_hint", 1), custom("name", names...),
			custom("producers", 0), custom("wasmflow", 0xff, 0x80),
		)
	}
	kept := func(wasm []byte) (list []string) {
		r := transcript{b: wasm, pos: 8}
		for r.left() > 0 {
			id := r.byte()
			s := r.sub(r.u32())
			if id == secCustom {
				list = append(list, fmt.Sprintf("%s %q", s.name(), s.b[s.pos:]))
			}
		}
		return list
	}
	for _, c := range []struct {
		name  string
		names []byte
		want  string
	}{
		{"all", []byte{0, 2, 1, 'm', 1, 7, 2, 0, 1, 'i', 1, 1, 'f', 2, 1, 0, 9, 1, 0}, "\x00\x02\x01m\x01\x34\x04\x00\x01i\x01\x15wasmflow_meter.refuel\x02\x01f\x03\x14wasmflow_meter.check"},
		{"own only", []byte{1, 4, 1, 1, 1, 'f'}, "\x01\x31\x03\x01\x15wasmflow_meter.refuel\x02\x01f\x03\x14wasmflow_meter.check"},
		{"imported only", []byte{1, 4, 1, 0, 1, 'i'}, "\x01\x31\x03\x00\x01i\x01\x15wasmflow_meter.refuel\x03\x14wasmflow_meter.check"},
		{"no such function", []byte{1, 4, 1, 2, 1, 'f'}, ""},
		{"twice", []byte{1, 7, 2, 1, 1, 'f', 1, 1, 'f'}, ""},
		{"2^32-1 names", []byte{1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f}, ""},
		{"not UTF-8", []byte{0, 2, 1, 0xff}, ""},
		{"too short", []byte{1, 9, 1}, ""},
	} {
		m, err := Rewrite(module(c.names...), Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{`wasmflow "{}"`, fmt.Sprintf("name %q", c.want), `producers "\x00"`, `wasmflow "\xff\x80"`}
		if c.want == "" {
			want = append(want[:1], want[2:]...)
		}
		if got := kept(m.Wasm); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// Tables and memories cannot grow beyond the limits, whatever most the module declares for them.
func TestClamped(t *testing.T) {
	t.Parallel()
	wasm := assembled(section(secTable, 3, 0x70, 0, 1, 0x70, 1, 1, 2, 0x6f, 1, 1, 50), section(secMemory, 1, 1, 1, 99))
	m, err := Rewrite(wasm, Options{Limits: Limits{TableEntries: 10, MemoryPages: 20}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]byte{section(secTable, 13, 3, 0x70, 1, 1, 10, 0x70, 1, 1, 2, 0x6f, 1, 1, 10), section(secMemory, 4, 1, 1, 1, 20)} {
		if !bytes.Contains(m.Wasm, want) {
			t.Errorf("%x is not in %x", want, m.Wasm)
		}
	}
}

// What 30 bytes say must not take gigabytes to read.
func TestMemoryIsBounded(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		_, _ = Rewrite(code(1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b), Options{})
		_, _ = Rewrite(assembled(section(secType, 0x9f, 0x8d, 0x06)), Options{})
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes for 200 modules of 70", used)
	}
}
