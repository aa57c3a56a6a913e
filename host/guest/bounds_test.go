package guest

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// with is the identity guest with a section put in before its memory section.
func with(t *testing.T, before ...byte) []byte {
	t.Helper()
	good := wasmOf(t, "identity")
	at := bytes.Index(good, []byte{5, 3, 1, 0, 1})
	if at < 0 {
		t.Fatal("there is no memory section")
	}
	return slices.Concat(good[:at], before, good[at:])
}

// tables is a table section of tables with these limits.
func tables(limits ...string) []byte {
	s := []byte{byte(len(limits))}
	for _, l := range limits {
		s = append(s, "\x70"+l...)
	}
	return section(4, s...)
}

// number is LEB128.
func number(n uint64) string { return string(binary.AppendUvarint(nil, n)) }

func TestTables(t *testing.T) {
	t.Parallel()
	million := number(1_000_000)
	for _, c := range []struct {
		name   string
		limits []string
		memory int64
		want   string
	}{
		{"of Go", []string{"\x00" + number(5502)}, 0, ""},
		{"of Rust and clang", []string{"\x01" + number(49) + number(49)}, 0, ""},
		{"of AssemblyScript", []string{"\x01\x01\x01"}, 0, ""},
		{"that may grow", []string{"\x01\x01" + million}, 0, ""},
		{"as many as may be", []string{"\x01\x01" + number(999_999), "\x00\x01"}, 0, ""},
		{"too many", []string{"\x01\x01" + million, "\x00\x01"}, 0, "its tables may have 1000001 entries together, at most 1000000 are allowed: declare a smaller maximum (wasm-ld without --growable-table does)"},
		{"billions", []string{"\x00" + number(1<<32-1)}, 0, "its tables may have 4294967295 entries together"},
		{"a maximum of billions", []string{"\x01\x01" + number(1<<32-1)}, 0, "its tables may have 4294967295 entries together"},
		{"many", slices.Repeat([]string{"\x00\x01"}, maxTables), 0, ""},
		{"too many tables", slices.Repeat([]string{"\x00\x01"}, maxTables+1), 0, "more than 16 tables"},
		{"a maximum below", []string{"\x01\x02\x01"}, 0, "a table of at least 2 and at most 1 entries"},
		{"within memory", []string{"\x01\x01" + number(8192)}, 2 * pageSize, ""},
		{"beside memory", []string{"\x01\x01" + number(8193)}, 2 * pageSize, "its memory begins with 65536 bytes and its tables may take 65544, more than the limit of 131072 bytes: raise the limit"},
	} {
		m, err := Load(t.Context(), Config{Wasm: with(t, tables(c.limits...)...), Outputs: []string{"out"}, Limits: Limits{Memory: c.memory}})
		if c.want != "" {
			if refused := refusedOf(t, err); len(refused.Problems) != 1 || !strings.Contains(refused.Problems[0], c.want) {
				t.Errorf("%s: got %q", c.name, refused.Problems)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if _, err := instantiate(t, m).Transform(t.Context(), Env{}, batchOf("a")); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A table grows up to its maximum; one that declares none does not grow.
func TestTableGrowth(t *testing.T) {
	t.Parallel()
	got, err := instantiate(t, load(t, "table_grow", nil)).Transform(t.Context(), Env{}, batchOf("a"))
	if err != nil || len(got.Records) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

// What tables may take is not there for the memory.
func TestTablesCountAsMemory(t *testing.T) {
	t.Parallel()
	for entries, pages := range map[uint64]int64{0: 16, 1: 15, 8192: 15, 8193: 14} {
		grow := wasmOf(t, "grow")
		at := bytes.Index(grow, []byte{5, 3, 1, 0})
		grow = slices.Concat(grow[:at], tables("\x01\x00"+number(entries)), grow[at:])
		m, err := Load(t.Context(), Config{Wasm: grow, Outputs: []string{"out"}, Limits: Limits{Memory: 16 * pageSize}})
		if err != nil {
			t.Fatal(err)
		}
		i := instantiate(t, m)
		if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); err != nil {
			t.Fatal(err)
		}
		if got := int64(i.mem.Size()) / pageSize; got != pages {
			t.Errorf("%d entries: the memory grew to %d pages, not %d", entries, got, pages)
		}
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// functions is a module of nothing but functions with these bodies.
func functions(bodies ...string) []byte {
	kinds := append([]byte(number(uint64(len(bodies)))), make([]byte, len(bodies))...)
	code := []byte(number(uint64(len(bodies))))
	for _, b := range bodies {
		code = append(code, number(uint64(len(b)))+b...)
	}
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), section(1, 1, 0x60, 0, 0), section(3, kinds...), section(10, code...))
}

// What would cost a compiler much more than its bytes is refused; what is exactly at a bound is not.
func TestCodeBounds(t *testing.T) {
	t.Parallel()
	nested := func(op string, n int) string {
		return "\x00" + strings.Repeat(op+"\x40", n) + strings.Repeat("\x0b", n+1)
	}
	locals := func(n int) string { return "\x01" + number(uint64(n)) + "\x7f\x0b" }
	branches := func(n int) string {
		return "\x00\x41\x00\x0e" + number(uint64(n)) + strings.Repeat("\x00", n+1) + "\x0b"
	}
	for _, c := range []struct {
		name, want string
		bodies     []string
	}{
		{"locals", "a function with 50001 locals, at most 50000 are allowed", []string{locals(maxLocals + 1)}},
		{"locals at the bound", "", []string{locals(maxLocals)}},
		{"locals of all", "1000001 locals in all functions so far, at most 1000000 are allowed", append(slices.Repeat([]string{locals(maxLocals)}, 20), locals(1))},
		{"locals of all at the bound", "", slices.Repeat([]string{locals(maxLocals)}, 20)},
		{"blocks", "a function with blocks in blocks to a depth of 10001, at most 10000 are allowed", []string{nested("\x02", maxDepth+1)}},
		{"loops", "a depth of 10001", []string{nested("\x03", maxDepth+1)}},
		{"ifs", "a depth of 10001", []string{nested("\x41\x00\x04", maxDepth+1)}},
		{"blocks at the bound", "", []string{nested("\x02", maxDepth)}},
		{"blocks one behind the other", "", []string{"\x00" + strings.Repeat("\x02\x40\x0b", 2*maxDepth) + "\x0b"}},
		{"locals in blocks", "a function with 50000 locals and blocks to a depth of 101, at most 5000000 are allowed multiplied", []string{"\x01" + number(maxLocals) + "\x7f" + nested("\x03", 101)[1:]}},
		{"locals in blocks at the bound", "", []string{"\x01" + number(maxLocals) + "\x7f" + nested("\x03", 100)[1:]}},
		{"br_table", "a function whose br_table instructions have 65521 targets, at most 65520 are allowed", []string{branches(maxTargets + 1)}},
		{"br_table at the bound", "", []string{branches(maxTargets)}},
		{"bytes", "a function of 1048577 bytes, at most 1048576 are allowed", []string{"\x00" + strings.Repeat("\x01", maxBody-1) + "\x0b"}},
		{"bytes at the bound", "", []string{"\x00" + strings.Repeat("\x01", maxBody-2) + "\x0b"}},
	} {
		_, err := parse(functions(c.bodies...))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: got %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	for n, ok := range map[int]bool{maxParams: true, maxParams + 1: false} {
		list := number(uint64(n)) + strings.Repeat("\x7f", n)
		for _, typ := range []string{list + "\x00", "\x00" + list} {
			if _, err := parse(slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), section(1, []byte("\x01\x60"+typ)...))); (err == nil) != ok {
				t.Errorf("%d parameters or results: got %v", n, err)
			}
		}
	}
	wasm := make([]byte, maxModule+1)
	want := []string{"1073741825 bytes, a module may have 1073741824"}
	info, err := Inspect(t.Context(), wasm)
	if d := cmp.Diff(want, refusedOf(t, err).Problems); d != "" || info.Size != len(wasm) {
		t.Error(d)
	}
	// The collector would grant the other tests another gigabyte of garbage.
	runtime.GC()
}

// Operands that look like blocks mislead nobody who follows the instructions.
func TestOperands(t *testing.T) {
	t.Parallel()
	for _, instruction := range []string{
		"\x41\x02", "\x42\x82\x82\x82\x82\x82\x82\x82\x82\x82\x02", "\x43\x02\x02\x02\x02", "\x44\x02\x02\x02\x02\x02\x02\x02\x02",
		"\x0c\x02", "\x0d\x02", "\x0e\x03\x02\x02\x02\x02", "\x10\x02", "\x11\x02\x02", "\x1c\x02\x02\x02",
		"\x20\x02", "\x21\x02", "\x22\x02", "\x23\x02", "\x24\x02", "\x25\x02", "\x26\x02",
		"\x28\x02\x02", "\x3e\x02\x02", "\x3f\x02", "\x40\x02", "\xd0\x02", "\xd2\x02",
		"\xfc\x08\x02\x02", "\xfc\x09\x02", "\xfc\x0a\x02\x02", "\xfc\x0b\x02", "\xfc\x0c\x02\x02", "\xfc\x0d\x02", "\xfc\x0e\x02\x02",
		"\xfc\x0f\x02", "\xfc\x10\x02", "\xfc\x11\x02",
		"\xfd\x00\x02\x02", "\xfd\x0b\x02\x02", "\xfd\x0c" + strings.Repeat("\x02", 16), "\xfd\x0d" + strings.Repeat("\x02", 16),
		"\xfd\x15\x02", "\xfd\x22\x02", "\xfd\x54\x02\x02\x02", "\xfd\x5b\x02\x02\x02", "\xfd\x5c\x02\x02", "\xfd\x5d\x02\x02",
	} {
		if _, err := parse(functions("\x00" + strings.Repeat(instruction, maxDepth+1) + "\x0b")); err != nil {
			t.Errorf("%x: %v", instruction, err)
		}
	}
	// Those without operands take nothing of what follows.
	for _, instruction := range []string{"\x00", "\x01", "\x0f", "\x1a", "\x1b", "\x45", "\xc4", "\xd1", "\xfc\x00", "\xfd\x0e", "\xfd\x0f", "\xfd\x23", "\xfd\x5e", "\xfd\x80\x01", "\xfd\xff\x01"} {
		_, err := parse(functions("\x00" + strings.Repeat(instruction+"\x02\x40", maxDepth+1) + strings.Repeat("\x0b", maxDepth+2)))
		if err == nil || !strings.Contains(err.Error(), "a depth of 10001") {
			t.Errorf("%x: %v", instruction, err)
		}
	}
}

// What is WebAssembly 2.0 is taken, what is not is refused with its name (abi/SPEC.md, section 2).
func TestFeatures(t *testing.T) {
	t.Parallel()
	const zero, drop = "\x41\x00", "\x1a"
	for _, c := range []struct {
		name, body string
		supported  bool
	}{
		{"sign extension", zero + "\xc0" + drop, true},
		{"saturating conversions", "\x43\x00\x00\x00\x00\xfc\x00" + drop, true},
		{"multi-value", "\x02\x02" + zero + zero + "\x0b" + drop + drop, true},
		{"reference types", "\xd0\x6f\xd1" + drop, true},
		{"bulk memory", zero + zero + zero + "\xfc\x0b\x00", true},
		{"SIMD", zero + "\xfd\x0f" + drop, true},
		{"SIMD of three bytes", zero + "\xfd\x0f\xfd\x80\x01" + drop, true},
		{"relaxed SIMD", zero + "\xfd\x0f" + zero + "\xfd\x0f\xfd\x80\x02" + drop, false},
		{"threads", "\xfe\x03\x00", false},
		{"tail call", "\x12\x00", false},
		{"exception handling", "\x06\x40\x0b", false},
		{"exception handling", "\x1f\x40\x00\x0b", false},
		{"garbage collection", "\xfb\x00\x00" + drop, false},
		{"typed function references", "\xd2\x00\x14\x00", false},
	} {
		wasm := functions("\x00" + c.body + "\x0b")
		// A second type, of two results, for the block; and a memory.
		wasm = bytes.Replace(wasm, section(1, 1, 0x60, 0, 0), section(1, 3, 0x60, 0, 0, 0x60, 0, 0, 0x60, 0, 2, 0x7f, 0x7f), 1)
		at := bytes.LastIndex(wasm, []byte{3, 2, 1, 0}) + 4
		wasm = slices.Concat(wasm[:at], section(5, 1, 0, 1), section(9, 1, 3, 0, 1, 0), wasm[at:])
		b, err := parse(wasm)
		if !c.supported {
			if want := "the " + c.name + " proposal is not supported: build without it"; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		m := newModule(Config{}, strings.Repeat("0", 64))
		if err := m.compile(t.Context(), b.sealed(wasm)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	_, err := parse(with(t, section(6, 1, 0x7f, 0, 0x41, 1, 0x41, 2, 0x6a, 0x0b)...))
	if err == nil || !strings.Contains(err.Error(), "the extended constant expressions proposal is not supported") {
		t.Errorf("got %v", err)
	}
}
