package guest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

func ExampleLoad() {
	ctx := context.Background()
	wasm, err := os.ReadFile("testdata/identity.wasm")
	if err != nil {
		log.Fatal(err)
	}
	module, err := guest.Load(ctx, guest.Config{Name: "copy", Wasm: wasm, Outputs: []string{"out"}})
	if err != nil {
		log.Fatal(err)
	}
	defer module.Close(ctx)
	instance, err := module.Instantiate(ctx)
	if err != nil {
		log.Fatal(err)
	}
	result, err := instance.Transform(ctx, guest.Env{}, abi.Batch{
		Topic:   "in",
		Records: []abi.Record{{Key: []byte("a"), Value: []byte("one"), Offset: 7}, {Key: []byte("b"), Offset: 8}},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range result.Records {
		fmt.Printf("record %d: %s = %q, null: %v\n", r.Source, r.Key, r.Value, r.Value == nil)
	}
	// Output:
	// record 0: a = "one", null: false
	// record 1: b = "", null: true
}

func ExampleTrapError() {
	ctx := context.Background()
	wasm, err := os.ReadFile("testdata/fail.wasm")
	if err != nil {
		log.Fatal(err)
	}
	module, err := guest.Load(ctx, guest.Config{Name: "broken", Wasm: wasm})
	if err != nil {
		log.Fatal(err)
	}
	defer module.Close(ctx)
	instance, err := module.Instantiate(ctx)
	if err != nil {
		log.Fatal(err)
	}
	_, err = instance.Transform(ctx, guest.Env{}, abi.Batch{Topic: "in"})
	var trap *guest.TrapError
	if errors.As(err, &trap) {
		fmt.Println(trap.Kind, "|", trap.Message, "|", trap.Stack)
	}
	_, err = instance.Transform(ctx, guest.Env{}, abi.Batch{Topic: "in"})
	fmt.Println(err)
	// Output:
	// unreachable | boom at src/lib.rs:3:5 | [wasmflow_transform]
	// the instance was discarded: instantiate the module again
}

func ExampleInspect() {
	wasm, err := os.ReadFile("testdata/two_problems.wasm")
	if err != nil {
		log.Fatal(err)
	}
	info, err := guest.Inspect(context.Background(), wasm)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Size, "bytes,", info.Memory.MinPages, "pages")
	for _, p := range info.Problems {
		fmt.Println(p)
	}
	// Output:
	// 192 bytes, 4 pages
	// it has no export wasmflow_abi_v1, so it does not say that it speaks the ABI: build it with a wasmflow SDK
	// it imports the func "env" "now", which is not offered (a symbol that the linker did not find)
}

func ExampleOpenCache() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "modules")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cache, err := guest.OpenCache(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close(ctx)
	wasm, err := os.ReadFile("testdata/identity.wasm")
	if err != nil {
		log.Fatal(err)
	}
	module, err := guest.Load(ctx, guest.Config{Name: "copy", Wasm: wasm, Cache: cache})
	if err != nil {
		log.Fatal(err)
	}
	defer module.Close(ctx)
	fmt.Println(module.Info().ABI)
	// Output: [1]
}
