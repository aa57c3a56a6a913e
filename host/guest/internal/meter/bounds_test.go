package meter

import (
	"slices"
	"strings"
	"testing"
)

// functions is a module of nothing but functions with these bodies.
func functions(bodies ...string) []byte {
	code := appendU([]byte{secCode}, uint64(len(bodies)))
	for _, b := range bodies {
		code = appendName(code, b)
	}
	kinds := append(appendU([]byte{secFunction}, uint64(len(bodies))), make([]byte, len(bodies))...)
	return assembled(section(secType, 1, 0x60, 0, 0), kinds, code)
}

func nested(op string, n int) string {
	return "\x00" + strings.Repeat(op+"\x40", n) + strings.Repeat("\x0b", n+1)
}

// number is LEB128.
func number(n int) string { return string(appendU(nil, uint64(n))) }

// What would cost a compiler much more than its bytes is refused; what is exactly at a bound is not.
func TestCodeBounds(t *testing.T) {
	t.Parallel()
	most := Limits{}.complete()
	locals := func(n int) string { return "\x01" + number(n) + "\x7f\x0b" }
	branches := func(n int) string {
		return "\x00\x41\x00\x0e" + number(n) + strings.Repeat("\x00", n+1) + "\x0b"
	}
	in := func(op string, depth int) string {
		return "\x01" + number(most.Locals) + "\x7f" + nested(op, depth)[1:]
	}
	for _, c := range []struct {
		name, want string
		bodies     []string
	}{
		{"locals", "a function with 50001 locals, at most 50000 are allowed", []string{locals(most.Locals + 1)}},
		{"locals at the bound", "", []string{locals(most.Locals)}},
		{"locals of all", "1000001 locals in all functions so far, at most 1000000 are allowed", append(slices.Repeat([]string{locals(most.Locals)}, 20), locals(1))},
		{"locals of all at the bound", "", slices.Repeat([]string{locals(most.Locals)}, 20)},
		{"blocks", "a function with blocks in blocks to a depth of 10001, at most 10000 are allowed", []string{nested("\x02", most.Nesting+1)}},
		{"loops", "201 loops in each other, at most 200 are allowed", []string{nested("\x03", most.Nesting+1)}},
		{"loops at the bound", "", []string{nested("\x03", most.Loops)}},
		{"ifs", "a depth of 10001", []string{nested("\x41\x00\x04", most.Nesting+1)}},
		{"blocks at the bound", "", []string{nested("\x02", most.Nesting)}},
		{"blocks one behind the other", "", []string{"\x00" + strings.Repeat("\x02\x40\x0b", 2*most.Nesting) + "\x0b"}},
		{"locals in blocks", "a function of 13550000 values, at most 13500000 are allowed: divide it", []string{in("\x02", 270)}},
		{"locals in blocks at the bound", "", []string{in("\x02", 269)}},
		{"locals in ifs", "a function of 13550000 values, at most 13500000 are allowed: divide it", []string{in("\x41\x00\x04", 45)}},
		{"locals in ifs at the bound", "", []string{in("\x41\x00\x04", 44)}},
		{"locals in loops", "a function of 13650000 values, at most 13500000 are allowed: divide it", []string{in("\x03", 13)}},
		{"locals in loops at the bound", "", []string{in("\x03", 12)}},
		{"br_table", "a function whose br_table instructions have 65521 targets, at most 65520 are allowed", []string{branches(most.Targets + 1)}},
		{"br_tables", "a function whose br_table instructions have 65521 targets, at most 65520 are allowed", []string{strings.TrimSuffix(branches(most.Targets), "\x0b") + branches(1)[1:]}},
		{"br_table at the bound", "", []string{branches(most.Targets)}},
		{"bytes", "a function of 1048577 bytes, at most 1048576 are allowed", []string{"\x00" + strings.Repeat("\x01", most.BodyBytes-1) + "\x0b"}},
		{"bytes at the bound", "", []string{"\x00" + strings.Repeat("\x01", most.BodyBytes-2) + "\x0b"}},
	} {
		_, err := Rewrite(functions(c.bodies...), Options{})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: got %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	for n, ok := range map[int]bool{maxArity: true, maxArity + 1: false} {
		list := number(n) + strings.Repeat("\x7f", n)
		for _, typ := range []string{list + "\x00", "\x00" + list} {
			if _, err := Rewrite(assembled(section(secType, []byte("\x01\x60"+typ)...)), Options{}); (err == nil) != ok {
				t.Errorf("%d parameters or results: got %v", n, err)
			}
		}
	}
}

// What would take a compiler much longer than its bytes is refused: it looks at all locals for each of them, on each way to where
// ways meet, and again for each loop in a loop.
func TestWork(t *testing.T) {
	t.Parallel()
	body := func(locals int, instructions string) []byte {
		return code([]byte("\x01" + number(locals) + "\x7f" + instructions + "\x0b")...)
	}
	const back = "\x41\x00\x0d\x00\x0b" // to the head of a loop, or to the end of a block
	for _, c := range []struct {
		name   string
		locals int
		code   func(n int) string
		most   int
	}{
		{"loops", 10_000, func(n int) string { return strings.Repeat("\x03\x40"+back, n) }, 4},
		{"loops in loops", 1000, func(n int) string { return strings.Repeat("\x03\x40", n) + strings.Repeat(back, n) }, 27},
		{"branches back", 10_000, func(n int) string { return "\x03\x40" + strings.Repeat(back[:4], n) + "\x0b" }, 16},
		{"branches behind a loop", 10_000, func(n int) string {
			return "\x02\x40\x03\x40" + back + strings.Repeat(back[:4], n) + "\x0b"
		}, 14},
		{"branches past what is set", 10_000, func(n int) string {
			return "\x02\x40" + strings.Repeat("\x41\x00\x21\x00", 5000) + strings.Repeat(back[:4], n) + "\x0b"
		}, 159},
		{"fills", 10_000, func(n int) string { return strings.Repeat("\x41\x00\x41\x00\x41\x00\xfc\x0b\x00", n) }, 4},
	} {
		for n, ok := range map[int]bool{c.most: true, c.most + 1: false} {
			_, err := Rewrite(body(c.locals, c.code(n)), Options{})
			if ok != (err == nil) || err != nil && !strings.Contains(err.Error(), "too large: locals where ways meet are work of ") {
				t.Errorf("%d %s: %v", n, c.name, err)
			}
		}
	}
	if _, err := Rewrite(functions("\x01\x01\x7f\x03\x40"+back+"\x0b", "\x01\x01\x7f\x03\x40"+back+"\x0b"), Options{Limits: Limits{Work: 19}}); err == nil || !strings.Contains(err.Error(), "work of 20 in all functions so far, at most 19 is allowed") {
		t.Errorf("got %v", err)
	}
}

// Operands that look like blocks mislead nobody who follows the instructions.
func TestOperands(t *testing.T) {
	t.Parallel()
	for _, instruction := range []string{
		"\x41\x02", "\x42\x82\x82\x82\x82\x82\x82\x82\x82\x82\x00", "\x43\x02\x02\x02\x02", "\x44\x02\x02\x02\x02\x02\x02\x02\x02",
		"\x0c\x02", "\x0d\x02", "\x0e\x03\x02\x02\x02\x02", "\x10\x02", "\x11\x02\x02", "\x1c\x02\x7f\x7f",
		"\x20\x02", "\x21\x02", "\x22\x02", "\x23\x02", "\x24\x02", "\x25\x02", "\x26\x02",
		"\x28\x02\x02", "\x3e\x02\x02", "\x3f\x00", "\x40\x00", "\xd0\x70", "\xd2\x02",
		"\xfc\x08\x02\x00", "\xfc\x09\x02", "\xfc\x0a\x00\x00", "\xfc\x0b\x00", "\xfc\x0c\x02\x02", "\xfc\x0d\x02", "\xfc\x0e\x02\x02",
		"\xfc\x0f\x02", "\xfc\x10\x02", "\xfc\x11\x02",
		"\xfd\x00\x02\x02", "\xfd\x0b\x02\x02", "\xfd\x0c" + strings.Repeat("\x02", 16), "\xfd\x0d" + strings.Repeat("\x02", 16),
		"\xfd\x15\x02", "\xfd\x22\x02", "\xfd\x54\x02\x02\x02", "\xfd\x5b\x02\x02\x02", "\xfd\x5c\x02\x02", "\xfd\x5d\x02\x02",
	} {
		// Behind an unreachable, where operands need not be there.
		body := "\x01\x03\x7f\x02\x40\x02\x40\x00" + strings.Repeat(instruction, 10_001) + "\x0b\x0b\x0b"
		// Three of each: what is named is there.
		wasm := assembled(
			section(secType, 3, 0x60, 0, 0, 0x60, 0, 0, 0x60, 0, 0), section(secFunction, 3, 0, 0, 0), section(secTable, 3, 0x70, 0, 1, 0x70, 0, 1, 0x70, 0, 1),
			section(secMemory, 1, 0, 1), section(secGlobal, []byte("\x03"+strings.Repeat("\x7f\x01\x41\x00\x0b", 3))...),
			section(secElement, []byte("\x03"+strings.Repeat("\x01\x00\x00", 3))...), section(secDataCount, 3),
			appendName([]byte{secCode, 3, 2, 0, 0x0b, 2, 0, 0x0b}, body), section(secData, []byte("\x03"+strings.Repeat("\x01\x00", 3))...),
		)
		if _, err := Rewrite(wasm, Options{}); err != nil {
			t.Errorf("%x: %v", instruction, err)
		}
	}
	// Those without operands take nothing of what follows.
	for _, instruction := range []string{"\x00", "\x01", "\x0f", "\x1a", "\x1b", "\x45", "\xc4", "\xd1", "\xfc\x00", "\xfd\x0e", "\xfd\x0f", "\xfd\x23", "\xfd\x5e", "\xfd\x80\x01", "\xfd\xff\x01"} {
		_, err := Rewrite(functions("\x00\x00"+strings.Repeat(instruction+"\x02\x40", 10_001)+strings.Repeat("\x0b", 10_002)), Options{})
		if err == nil || !strings.Contains(err.Error(), "a depth of 10001") {
			t.Errorf("%x: %v", instruction, err)
		}
	}
}

// What is declared can be read of a module that is refused for what stands in its bodies or segments, or for what it wants.
func TestDeclared(t *testing.T) {
	t.Parallel()
	named := append(appendName([]byte{secCustom}, "name"), 0, 2, 1, 'm')
	kept := append(appendName([]byte{secCustom}, "kept"), 7)
	exported := append(appendName([]byte{secExport, 1}, "f"), 0, 0)
	module := func(memory, code, data []byte) []byte {
		return assembled(section(secType, 1, 0x60, 1, 0x7f, 0), section(secFunction, 1, 0), section(secTable, 1, 0x70, 0, 5), memory, exported, code, data, named, kept)
	}
	one, empty, none := section(secMemory, 1, 0, 1), section(secCode, 1, 2, 0, 0x0b), section(secData, 0)
	for _, c := range []struct {
		name, want   string
		wasm         []byte
		known, whole bool
	}{
		{"good", "", module(one, empty, none), true, true},
		{"label", "label 1, there are 1", module(one, section(secCode, 1, 4, 0, 0x0c, 1, 0x0b), none), true, false},
		{"bodies", "2 bodies for 1 functions", module(one, section(secCode, 2, 2, 0, 0x0b, 2, 0, 0x0b), none), true, false},
		{"segment", "a data segment with flags 9", module(one, empty, section(secData, 1, 9)), true, false},
		{"wide memory", "the memory64 proposal", module(section(secMemory, 1, 4, 0x80, 0x80, 0x80, 0x80, 0x80, 1), empty, none), true, true},
		{"shared memory", "the threads proposal", module(section(secMemory, 1, 3, 1, 2), empty, none), true, true},
		{"memories", "the multiple memories proposal", module(section(secMemory, 2, 0, 1, 0, 1), empty, none), true, true},
		{"large memory", "70000 pages of memory, at most 65536 are allowed", module(section(secMemory, 1, 0, 0xf0, 0xa2, 4), empty, none), true, true},
		{"body before what it wants", "label 1, there are 1", module(section(secMemory, 2, 0, 1, 0, 1), section(secCode, 1, 4, 0, 0x0c, 1, 0x0b), none), true, false},
		{"memory", "a memory with flags 0x10", module(section(secMemory, 1, 16, 1), empty, none), false, false},
	} {
		m, err := Rewrite(c.wasm, Options{Custom: "kept"})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if (m.Declared != nil) != c.known || (m.Declined != nil) != (c.whole && c.want != "") || (m.Wasm != nil) != (c.want == "") {
			t.Errorf("%s: got %+v", c.name, m)
		}
		if d := m.Declared; d != nil && (d.Name != "m" || len(d.Custom) != 1 || string(d.Custom[0]) != "\x07" || len(d.Exports) != 1 ||
			d.Exports[0].Type.String() != "(i32) -> ()" || d.Tables[0] != Table{5, 5} || len(d.Memories) == 0) {
			t.Errorf("%s: got %+v", c.name, d)
		}
	}
}
