package guest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

func refusedOf(t testing.TB, err error) *RefusedError {
	t.Helper()
	var refused *RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, not a refusal", err)
	}
	return refused
}

func TestRefused(t *testing.T) {
	t.Parallel()
	const notOffered = "it imports the func "
	for _, c := range []struct {
		guest    string
		problems []string
		imports  bool
	}{
		{"no_alloc", []string{"it has no export wasmflow_alloc (i32) -> i32"}, false},
		{"no_init", []string{"it has no export wasmflow_init (i32, i32) -> i64"}, false},
		{"no_marker", []string{"it has no export wasmflow_abi_v1, so it does not say that it speaks the ABI: build it with a wasmflow SDK"}, false},
		{"marker_v2", []string{"it speaks wasmflow_abi_v2, this host speaks v1: build it with an SDK of this version"}, false},
		{"wrong_signature", []string{
			"its export wasmflow_alloc is a global, not a function",
			"its export wasmflow_transform is (i32) -> i64, not (i32, i32) -> i64",
		}, false},
		{"two_problems", []string{
			"it has no export wasmflow_abi_v1, so it does not say that it speaks the ABI: build it with a wasmflow SDK",
			notOffered + `"env" "now", which is not offered (a symbol that the linker did not find)`,
		}, true},
		{"sockets", []string{notOffered + `"wasi_snapshot_preview1" "sock_accept", which is not offered (sockets: a guest reaches no network; Go links it where it imports net or net/http, as does C where it opens a socket)`}, true},
		{"files", []string{notOffered + `"wasi_snapshot_preview1" "path_open", which is not offered (files: a guest reaches none; Go links it where it opens files, time.LoadLocation does too)`}, true},
		{"abort", []string{notOffered + `"env" "abort", which is not offered (AssemblyScript asks for it: build with --use abort=)`}, true},
		{"wrong_import", []string{
			`it imports "wasmflow" "log" as (i64) -> (), which is (i32, i32, i32) -> ()`,
			`it imports "wasmflow" "fail" as a global, which is a function`,
		}, true},
		{"reserved_state", []string{`it imports "wasmflow" "state_get", which is reserved for a later version of the host`}, true},
		{"reserved_meter", []string{`it imports "wasmflow_meter" "refuel", which is reserved for a later version of the host`}, true},
		{"reserved_fuel", []string{`reserved: its export "wasmflow_meter.fuel" is the host's: give the module as its compiler made it`}, false},
		{"tick", []string{"the export wasmflow_tick is reserved for a later version of the host"}, false},
		{"memory_large", []string{"its memory begins with 1025 pages of 64 KiB (67174400 bytes), more than the limit of 67108864 bytes: raise the limit, or build it with a smaller stack"}, false},
		{"memory_imported", []string{`it imports the memory "env" "memory", which is not offered (an imported memory: build without --import-memory)`}, true},
		{"memory_hidden", []string{`it does not export its memory as "memory"`}, false},
		{"program", []string{
			"it has no export wasmflow_init (i32, i32) -> i64",
			"it exports _start, as a program does: a guest is a reactor (Go: -buildmode=c-shared, Rust: crate-type cdylib)",
		}, false},
	} {
		wasm := wasmOf(t, c.guest)
		m, err := Load(t.Context(), Config{Name: "x", Wasm: wasm})
		refused := refusedOf(t, err)
		if d := cmp.Diff(c.problems, refused.Problems); d != "" || m != nil {
			t.Errorf("%s: %s", c.guest, d)
		}
		if (refused.Allowed != "") != c.imports || c.imports && !strings.Contains(err.Error(), `allowed: log, fail of "wasmflow"; args_get`) {
			t.Errorf("%s: %s", c.guest, err)
		}
		if want := `transform "x" (module ` + refused.Digest[:12] + ") is refused: " + c.problems[0]; !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %s", c.guest, err)
		}
		info, err := Inspect(t.Context(), wasm)
		if d := cmp.Diff(c.problems, info.Problems); err != nil || d != "" {
			t.Errorf("inspect %s: %v %s", c.guest, err, d)
		}
	}
}

