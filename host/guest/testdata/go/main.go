// A guest by hand, without an SDK: it does what the first record's value says, with as much of the standard library as a
// transform is likely to bring along.
package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"time"
	"unsafe"
)

var (
	in     []byte
	result [64]byte
	kept   [][]byte
)

//go:wasmexport wasmflow_abi_v1
func marker() {}

//go:wasmexport wasmflow_alloc
func alloc(size uint32) uint32 {
	in = make([]byte, size+8)
	return (uint32(uintptr(unsafe.Pointer(&in[0]))) + 7) &^ 7
}

//go:wasmexport wasmflow_init
func initialize(ptr, size uint32) uint64 {
	var settings struct{ Transform string }
	if err := json.Unmarshal(bytes(ptr, size), &settings); err != nil {
		panic(err)
	}
	fmt.Println("init", settings.Transform, time.Now().UTC().Format(time.RFC3339))
	return 0
}

//go:wasmexport wasmflow_transform
func transform(ptr, size uint32) uint64 {
	image := bytes(ptr, size)
	row := image[le(image[20:]):]
	do(string(image[le(row[24:]):][:le(row[28:])]))
	copy(result[:], "WFR1\x40\x00\x30\x00")
	return uint64(uintptr(unsafe.Pointer(&result[0])))<<32 | 64
}

func do(what string) {
	switch what {
	case "panic":
		panic(errors.New("no luck"))
	case "nil":
		var p *int
		fmt.Println(*p)
	case "exit":
		os.Exit(7)
	case "grow":
		for {
			kept = append(kept, make([]byte, 1<<20))
		}
	case "recurse":
		recurse(0)
	case "deadlock":
		<-make(chan int)
	case "spin":
		for {
		}
	case "index":
		fmt.Println(kept[len(what)])
	case "world":
		began := time.Now()
		time.Sleep(time.Hour)
		random := make([]byte, 4)
		_, _ = rand.Read(random)
		log.SetFlags(0)
		log.Print("slept ", time.Since(began).Round(time.Second))
		fmt.Println(began.UnixMilli(), len(os.Args), len(os.Environ()), random, true)
	}
}

func recurse(n int) int { return recurse(n+1) + 1 }

func bytes(ptr, size uint32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(uintptr(ptr))), size)
}

func le(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24 }

func main() {}
