package guest

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// rowsDir has the modules of the rows that are not guests, beside their sources.
const rowsDir = "../../test/rows"

// row is a piece of work that is measured with and without paying.
type row struct {
	name string
	// module is one of rowsDir with an export of the row's name, or a guest of dist/guests.
	module string
	// places is how many of the module there are, each with the same code at other addresses, where it is not one.
	places int
	// turns is the argument of the export.
	turns uint64
	// values are what a guest gets, one record each.
	values [][]byte
	// example rows are beside those whose mean and worst have bounds.
	example bool
}

// rows are the named ones, then the example guests.
func rows() []row {
	times := func(n int, value []byte) (values [][]byte) {
		for range n {
			values = append(values, value)
		}
		return values
	}
	short, long := []byte(document(256)), []byte(document(1024))
	plain := bytes.Repeat([]byte("x"), 100)
	return []row{
		{name: "count", module: "rows", places: 4, turns: 2_000_000},
		{name: "lcg", module: "rows", places: 4, turns: 1_000_000},
		{name: "upper", module: "rows", places: 4, turns: 200},
		{name: "scan", module: "rows", places: 4, turns: 100},
		{name: "nested", module: "rows", places: 4, turns: 300_000},
		{name: "sha256", module: "rows", places: 4, turns: 30},
		{name: "sort", module: "rows", places: 4, turns: 3},
		{name: "matmul", module: "rows", places: 4, turns: 6},
		{name: "fib", module: "rows", places: 4, turns: 23},
		{name: "calls", module: "rows", places: 4, turns: 300_000},
		{name: "indirect", module: "rows", places: 4, turns: 300_000},
		{name: "memcpy", module: "rows", places: 4, turns: 50_000},
		{name: "uppercase", module: "uppercase", turns: 5},
		{name: "uppercase 200x256", module: "uppercase-rust", values: times(200, short)},
		{name: "json 20x1024", module: "json-rust", values: times(20, long)},
		{name: "uppercase 200x256", module: "uppercase-go", values: times(200, short)},
		{name: "json 20x1024", module: "json-go", values: times(20, long)},
		{name: "500x100", module: "identity-rust", values: times(500, plain), example: true},
		{name: "500x100", module: "identity-go", values: times(500, plain), example: true},
		{name: "500x100", module: "uppercase-rust", values: times(500, plain), example: true},
		{name: "500x100", module: "uppercase-go", values: times(500, plain), example: true},
		{name: "500x70", module: "payments-rust", values: times(500, []byte(payment)), example: true},
		{name: "500x70", module: "payments-go", values: times(500, []byte(payment)), example: true},
	}
}

// document is a text in JSON of so many bytes, with some of each kind of value.
func document(size int) string {
	text := `{"id": "p-1", "amounts": [12.5, -3, 1e3, 0], "open": true, "none": null, "note": "a \"b\" \u00e9 é", "lines": [`
	for n := 0; len(text)+80 < size; n++ {
		if n > 0 {
			text += ", "
		}
		text += fmt.Sprintf(`{"sku": "item-%d", "count": %d, "price": %d.%02d}`, n, n%7, n*13, n)
	}
	text += `], "rest": "`
	for n := 0; len(text)+2 < size; n++ {
		text += string(rune('a' + n%26))
	}
	return text + `"}`
}

// eachBlock is a mode of tests: exact, and every basic block is charged where it begins.
const eachBlock FuelMode = "each"

// rowSide does a row's work in one module.
type rowSide struct {
	do func()
	// said is a sum of what the last turn gave, the same on every side; fuel what it paid.
	said func() uint64
	fuel func() int64
}

// files are the modules of the row.
func (r row) files() (names []string) {
	for place := range r.places {
		names = append(names, fmt.Sprint(r.module, place))
	}
	if names == nil {
		names = []string{r.module}
	}
	return names
}

