package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host/guest"
)

// fixtureRun is what a module did with the records of a fixture.
type fixtureRun struct {
	Fixture string `json:"fixture"`
	// StartFuel is what the start of an instance took, init included.
	StartFuel uint64    `json:"start_fuel"`
	Tests     []testRun `json:"tests"`
	// MostPerRecord is the largest of the tests.
	MostPerRecord uint64 `json:"most_per_record"`
}

// testRun is one test of it, in a fresh instance.
type testRun struct {
	Name          string `json:"name"`
	Records       int    `json:"records"`
	Out           int    `json:"out"`
	Bytes         int    `json:"bytes"`
	Refused       int    `json:"refused"`
	Dropped       int    `json:"dropped"`
	Fuel          uint64 `json:"fuel"`
	FuelPerRecord uint64 `json:"fuel_per_record"`
	Trap          string `json:"trap,omitempty"`
	trap          *guest.TrapError
}

// runFixture runs the module on every test. An error is none of the records': init, above all, whose configuration stands at.
func runFixture(ctx context.Context, m *guest.Module, fixture *config.Fixture, at config.Place) (*fixtureRun, error) {
	run := &fixtureRun{Fixture: fixture.Path}
	for i := range fixture.Tests {
		t := testRun{Name: fixture.Tests[i].Name, Records: len(fixture.Tests[i].Input)}
		instance, err := m.Instantiate(ctx)
		var trap *guest.TrapError
		switch {
		case errors.As(err, &trap) && trap.Kind == guest.TrapInit:
			return nil, &mistake{code: "init_refused", at: at, err: trap, suggestion: "config and outputs of the fixture are what init gets"}
		case err != nil:
			return nil, err
		}
		run.StartFuel = instance.Fuel()
		ran := 0 // records, up to those of the call that trapped
		for _, b := range batches(fixture.Tests[i].Input) {
			result, err := instance.Transform(ctx, guest.Env{}, b)
			t.Fuel, ran = t.Fuel+instance.Fuel(), ran+len(b.Records)
			if errors.As(err, &t.trap) {
				t.Trap = err.Error()
				break
			} else if err != nil {
				return nil, err
			}
			t.add(len(b.Records), &result)
		}
		t.FuelPerRecord = (t.Fuel + uint64(ran) - 1) / uint64(ran)
		run.Tests, run.MostPerRecord = append(run.Tests, t), max(run.MostPerRecord, t.FuelPerRecord)
		if err := instance.Close(ctx); err != nil {
			return nil, err
		}
	}
	return run, nil
}

// add counts the result of a call with so many records.
func (t *testRun) add(records int, result *abi.Result) {
	seen := map[uint32]bool{}
	for i := range result.Records {
		r := &result.Records[i]
		seen[r.Source] = true
		t.Bytes += len(r.Key) + len(r.Value)
		for _, h := range r.Headers {
			t.Bytes += len(h.Key) + len(h.Value)
		}
	}
	for _, r := range result.Refusals {
		seen[r.Source] = true
	}
	t.Out, t.Refused, t.Dropped = t.Out+len(result.Records), t.Refused+len(result.Refusals), t.Dropped+records-len(seen)
}

// batches are the records by partition, in the order in which the partitions first come.
func batches(input []config.FixtureRecord) (all []abi.Batch) {
	at := map[string]int{}
	for i := range input {
		from := &input[i]
		name := fmt.Sprintf("%s/%d", from.Topic, from.Partition)
		n, ok := at[name]
		if !ok {
			n = len(all)
			at[name] = n
			all = append(all, abi.Batch{Topic: from.Topic, Partition: from.Partition, Clock: from.Timestamp})
		}
		r := abi.Record{Key: from.Key, Value: from.Value, Offset: from.Offset, Timestamp: from.Timestamp, LeaderEpoch: -1}
		for _, h := range from.Headers {
			r.Headers = append(r.Headers, abi.Header{Key: h.Key, Value: h.Value})
		}
		b := &all[n]
		b.Records, b.Clock = append(b.Records, r), max(b.Clock, from.Timestamp)
	}
	return all
}

func (run *fixtureRun) print(w io.Writer) {
	t := newTable(w)
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 7, Align: text.AlignRight, AlignFooter: text.AlignRight}, {Number: 8, Align: text.AlignRight}})
	t.AppendHeader(table.Row{"test", "records", "out", "bytes", "refused", "dropped", "fuel", "per record"})
	for i := range run.Tests {
		r := &run.Tests[i]
		name := r.Name
		if r.trap != nil {
			name += "\ntrap " + string(r.trap.Kind)
		}
		t.AppendRow(table.Row{name, r.Records, r.Out, r.Bytes, r.Refused, r.Dropped, comma(r.Fuel), comma(r.FuelPerRecord)})
	}
	t.AppendFooter(table.Row{"start of an instance", "", "", "", "", "", comma(run.StartFuel), ""})
	t.Render()
	for i := range run.Tests {
		if trap := run.Tests[i].trap; trap != nil {
			fmt.Fprintln(w, trap.Report())
		}
	}
}

func comma(n uint64) string { return humanize.Comma(int64(n)) }
