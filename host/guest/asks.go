package guest

import (
	"strings"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// asking is who asks for imports that are not offered, and what to do about it. A pattern with "*" at its end stands for all that
// begin so; typ, where it is given, for functions of this signature alone.
type asking struct{ module, name, typ, hint string }

// askers are known; the first that fits is told.
var askers = []asking{
	{wasiModule, "sock_*", "", "sockets: a guest reaches no network; Go links it where it imports net or net/http, as does C where it opens a socket"},
	{wasiModule, "path_*", "", "files: a guest reaches none; Go links it where it opens files, time.LoadLocation does too"},
	{wasiModule, "fd_*", "", "files: a guest reaches none"},
	{wasiModule, "thread*", "", "threads: a guest is one thread"},
	{wasiModule, "proc_raise", "", "signals: there are none"},
	{wasiModule, "*", "", "no function of WASI preview1 has this name"},
	{"wasi_unstable", "*", "", "WASI preview0: build with a newer compiler, for " + wasiModule},
	{"wasi:*", "*", "", "WASI preview2: build for wasm32-wasip1 or wasm32-unknown-unknown"},
	{"wasi", "thread*", "", "threads: a guest is one thread"},
	{"wasi_*", "*", "", "a proposal for WASI: only " + wasiModule + " is here"},

	// AssemblyScript names what its runtime and its bindings to JavaScript need (std/assembly/builtins.ts, bindings/dom.ts).
	{"env", "abort", "(i32, i32, i32, i32) -> ()", "AssemblyScript asks for it: build with --use abort="},
	{"env", "seed", "() -> f64", "AssemblyScript asks for it, for Math.random: build with --use seed=, and a random function of your own"},
	{"env", "trace", "", "AssemblyScript asks for it: take trace() out"},
	{"env", "console.*", "", "AssemblyScript asks for it, for JavaScript's console: log through the SDK"},
	{"env", "Date.now", "", "AssemblyScript asks for it: take the time of the record or of the batch"},
	{"env", "performance.now", "", "AssemblyScript asks for it: take the time of the record or of the batch"},

	{"env", "emscripten_*", "", emscripten},
	{"env", "_emscripten_*", "", emscripten},
	{"env", "__syscall_*", "", emscripten},
	{"env", "invoke_*", "", emscripten},
	{"env", "setTempRet0", "", emscripten},
	{"env", "getTempRet0", "", emscripten},
	{"env", "__cxa_*", "", "C++ exceptions: build with -fno-exceptions, or link libc++abi"},
	{"GOT.*", "*", "", "dynamic linking: build a module of its own, without -fPIC"},

	{"env", "proxy_*", "", "built for Envoy (proxy-wasm): build it with a wasmflow SDK"},
	{"redpanda_transform", "*", "", "built for Redpanda's data transforms: build it with a wasmflow SDK"},
	{"extism:host/*", "*", "", "built for Extism: build it with a wasmflow SDK"},

	{"env", "memory", "", "an imported memory: build without --import-memory"},
	{"env", "__linear_memory", "", "an object file, not a module: link it"},
	{"env", "__indirect_function_table", "", "an imported table: build without --import-table"},
	{"env", "*", "", "a symbol that the linker did not find"},

	{"gojs", "runtime.ticks", "", "TinyGo built for JavaScript: build with GOOS=wasip1 GOARCH=wasm -buildmode=c-shared"},
	{"gojs", "runtime.sleepTicks", "", "TinyGo built for JavaScript: build with GOOS=wasip1 GOARCH=wasm -buildmode=c-shared"},
	{"gojs", "*", "", "Go built for JavaScript: build with GOOS=wasip1 GOARCH=wasm -buildmode=c-shared"},
	{"go", "*", "", "Go built for JavaScript: build with GOOS=wasip1 GOARCH=wasm -buildmode=c-shared"},
	{"__wbindgen*", "*", "", wasmBindgen},
	{"wbg", "*", "", wasmBindgen},
	{abi.ImportModule, "*", "", "built for a later version of the host, or misspelt"},
}

const (
	emscripten  = "Emscripten asks for it: build a standalone reactor with clang or zig"
	wasmBindgen = "wasm-bindgen asks for it: a crate with its js feature, often getrandom, chrono or uuid; cargo tree -i wasm-bindgen names it"
)

// askedBy is what is known of who asks for an import; it is empty where nothing is.
func askedBy(x meter.Extern) string {
	for _, a := range askers {
		if fits(a.module, x.Module) && fits(a.name, x.Name) && (a.typ == "" || x.Kind == "func" && a.typ == x.Type.String()) {
			return a.hint
		}
	}
	if strings.HasSuffix(x.Module, "_bg.js") {
		return wasmBindgen
	}
	return ""
}

func fits(pattern, name string) bool {
	begin, open := strings.CutSuffix(pattern, "*")
	return name == pattern || open && strings.HasPrefix(name, begin)
}