// start makes a side that pays in the mode, or nothing where there is none.
func (r row) start(t testing.TB, file string, mode FuelMode) rowSide {
	if r.values != nil {
		return r.startGuest(t, mode)
	}
	wasm, err := os.ReadFile(filepath.Join(rowsDir, file+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	var p *purse
	switch mode {
	case eachBlock:
		wasm = each(t, wasm)
	case FuelExact:
		wasm = metered(t, wasm, meter.Exact)
	case FuelCoarse:
		wasm = metered(t, wasm, meter.Coarse)
	}
	if mode != "" {
		p = &purse{budget: unlimited, slice: defaultSlice}
	}
	runtime, m, err := startIn(t, wazero.NewRuntimeConfigCompiler(), wasm, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = runtime.Close(context.Background()) })
	f := m.ExportedFunction(r.name)
	var results []uint64
	used, before := int64(0), int64(0)
	return rowSide{
		do: func() {
			if p != nil {
				before = used
			}
			if results, err = f.Call(t.Context(), r.turns); err != nil {
				t.Fatalf("%s: %v", r.name, err)
			}
			if p != nil {
				used = p.used(m)
			}
		},
		said: func() uint64 { return results[0] },
		fuel: func() int64 { return used - before },
	}
}

// startGuest does the same with a guest.
func (r row) startGuest(t testing.TB, mode FuelMode) rowSide {
	c, ok := guests(t)[r.module]
	if !ok {
		t.Fatalf("there is no %s: make guests builds it", r.module)
	}
	m := (*Module)(nil)
	if mode == "" {
		m = loadIn(t, wazero.NewRuntimeConfig(), c, false)
	} else {
		c.Limits.FuelMode = mode
		var err error
		if m, err = Load(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close(context.Background()) })
	}
	batch := abi.Batch{Topic: "in"}
	for n, value := range r.values {
		batch.Records = append(batch.Records, abi.Record{Key: fmt.Appendf(nil, "%010d", n), Value: value, Offset: int64(n), LeaderEpoch: -1})
	}
	i, arena := instantiate(t, m), &abi.Arena{}
	var result abi.Result
	return rowSide{
		do: func() {
			arena.Reset()
			var err error
			if result, err = i.Transform(t.Context(), Env{Arena: arena}, batch); err != nil {
				t.Fatalf("%s: %v", r.module, err)
			}
		},
		said: func() uint64 {
			if len(result.Records) != len(r.values) {
				t.Fatalf("%s: %d records of %d", r.module, len(result.Records), len(r.values))
			}
			sum := uint64(0)
			for _, record := range result.Records {
				sum = sum*31 + maphash.Bytes(saidSeed, record.Key)
				sum = sum*31 + maphash.Bytes(saidSeed, record.Value)
			}
			return sum
		},
		fuel: func() int64 { return int64(i.Fuel()) },
	}
}

var saidSeed = maphash.MakeSeed()

// The modules of the rows are those of their sources, what they compute does not depend on whether they pay, and what they pay
// exactly is what their blocks cost one by one.
func TestMeterRows(t *testing.T) {
	t.Parallel()
	checkSums(t, rowsDir, "*.[ctw]*")
	ran := 0
	for _, r := range rows() {
		if r.values != nil {
			continue // TestMeterGuests runs guests
		}
		ran++
		r.turns = max(1, r.turns/100)
		if r.name == "fib" {
			r.turns = 12
		}
		for _, file := range r.files() {
			plain, exact, coarse := r.start(t, file, ""), r.start(t, file, FuelExact), r.start(t, file, FuelCoarse)
			simple := r.start(t, file, eachBlock)
			for range 2 {
				plain.do()
				exact.do()
				coarse.do()
				simple.do()
				if e, c := exact.said(), coarse.said(); e != plain.said() || c != e || e == 0 {
					t.Errorf("%s in %s: it is %x, %x exact, %x coarse", r.name, file, plain.said(), e, c)
				}
				if e, c, s := exact.fuel(), coarse.fuel(), simple.fuel(); e < 100 || c < e || e != s {
					t.Errorf("%s in %s: %d paid exact, %d coarse, %d block by block", r.name, file, e, c, s)
				}
			}
		}
	}
	if ran != 13 {
		t.Errorf("%d rows", ran)
	}
}
