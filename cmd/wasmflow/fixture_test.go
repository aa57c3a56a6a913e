package main

import (
	"os"
	"testing"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host/guest"
)

// What a call that traps used is divided by the records that had been in a call: what follows it does not run.
func TestFuelPerRecordOfATrap(t *testing.T) {
	t.Parallel()
	wasm, err := os.ReadFile("../../host/guest/testdata/unreachable.wasm")
	if err != nil {
		t.Fatal(err)
	}
	m, err := guest.Load(t.Context(), guest.Config{Name: "t", Wasm: wasm, Outputs: []string{"out"}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close(t.Context())
	one := config.FixtureTest{Name: "several partitions"}
	for partition := range int32(4) {
		one.Input = append(one.Input, config.FixtureRecord{Topic: "in", Partition: partition}, config.FixtureRecord{Topic: "in", Partition: partition})
	}
	run, err := runFixture(t.Context(), m, &config.Fixture{Tests: []config.FixtureTest{one}}, config.Place{})
	if err != nil {
		t.Fatal(err)
	}
	got := run.Tests[0]
	if got.trap == nil || got.Fuel == 0 || got.FuelPerRecord != (got.Fuel+1)/2 || run.MostPerRecord != got.FuelPerRecord {
		t.Errorf("%d units, %d for each of two records, %d at most", got.Fuel, got.FuelPerRecord, run.MostPerRecord)
	}
}
