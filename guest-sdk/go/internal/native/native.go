// Package native joins package wasmflowtest to the SDK: it is the host's side of the ABI where a guest is compiled for the
// machine that it is tested on.
package native

// What the SDK's native stub gives: the exports of ABI v1. Transform's result image is contiguous and the caller's; a
// panic of the guest passes through.
var (
	Alloc     func(size uint32) []byte
	Init      func(length uint32) (text string)
	Transform func(length uint32) (image []byte)
)

// Log is the import of that name. Nil drops the lines.
var Log func(level uint32, text string)
