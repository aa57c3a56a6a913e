package guest

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
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
		{"many", slices.Repeat([]string{"\x00\x01"}, 16), 0, ""},
		{"too many tables", slices.Repeat([]string{"\x00\x01"}, 17), 0, "17 tables, at most 16 are allowed"},
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

// A module of more bytes than may be is not read, and described by its size.
func TestModuleBytes(t *testing.T) {
	t.Parallel()
	wasm := make([]byte, maxModule+1)
	want := []string{"1073741825 bytes, a module may have 1073741824"}
	info, err := Inspect(t.Context(), wasm)
	if d := cmp.Diff(want, refusedOf(t, err).Problems); d != "" || info.Size != len(wasm) {
		t.Error(d)
	}
	// The collector would grant the other tests another gigabyte of garbage.
	runtime.GC()
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
		body := "\x00" + c.body + "\x0b"
		// Type 2 is for the block of two results.
		wasm := slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), section(1, 3, 0x60, 0, 0, 0x60, 0, 0, 0x60, 0, 2, 0x7f, 0x7f), section(3, 1, 0),
			section(5, 1, 0, 1), section(9, 1, 3, 0, 1, 0), section(10, []byte("\x01"+number(uint64(len(body)))+body)...))
		paying, err := meter.Rewrite(wasm, meter.Options{})
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
		m := newModule(Config{})
		if err := m.compile(t.Context(), paying.Wasm); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	_, err := meter.Rewrite(with(t, section(6, 1, 0x7f, 0, 0x41, 1, 0x41, 2, 0x6a, 0x0b)...), meter.Options{})
	if err == nil || !strings.Contains(err.Error(), "the extended constant expressions proposal is not supported") {
		t.Errorf("got %v", err)
	}
}
