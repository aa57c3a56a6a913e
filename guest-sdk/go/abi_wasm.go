//go:build wasip1

package wasmflow

import "unsafe"

// The functions below are the ABI (abi/SPEC.md). Addresses are made from pointers here, at the edge, and never turned
// back: Go's collector does not move what it manages, and what they name is kept in instance.

//go:wasmimport wasmflow log
func importLog(level uint32, text unsafe.Pointer, length uint32)

//go:wasmimport wasmflow fail
func importFail(text unsafe.Pointer, length uint32)

func hostLog(level uint32, text string) {
	importLog(level, unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)))
}

// lend gives out a room as it is.
func (o *Output) lend(room []byte) []byte { return room }

//go:wasmexport wasmflow_abi_v1
func exportMarker() {}

//go:wasmexport wasmflow_alloc
func exportAlloc(size uint32) uint32 {
	return address(start(instance.alloc(size)))
}

// initError is what init refused with: the host reads it after the call.
var initError string

//go:wasmexport wasmflow_init
func exportInit(at, length uint32) uint64 {
	defer report()
	text := instance.init(given(at, length))
	if text == "" {
		return 0
	}
	initError = text
	return packed(unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)))
}

// resultHeader is the header of the last result: the host reads it after the call.
var resultHeader resultHead

//go:wasmexport wasmflow_transform
func exportTransform(at, length uint32) uint64 {
	defer report()
	instance.transform(given(at, length))
	o := &instance.output
	h := o.head()
	base := address(unsafe.Pointer(&resultHeader))
	h.rowsAt, h.headsAt = address(start(o.rows))-base, address(start(o.headers))-base
	h.refuseAt, h.blobAt = address(start(o.refusals))-base, address(start(o.blob))-base
	resultHeader = h
	return packed(unsafe.Pointer(&resultHeader), headSize)
}

//go:wasmexport wasmflow_record
func exportRecord() uint32 { return address(unsafe.Pointer(&instance.record)) }

// given is the image that the host wrote. It has one place to write to: what alloc returned last.
func given(at, length uint32) []byte {
	if image := instance.bytes(length); address(start(image)) == at {
		return image
	}
	panic("wasmflow: an image that is not where wasmflow_alloc put it")
}

// report tells the host why the guest is about to trap, and lets the panic go on: Go prints it with its stack, and traps.
func report() {
	if v := recover(); v != nil {
		text := panicText(v)
		importFail(unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)))
		panic(v)
	}
}

func address(p unsafe.Pointer) uint32 { return uint32(uintptr(p)) }

func packed(p unsafe.Pointer, length uint32) uint64 {
	return uint64(address(p))<<32 | uint64(length)
}
