package abi_test

import (
	"fmt"

	"github.com/wasmflow/wasmflow/abi"
)

// A host writes a batch into the guest's memory, and reads what the guest made of it.
func ExampleArena_Decode() {
	batch := abi.Batch{Topic: "payments", Records: []abi.Record{
		{Key: []byte("k1"), Value: []byte("12.50 EUR"), Headers: []abi.Header{{Key: "trace", Value: []byte("t1")}}},
		{Key: []byte("k2"), Value: []byte("nothing")},
	}}
	input := make([]byte, batch.ImageSize()) // stands for what the guest's alloc gave
	if _, err := abi.EncodeBatch(input, &batch); err != nil {
		fmt.Println(err)
		return
	}

	// Stands for the guest: it changes the value of the first record, and refuses the second.
	memory, err := abi.EncodeResult(&abi.Rows{
		Records: []abi.Row{{
			Source:      0,
			Key:         abi.Cell{From: abi.CellSource},
			Value:       abi.Cell{From: abi.CellGiven, Bytes: []byte("1250")},
			HeadersFrom: abi.HeadersSource,
			Partition:   abi.PartitionByKey,
		}},
		Refusals: []abi.Refusal{{Source: 1, Code: 4, Text: "no amount"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	var arena abi.Arena
	limits := abi.Limits{Records: 1000, Headers: 1000, Bytes: 1 << 20}
	result, err := arena.Decode(memory, 0, 64, &batch, 1, limits)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range result.Records {
		fmt.Printf("%s = %s, %s: %s\n", r.Key, r.Value, r.Headers[0].Key, r.Headers[0].Value)
	}
	for _, r := range result.Refusals {
		fmt.Printf("%s refused: %s (%d)\n", batch.Records[r.Source].Key, r.Text, r.Code)
	}
	arena.Reset() // once the transaction has ended

	// Output:
	// k1 = 1250, trace: t1
	// k2 refused: no amount (4)
}

func ExampleDecodeBatch() {
	batch := abi.Batch{Topic: "payments", Partition: 2, Records: []abi.Record{{Offset: 7, Value: []byte{}}, {Offset: 8}}}
	image := make([]byte, batch.ImageSize())
	if _, err := abi.EncodeBatch(image, &batch); err != nil {
		fmt.Println(err)
		return
	}
	got, err := abi.DecodeBatch(image)
	fmt.Println(got.Topic, got.Partition, err)
	for _, r := range got.Records {
		fmt.Printf("offset %d: value %q, null: %t\n", r.Offset, r.Value, r.Value == nil)
	}
	_, err = abi.DecodeBatch(image[:100])
	fmt.Println(err)

	// Output:
	// payments 2 <nil>
	// offset 7: value "", null: false
	// offset 8: value "", null: true
	// total: 168, but the image has 100 bytes
}

// A transform in Go is held to what a guest is held to.
func ExampleResult_Check() {
	batch := abi.Batch{Records: make([]abi.Record, 2)}
	result := abi.Result{
		Records:  []abi.ResultRecord{{Source: 0, Partition: abi.PartitionByKey}, {Source: 1, Partition: abi.PartitionByKey}},
		Refusals: []abi.Refusal{{Source: 1, Text: "no"}},
	}
	limits := abi.Limits{Records: 10, Headers: 10, Bytes: 1000}
	fmt.Println(result.Check(&batch, 1, limits), len(result.Records))

	result.Records[0].Output = 1
	fmt.Println(result.Check(&batch, 1, limits))

	// Output:
	// <nil> 1
	// records[0].output: 1, but there are 1 outputs
}
