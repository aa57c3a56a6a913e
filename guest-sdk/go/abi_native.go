//go:build !wasip1

package wasmflow

import (
	"unsafe"

	"github.com/wasmflow/wasmflow/guest-sdk/go/internal/native"
)

// Where a guest is compiled for the machine that it is tested on, package wasmflowtest stands in for the host.
func init() {
	instance.output.roomsApart = true
	native.Alloc = instance.alloc
	native.Init = func(length uint32) string {
		// The last registration counts, so that each test can register its own.
		instance.transforms, instance.starts = min(1, instance.transforms), min(1, instance.starts)
		return instance.init(instance.bytes(length))
	}
	native.Transform = func(length uint32) []byte {
		instance.transform(instance.bytes(length))
		return instance.output.image()
	}
}

func hostLog(level uint32, text string) {
	if native.Log != nil {
		native.Log(level, text)
	}
}

// lend gives out a room that is not in the image, where roomsApart says so. Inside, it would depend on the image's size
// whether a write after Send arrives; apart it never does, and each test shows the mistake.
func (o *Output) lend(room []byte) []byte {
	if !o.roomsApart {
		return room
	}
	o.moved = make([]byte, len(room))
	return o.moved
}

// image is the result image in one piece. On Wasm its parts stay where they are.
func (o *Output) image() []byte {
	h := o.head()
	h.rowsAt = headSize
	h.headsAt = h.rowsAt + h.records*rowSize
	h.refuseAt = h.headsAt + h.headers*headerSize
	h.blobAt = h.refuseAt + h.refusals*uint32(unsafe.Sizeof(refusalEntry{}))
	image := append([]byte(nil), raw([]resultHead{h})...)
	image = append(image, raw(o.rows[:o.length.rows])...)
	image = append(image, raw(o.headers[:o.length.headers])...)
	image = append(image, raw(o.refusals[:o.nrefused])...)
	return append(image, o.blob[:o.length.blob]...)
}

// raw is the memory of a slice of the images' structs.
func raw[T any](s []T) []byte {
	var t T
	return unsafe.Slice((*byte)(start(s)), len(s)*int(unsafe.Sizeof(t)))
}
