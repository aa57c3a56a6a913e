package guest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/wasmflow/wasmflow/abi"
)

// historyEnv makes a process of this test binary tell histories, and nothing else.
const historyEnv = "WASMFLOW_TEST_HISTORY"

// telling is what such a process is told.
type telling struct {
	Guests []string
	Cache  string
	Slice  int64
	Mode   FuelMode
}

func TestMain(m *testing.M) {
	if text := os.Getenv(historyEnv); text != "" {
		os.Exit(tell(text))
	}
	folder, err := os.MkdirTemp("", "wasmflow-guests-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	compiledFolder = folder
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(folder)
		os.Exit(code)
	}))
}

// memoryOfGuests is a limit that several tests share, and with it what they compile.
const memoryOfGuests = 10 << 20

// compiledFolder is where tests find what another has compiled.
var compiledFolder string

// compiledGuests is a cache in this folder, until the test ends.
func compiledGuests(t *testing.T) *Cache {
	t.Helper()
	cache, err := OpenCache(compiledFolder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cache.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return cache
}

func tell(text string) int {
	var told telling
	err := json.Unmarshal([]byte(text), &told)
	var cache *Cache
	if err == nil {
		cache, err = OpenCache(told.Cache)
	}
	if err == nil {
		var histories map[string][]string
		histories, err = told.histories(cache, told.Slice)
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(histories)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// histories tells of each guest what a fresh instance does, call by call.
func (told telling) histories(cache *Cache, slices ...int64) (map[string][]string, error) {
	all := map[string][]string{}
	for _, name := range told.Guests {
		wasm, err := os.ReadFile(guestFile(name))
		if err != nil {
			return nil, err
		}
		c := Config{Name: name, Wasm: wasm, Outputs: []string{"out", "accepted", "rejected"}, Cache: cache}
		c.Limits = Limits{Timeout: time.Minute, Memory: memoryOfGuests, FuelMode: told.Mode}
		if strings.HasPrefix(name, "payments") {
			c.Params = map[string]any{"currencies": []string{"EUR", "USD"}, "limit": "10000.00"}
		}
		m, err := Load(context.Background(), c)
		if err != nil {
			return nil, err
		}
		for _, slice := range slices {
			m.slice = slice
			history, err := historyOf(m)
			if before := all[name]; err == nil && before != nil && !cmp.Equal(before, history) {
				err = fmt.Errorf("%s: slices of %d differ: %s", name, slice, cmp.Diff(before, history))
			}
			if err != nil {
				return nil, err
			}
			all[name] = history
		}
		if err := m.Close(context.Background()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func guestFile(name string) string {
	for _, dir := range []string{"../../dist/guests", "testdata"} {
		if file := filepath.Join(dir, name+".wasm"); !missing(file) {
			return file
		}
	}
	return name
}

func missing(file string) bool {
	_, err := os.Stat(file)
	return err != nil
}

// historyOf tells results, fuel and memory of a fresh instance, up to a trap, and those of another one.
func historyOf(m *Module) (history []string, err error) {
	ctx := context.Background()
	for range 2 {
		i, err := m.Instantiate(ctx)
		if err != nil {
			return nil, err
		}
		say := func(format string, args ...any) { history = append(history, fmt.Sprintf(format, args...)) }
		memory := func() [32]byte {
			view, _ := i.mem.Read(0, i.mem.Size())
			return sha256.Sum256(view)
		}
		say("init: %d units, memory %x", i.Fuel(), memory())
		for n := range int64(4) {
			b := batchOf("world", payment, "", strings.Repeat("x", 3000*int(n)))
			b.Partition, b.Clock = int32(n%2), b.Clock+n*977
			for r := range b.Records {
				b.Records[r].Offset += 100 * n
			}
			result, err := i.Transform(ctx, Env{Arena: &abi.Arena{}}, b)
			if err != nil {
				return nil, err
			}
			say("call %d: %d units, memory %x, %+v", n, i.Fuel(), memory(), result)
		}
		_, err = i.Transform(ctx, Env{}, batchOf("recurse"))
		say("end: %d units, %v", i.Fuel(), err)
		if err := i.Close(ctx); err != nil {
			return nil, err
		}
	}
	return history, nil
}

// From a fresh instance, with an equal history of calls, a batch gives the same result, memory and fuel: in another process, on
// another number of cores, from code that was just compiled or that was kept, however fuel is granted. The guests of the SDKs see
// clocks, random numbers and the order of maps.
func TestDeterminism(t *testing.T) {
	t.Parallel()
	told := telling{Guests: []string{"world", "hostile-rust", "hostile-go", "payments-go", "payments-rust", "uppercase-go", "uppercase-rust"}}
	told.Guests = slices.DeleteFunc(told.Guests, func(name string) bool {
		if !missing(guestFile(name)) {
			return false
		}
		if os.Getenv("CI") != "" {
			t.Errorf("%s is not built: run make guests", name)
		}
		t.Logf("without %s: make guests builds it", name)
		return true
	})
	if raced {
		told.Guests = told.Guests[:min(2, len(told.Guests))] // nothing here runs side by side, and it takes ten times as long
	}
	for _, mode := range []FuelMode{FuelExact, FuelCoarse} {
		if told.Mode = mode; mode == FuelCoarse {
			told.Guests = told.Guests[:min(3, len(told.Guests))] // it differs in nothing but what is charged
		}
		told.Cache = privateDir(t)
		want, err := told.histories(compiledGuests(t), defaultSlice, 777, 1<<40)
		if err != nil {
			t.Fatal(err)
		}
		for name, history := range want {
			if half := len(history) / 2; strings.Contains(history[1], " 0 units") || name != "world" && half < 6 {
				t.Errorf("%s tells nothing: %q", name, history)
			}
		}
		for _, c := range []struct {
			name, cores string
			slice       int64
		}{{"cold", "2", 5000}, {"warm", "1", defaultSlice}} {
			told.Slice = c.slice
			text, err := json.Marshal(told)
			if err != nil {
				t.Fatal(err)
			}
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), historyEnv+"="+string(text), "GOMAXPROCS="+c.cores)
			child.Stderr = os.Stderr
			out, err := child.Output()
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			got := map[string][]string{}
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			for _, name := range slices.Sorted(maps.Keys(want)) {
				if d := cmp.Diff(want[name], got[name]); d != "" {
					t.Errorf("%s, %s, %s: another process says\n%s", mode, c.name, name, d)
				}
			}
		}
	}
}
