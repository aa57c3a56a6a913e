package guest

import (
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// An import that is refused says who asks for it, where that is known.
func TestAskedBy(t *testing.T) {
	t.Parallel()
	fn := func(params, results string) meter.FuncType { return meter.FuncType{Params: params, Results: results} }
	for _, c := range []struct {
		module, name string
		typ          meter.FuncType
		want         string
	}{
		{wasiModule, "sock_open", fn("", "\x7f"), "sockets: "},
		{wasiModule, "sock_shutdown", fn("", ""), "Go links it where it imports net"},
		{wasiModule, "path_filestat_get", fn("", ""), "files: "},
		{wasiModule, "fd_readdir", fn("", ""), "files: "},
		{wasiModule, "proc_raise", fn("", ""), "signals: "},
		{wasiModule, "random_gte", fn("", ""), "no function of WASI preview1"},
		{"wasi_unstable", "fd_write", fn("", ""), "WASI preview0"},
		{"wasi:sockets/tcp@0.2.0", "x", fn("", ""), "WASI preview2"},
		{"wasi", "thread-spawn", fn("", ""), "threads: "},
		{"wasi_ephemeral_nn", "load", fn("", ""), "a proposal for WASI"},
		{"env", "abort", fn("\x7f\x7f\x7f\x7f", ""), "AssemblyScript asks for it: build with --use abort="},
		{"env", "abort", fn("", ""), "a symbol that the linker did not find"},
		{"env", "seed", fn("", "\x7c"), "AssemblyScript"},
		{"env", "console.log", fn("\x7f", ""), "AssemblyScript"},
		{"env", "Date.now", fn("", "\x7c"), "AssemblyScript"},
		{"env", "emscripten_notify_memory_growth", fn("\x7f", ""), "Emscripten"},
		{"env", "_emscripten_throw_longjmp", fn("", ""), "Emscripten"},
		{"env", "invoke_vii", fn("", ""), "Emscripten"},
		{"env", "__syscall_openat", fn("", ""), "Emscripten"},
		{"env", "__cxa_throw", fn("", ""), "C++ exceptions"},
		{"GOT.mem", "x", fn("", ""), "dynamic linking"},
		{"env", "proxy_log", fn("", ""), "Envoy"},
		{"redpanda_transform", "check_abi_version_1", fn("", ""), "Redpanda"},
		{"extism:host/env", "alloc", fn("", ""), "Extism"},
		{"env", "strlen", fn("", ""), "a symbol that the linker did not find"},
		{"env", "my_function", fn("", ""), "a symbol that the linker did not find"},
		{"gojs", "runtime.ticks", fn("", ""), "TinyGo"},
		{"gojs", "runtime.wasmExit", fn("", ""), "Go built for JavaScript"},
		{"go", "debug", fn("", ""), "Go built for JavaScript"},
		{"__wbindgen_placeholder__", "__wbindgen_throw", fn("", ""), "wasm-bindgen"},
		{"__wbindgen_externref_xform__", "x", fn("", ""), "wasm-bindgen"},
		{"wbg", "__wbg_now", fn("", ""), "wasm-bindgen"},
		{"./payments_bg.js", "__wbg_now", fn("", ""), "wasm-bindgen"},
		{"wasmflow", "lgo", fn("", ""), "misspelt"},
		{"other", "f", fn("", ""), ""},
	} {
		got := askedBy(meter.Extern{Module: c.module, Name: c.name, Kind: "func", Type: c.typ})
		if !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s %s%s: %q, want %q", c.module, c.name, c.typ, got, c.want)
		}
	}
	if got := askedBy(meter.Extern{Module: "env", Name: "memory", Kind: "memory"}); !strings.Contains(got, "--import-memory") {
		t.Errorf("memory: %q", got)
	}
}
