// Package abi is the contract between a host and a guest: the names of ABI v1, its limits, and the bytes of its two images.
//
// SPEC.md beside this file is normative; everything here follows it. The package imports the standard library only and knows
// neither Wasm nor Kafka.
package abi

import "encoding/json"

// Version is the version of the ABI that this package speaks (SPEC.md).
const Version = 1

// Names of the exports of a guest (SPEC.md, "Exports").
const (
	// ExportMemory is the guest's one linear memory.
	ExportMemory = "memory"
	// ExportMarker says which ABI a guest speaks. It is never called.
	ExportMarker = "wasmflow_abi_v1"
	// ExportMarkerPrefix begins the marker of every version of the ABI.
	ExportMarkerPrefix = "wasmflow_abi_v"
	// ExportAlloc gives the host a buffer for an input image: (size i32) -> ptr i32.
	ExportAlloc = "wasmflow_alloc"
	// ExportInit hands the settings image over, once an instance: (ptr i32, len i32) -> i64.
	ExportInit = "wasmflow_init"
	// ExportTransform transforms a batch: (ptr i32, len i32) -> i64.
	ExportTransform = "wasmflow_transform"
	// ExportRecord gives the address of the index of the record that the guest is at, where it keeps one: () -> ptr i32.
	ExportRecord = "wasmflow_record"
	// ExportInitialize is a reactor's start function, called first where it is exported (WASI application ABI).
	ExportInitialize = "_initialize"
	// ExportTick is reserved: a module that exports it is refused.
	ExportTick = "wasmflow_tick"
)

// Names of the imports of a guest (SPEC.md, "Imports").
const (
	// ImportModule is the module name of all functions that a host offers.
	ImportModule = "wasmflow"
	// ImportLog writes a line to the host's log: (level i32, ptr i32, len i32).
	ImportLog = "log"
	// ImportFail tells the host the text of a panic, just before the guest traps: (ptr i32, len i32).
	ImportFail = "fail"
	// ReservedModule is a module name that no guest may import from.
	ReservedModule = "wasmflow_meter"
)

// ReservedImports are names of ImportModule that later versions of a host offer; a module that imports one is refused.
var ReservedImports = []string{"state_get", "state_put", "state_delete", "state_scan", "schema"}

// Level is a level of a guest's log line (SPEC.md, "Imports").
type Level uint32

// Levels of a log line, least first.
const (
	LevelDebug Level = iota
	LevelInfo
	LevelWarn
	LevelError
)

// Settings is the settings image: JSON, handed to ExportInit once an instance (SPEC.md, "Settings image").
type Settings struct {
	// ABI is Version.
	ABI int `json:"abi"`
	// Transform is the name that the configuration gives to the transform.
	Transform string `json:"transform"`
	// Outputs are the names that the guest may write to; a result record names one by its index. The default output is the first.
	Outputs []string `json:"outputs"`
	// Stores are the names of the stores; reserved, empty.
	Stores []string `json:"stores"`
	// Features are the names of optional abilities of the host; none are defined.
	Features []string `json:"features"`
	// Config is the transform's own configuration, a JSON object.
	Config json.RawMessage `json:"config"`
}
