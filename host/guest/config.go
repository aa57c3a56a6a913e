package guest

import (
	"context"
	"time"

	"github.com/wasmflow/wasmflow/abi"
)

// Defaults of Limits.
const (
	DefaultMemory        = 64 << 20
	DefaultOutputRecords = 100_000
	DefaultOutputBytes   = 32 << 20
	DefaultTimeout       = 2 * time.Second
)

// Config says which transform to load and what it may use. Either Wasm or Native is given.
type Config struct {
	// Name of the transform, in logs and errors and in the settings image.
	Name string
	// Wasm is the module: a core WebAssembly module that speaks ABI v1 (abi/SPEC.md). It is read, never kept or written to.
	Wasm []byte
	// Native stands where a module stands: a transform in Go, trusted, without limits but those on its result.
	Native Func
	// Outputs are the names that the transform may write to, the default one first. A Host fills it from its own outputs.
	Outputs []string
	// Params is the transform's own configuration (`config:` in a pipeline's file), handed to init as JSON.
	Params map[string]any
	// Limits of each instance and call.
	Limits Limits
	// Capabilities that the module is granted; none by default.
	Capabilities Capabilities
	// LookupEnv finds the variables of Capabilities.Env; nil means os.LookupEnv.
	LookupEnv func(name string) (value string, ok bool)
	// Cache keeps compiled modules; nil compiles at every Load.
	Cache *Cache
	// Log receives what instances log, from any goroutine that runs one; nil drops it. It gets at most 100 lines a second from
	// each instance, and then the number of those that were dropped.
	Log func(LogLine)
}

// Limits bound what an instance may use. Zero fields mean the defaults.
type Limits struct {
	// Memory of an instance in bytes, rounded down to pages of 64 KiB; 64 MiB by default.
	Memory int64
	// InputBytes bounds the input image of one call; larger batches are split. Memory/4 by default.
	InputBytes int64
	// OutputRecords bounds the result records of one call, and their headers; 100,000 by default.
	OutputRecords int
	// OutputBytes bounds the sum of key, value and header bytes over all result records of one call, as they will be
	// produced: what records share or inherit counts each time. 32 MiB by default.
	OutputBytes int64
	// Timeout is the wall time of one call, and of the initialization of an instance; 2 s by default.
	Timeout time.Duration
	// FuelPerBatch and FuelPerRecord bound what one call may use, in units of FuelMode: the first as a whole, the second for
	// each record of its batch on average. 0 is no limit. Initialization is bounded by Timeout alone.
	FuelPerBatch, FuelPerRecord int64
	// FuelMode is how fuel is counted; FuelExact by default.
	FuelMode FuelMode
}

// Env is what one call runs in.
type Env struct {
	// Arena holds the result: it stays valid until the arena is reset.
	Arena *abi.Arena
}

// Func is a transform in Go that stands where a module stands (Config.Native). It is called by one goroutine at a time for
// each instance, and by several for several; it must not keep or write to what it is given. Its result is held to the same
// limits as a guest's: sources ascend in no particular order but exist, outputs are indices into Config.Outputs.
// An error or a panic is a trap. Records of the result may be taken from env.Arena.
type Func func(ctx context.Context, env Env, batch abi.Batch) (abi.Result, error)

// LogLine is one line that a guest logged.
type LogLine struct {
	// Transform that logged it.
	Transform string
	Level     abi.Level
	// Text is valid UTF-8 without a line end, at most 4 KiB.
	Text string
	// Stream is "log" for the import, "stdout" or "stderr" for what the guest printed, "host" for what is said about it: lines
	// that were dropped, a compilation cache that could not be used.
	Stream string
}