func TestNotWasm(t *testing.T) {
	t.Parallel()
	good := wasmOf(t, "identity")
	with := func(at int, b ...byte) []byte {
		c := bytes.Clone(good)
		copy(c[at:], b)
		return c
	}
	for _, c := range []struct {
		wasm []byte
		want string
	}{
		{[]byte{}, "not WebAssembly: there are no bytes"},
		{[]byte("\x00as"), "truncated: 3 bytes, the preamble of a module alone has 8"},
		{[]byte(" \n(module)"), "not WebAssembly but its text format"},
		{[]byte("\x7fELF\x02\x01\x01"), "not WebAssembly but a native ELF file"},
		{[]byte("\x1f\x8b\x08\x00"), "not WebAssembly but gzip"},
		{[]byte("hello"), `not WebAssembly: begins with "hell" instead of "\x00asm"`},
		{with(4, 2), "WebAssembly of version 2; version 1 is supported"},
		{with(4, 0x0d, 0, 1, 0), "a WebAssembly component (layer 1), not a core module"},
		{with(8, 99), "malformed: byte 8: there is no section 99"},
		{append(bytes.Clone(good), 1, 1, 0), "a second type section"},
		{append(bytes.Clone(good), 0, 5), "truncated: the custom section at byte"},
	} {
		_, err := Load(t.Context(), Config{Name: "x", Wasm: c.wasm})
		if refused := refusedOf(t, err); len(refused.Problems) != 1 || !strings.HasPrefix(refused.Problems[0], c.want) && !strings.HasSuffix(refused.Problems[0], c.want) {
			t.Errorf("%.10q: got %q", c.wasm, refused.Problems)
		}
		info, err := Inspect(t.Context(), c.wasm)
		refusedOf(t, err)
		if info.Size != len(c.wasm) || len(info.Digest) != 64 || len(info.Problems) != 1 {
			t.Errorf("%.10q: got %+v", c.wasm, info)
		}
	}
}

