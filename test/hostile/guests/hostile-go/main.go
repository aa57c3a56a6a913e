// Command hostile-go is a guest that does what the value of each record says, for good or ill, and forwards what says nothing.
// It has a twin in Rust.
package main

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"time"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
)

func init() { wasmflow.Transform(act) }

func act(in wasmflow.Record, out *wasmflow.Output) error {
	switch string(in.Value()) {
	case "loop":
		return out.Send(in, fmt.Append(nil, endless()))
	case "exponential":
		return out.Send(in, fmt.Append(nil, twice(64)))
	case "recurse":
		return out.Send(in, fmt.Append(nil, deeper(1)))
	case "work":
		return out.Send(in, fmt.Append(nil, work()))
	case "world":
		return out.Send(in, []byte(world()))
	}
	return out.Forward(in)
}

//go:noinline
func endless() uint64 {
	for n := uint64(1); ; n += 2 {
		if n == 0 { // never: it is odd
			return n
		}
	}
}

// twice returns in some thousand years: each call makes two.
func twice(n uint64) uint64 {
	if n == 0 {
		return 1
	}
	return twice(n-1) + twice(n-1)
}

// deeper would end once n has come round.
func deeper(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	return deeper(n+1) + n
}

// work takes some seconds.
func work() uint64 {
	sum := uint64(1)
	for n := range uint64(2_000_000_000) {
		sum = bits.RotateLeft64(sum, 5) ^ n
	}
	return sum
}

// world is what can be seen of the world: two clocks, random numbers, the order of a map, garbage that is collected.
func world() string {
	began := time.Now()
	seen := map[int]bool{}
	for n := range 20 {
		seen[n*n] = true
	}
	order := []int{}
	for n := range seen {
		order = append(order, n)
	}
	for range 100 {
		order = append([]int{}, order...)
	}
	return fmt.Sprint(began.UnixNano(), time.Since(began), rand.Uint64(), order)
}

func main() {}
