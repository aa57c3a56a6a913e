package guest

import (
	"runtime"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// wide is a module of a function with the body, of the locals given, and of one that has a thousand parameters and as many results.
func wide(locals int, body string) []byte {
	thousand := number(1000) + strings.Repeat("\x7f", 1000)
	types := "\x04\x60\x00\x00\x60" + thousand + thousand + "\x60\x00" + thousand + "\x60\x00\x00"
	same := "\x00"
	for i := range uint64(1000) {
		same += "\x20" + number(i)
	}
	code := "\x03"
	for _, b := range []string{same + "\x0b", "\x00\x0b", "\x01" + number(uint64(locals)) + "\x7f" + body + "\x0b"} {
		code += number(uint64(len(b))) + b
	}
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), section(1, []byte(types)...), section(3, 3, 1, 0, 0), section(4, 1, 0x70, 0, 1),
		section(5, 1, 0, 1), section(9, 1, 0, 0x41, 0, 0x0b, 1, 0), section(10, []byte(code)...))
}

// What takes a few bytes and makes the compiler keep thousands of values, each time that it is repeated.
var wideBodies = []struct {
	name   string
	locals int
	body   func(n int) string
}{
	{"calls", 0, operands(1000, "\x10\x00")},
	{"indirect calls", 0, operands(1000, "\x41\x00\x11\x01\x00")},
	{"blocks", 0, operands(1000, "\x02\x01\x0b")},
	{"ifs with values", 0, operands(1000, "\x41\x00\x28\x02\x00\x04\x01\x0b")},
	{"loops with values", 0, operands(1000, "\x03\x01\x0b")},
	{"branches with values", 0, func(n int) string {
		return "\x02\x02" + ints(1000) + strings.Repeat("\x41\x00\x28\x02\x00\x0d\x00", n) + "\x0b" + strings.Repeat("\x1a", 1000)
	}},
	{"tables of branches with values", 0, func(n int) string {
		return "\x02\x02" + ints(1000) + "\x41\x00\x28\x02\x00\x0e" + number(uint64(n)) + strings.Repeat("\x00", n+1) + "\x0b" + strings.Repeat("\x1a", 1000)
	}},
	{"ifs across operands", 0, operands(2000, "\x41\x00\x28\x02\x00\x04\x40\x41\x00\x41\x00\x36\x02\x00\x0b")},
	{"else across operands", 0, operands(2000, "\x41\x00\x28\x02\x00\x04\x40\x05\x41\x00\x41\x00\x36\x02\x00\x0b")},
	{"branches across operands", 0, operands(2000, "\x02\x40\x41\x00\x28\x02\x00\x0d\x00\x41\x00\x41\x00\x36\x02\x00\x0b")},
	{"calls across operands", 0, operands(2000, strings.Repeat("\x10\x01", 32))},
	{"fills across operands", 0, operands(2000, "\x41\x00\x41\x00\x41\x00\x28\x02\x00\xfc\x0b\x00")},
	{"copies across operands", 0, operands(2000, "\x41\x00\x41\x00\x41\x00\x28\x02\x00\xfc\x0a\x00\x00")},
	{"ifs across locals", 1000, variables(1000, "\x41\x00\x28\x02\x00\x04\x40\x41\x00\x41\x00\x36\x02\x00\x0b")},
	{"loops across locals", 300, variables(300, "\x03\x40\x41\x00\x28\x02\x00\x0d\x00\x0b")},
}

// ints are loads: the compiler would make constants anew where they are used.
func ints(n int) (code string) {
	for i := range uint64(n) {
		code += "\x41\x00\x28\x02" + number(4*i)
	}
	return code
}

// operands are on the stack across what is repeated, and used behind it.
func operands(values int, repeated string) func(n int) string {
	return func(n int) string {
		return ints(values) + strings.Repeat(repeated, n) + strings.Repeat("\x6a", values-1) + "\x1a"
	}
}

// variables are in locals, as operands are on the stack.
func variables(values int, repeated string) func(n int) string {
	return func(n int) string {
		code := ""
		for i := range uint64(values) {
			code += "\x41\x00\x28\x02" + number(4*i) + "\x21" + number(i)
		}
		code += strings.Repeat(repeated, n) + "\x41\x00"
		for i := range uint64(values) {
			code += "\x20" + number(i) + "\x6a"
		}
		return code + "\x1a"
	}
}

// The compiler takes at most some forty bytes for each value that a function counts, whatever it is: about 570 MB at the bound. A
// sixteenth of that is compiled here, with up to 20 MB for what makes the values.
func TestValues(t *testing.T) {
	const most, part, room = 8000, 16, 20<<20 + 43*13_500_000/16
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigCompiler())
	defer r.Close(t.Context())
	for _, c := range wideBodies {
		n := sort.Search(most, func(n int) bool {
			_, err := meter.Rewrite(wide(c.locals, c.body(n)), meter.Options{})
			return err != nil && strings.Contains(err.Error(), "too large: a function of 135")
		})
		if n == most {
			t.Errorf("%s: %d of them are not refused", c.name, most)
		}
		paid, err := meter.Rewrite(wide(c.locals, c.body(n/part)), meter.Options{})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		compiled, err := r.CompileModule(t.Context(), paid.Wasm)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > room {
			t.Errorf("%s: %d of them took %d bytes to compile, at most %d are expected", c.name, n/part, used, room)
		}
		if err := compiled.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