// A module that ends early is refused wherever it ends.
func TestTruncated(t *testing.T) {
	t.Parallel()
	good := wasmOf(t, "identity")
	for n := range good {
		m, err := Load(t.Context(), Config{Wasm: good[:n:n]})
		if m != nil {
			// All that is cut off are the names.
			if err := m.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if n < bytes.Index(good, []byte("\x04name"))-2 {
				t.Errorf("%d of %d bytes were accepted", n, len(good))
			}
			continue
		}
		if refused := refusedOf(t, err); len(refused.Problems) == 0 {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	// What a compiler makes has more sections to end in.
	for name, c := range guests(t) {
		if !strings.HasSuffix(name, "-rust") {
			continue
		}
		code := bytes.LastIndex(c.Wasm, []byte("\x04name")) - 8
		for n := 8; n < code; n += max(1, code/199) {
			cut := c
			cut.Wasm = c.Wasm[:n:n]
			if m, err := Load(t.Context(), cut); m != nil || len(refusedOf(t, err).Problems) == 0 {
				t.Errorf("%s: %d of %d bytes: %v", name, n, code, err)
			}
		}
	}
}

// Flipped bytes are refused or accepted; nothing panics, and nothing makes the compiler ask for gigabytes.
func TestDamaged(t *testing.T) {
	t.Parallel()
	good := wasmOf(t, "identity")
	for n := 8; n < len(good); n++ {
		for _, v := range []byte{0x00, 0x7f, 0x80, 0xff} {
			bad := bytes.Clone(good)
			bad[n] = v
			if _, err := Inspect(t.Context(), bad); err != nil {
				refusedOf(t, err)
			}
		}
	}
}

// section is a section of a module.
func section(id byte, content ...byte) []byte {
	return append(binary.AppendUvarint([]byte{id}, uint64(len(content))), content...)
}

// custom is a custom section.
func custom(name, content string) []byte {
	return section(0, append([]byte{byte(len(name))}, name+content...)...)
}

func TestBombs(t *testing.T) {
	t.Parallel()
	head := []byte("\x00asm\x01\x00\x00\x00")
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	oneFunc := append(section(1, 1, 0x60, 0, 0), section(3, 1, 0)...)
	for _, c := range []struct {
		name, want string
		body       []byte
	}{
		{"locals", "a function with 4294967295 locals, at most 50000 are allowed", slices.Concat(oneFunc, section(10, append(append([]byte{1, 9, 1}, huge...), 0x7f, 0x0b, 0)[:11]...))},
		{"types", "a vector of 4294967295 elements in 0 bytes", section(1, huge...)},
		{"params", "a vector of 4294967295 elements in 0 bytes", section(1, append([]byte{1, 0x60}, huge...)...)},
		{"functions", "a vector of 4294967295 elements", section(3, huge...)},
		{"elements", "a vector of 4294967295 elements", section(9, append([]byte{1, 0, 0x41, 0, 0x0b}, huge...)...)},
		{"data", "the bytes end too early", section(11, append([]byte{1, 0, 0x41, 0, 0x0b}, huge...)...)},
		{"number", "a number of more than 32 bits", section(3, 0xff, 0xff, 0xff, 0xff, 0x1f)},
		{"gc", "the garbage collection proposal is not supported", section(1, 1, 0x5f, 0)},
		{"tag", "the exception handling proposal is not supported", section(13, 1, 0, 0)},
		{"utf8", "a name that is not UTF-8", section(7, 1, 1, 0xff, 0, 0)},
		{"no code", "1 functions are declared, there is no code section", oneFunc},
		{"more code", "2 bodies for 1 functions", slices.Concat(oneFunc, section(10, 2, 2, 0, 0x0b, 2, 0, 0x0b))},
		{"rest", "1 bytes too many in the type section", section(1, 0, 0)},
	} {
		_, err := Load(t.Context(), Config{Wasm: slices.Concat(head, c.body)})
		if refused := refusedOf(t, err); !strings.Contains(refused.Problems[0], c.want) {
			t.Errorf("%s: got %q", c.name, refused.Problems)
		}
	}
}

func TestMemoryKinds(t *testing.T) {
	t.Parallel()
	// The memory section of the identity guest: one memory, no maximum, one page.
	good := wasmOf(t, "identity")
	at := bytes.Index(good, []byte{5, 3, 1, 0, 1})
	if at < 0 {
		t.Fatal("there is no memory section")
	}
	for _, c := range []struct{ section, want string }{
		{"\x05\x04\x01\x03\x01\x02", "its memory is shared: build without threads"},
		{"\x05\x03\x01\x04\x01", "its memory is 64-bit: build for wasm32"},
		{"\x05\x05\x02\x00\x01\x00\x01", "it has 2 memories, not one"},
		{"\x05\x01\x00", "it has 0 memories, not one"},
	} {
		info, err := Inspect(t.Context(), slices.Concat(good[:at], []byte(c.section), good[at+5:]))
		if d := cmp.Diff([]string{c.want}, info.Problems); err != nil || d != "" {
			t.Errorf("%v %s", err, d)
		}
	}
	// A maximum above the limit is no reason: the limit holds.
	info, err := Inspect(t.Context(), slices.Concat(good[:at], []byte("\x05\x06\x01\x01\x01\x80\x80\x04"), good[at+5:]))
	if err != nil || len(info.Problems) > 0 || *info.Memory.MaxPages != 65536 {
		t.Errorf("got %v, %+v", err, info)
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	meta := `{"abi":1,"name":"upper"}`
	wasm := slices.Concat(wasmOf(t, "exit"),
		custom("wasmflow", meta),
		custom("producers", "\x01\x08language\x01\x04Rust\x042021"))
	info, err := Inspect(t.Context(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Digest) != 64 {
		t.Errorf("digest %q", info.Digest)
	}
	info.Digest = ""
	want := Info{
		Size: len(wasm), ABI: []int{1}, Problems: []string{},
		Imports: []Extern{{"wasi_snapshot_preview1", "proc_exit", "func", "(i32) -> ()"}},
		Exports: []Extern{
			{"", "memory", "memory", ""},
			{"", "wasmflow_abi_v1", "func", "() -> ()"},
			{"", "wasmflow_alloc", "func", "(i32) -> i32"},
			{"", "wasmflow_init", "func", "(i32, i32) -> i64"},
			{"", "wasmflow_transform", "func", "(i32, i32) -> i64"},
		},
		Memory: &Memory{MinPages: 4}, Meter: &Meter{FuelExact, meter.Version}, Metadata: json.RawMessage(meta),
		Producers: []Producer{{"language", "Rust", "2021"}},
	}
	if d := cmp.Diff(want, info); d != "" {
		t.Error(d)
	}
	b, err := json.Marshal(info)
	if err != nil || !strings.Contains(string(b), `"memory":{"min_pages":4},"metadata":{"abi":1,"name":"upper"}`) {
		t.Errorf("%s %v", b, err)
	}
	// What only the compiler finds: transform returns an i32.
	bad := wasmOf(t, "exit")
	at := bytes.LastIndex(bad, []byte{0x42, 0, 0x0b})
	bad[at] = 0x41
	info, err = Inspect(t.Context(), bad)
	if err != nil || len(info.Problems) != 1 || !strings.HasPrefix(info.Problems[0], "it is not valid WebAssembly: ") {
		t.Errorf("got %v, %v", err, info.Problems)
	}
}
