package guest

import "unicode/utf8"

func (m *declarations) section(id byte, r *reader) {
	if id == 8 || id == 12 { // start, data count
		r.u32()
		return
	}
	n := r.count()
	if id == 10 && r.err == nil && int(n) != m.pending {
		r.fail("%d bodies for %d functions", n, m.pending)
	}
	for i := 0; r.err == nil && i < int(n); i++ {
		switch id {
		case 1:
			m.types = append(m.types, readType(r))
		case 2:
			m.readImport(r)
		case 3:
			m.pending++
			m.funcs = append(m.funcs, r.u32())
		case 4:
			m.readTable(r)
		case 5:
			m.memories = append(m.memories, readMemory(r))
		case 6:
			at := r.pos
			r.bytes(2) // type and mutability
			r.constExpr()
			if i == 0 && r.err == nil {
				m.stack = isStackPointer(r.b[at:r.pos])
			}
		case 7:
			m.readExport(r)
		case 9:
			readElement(r)
		case 10:
			body := r.sub(r.u32())
			m.code.body(body)
			r.err = body.err
		case 11:
			readData(r)
		case 13:
			r.unsupported("exception handling")
		}
	}
}

// isStackPointer says whether a global could be wasm-ld's __stack_pointer, which is the first of a module: a mutable i32 that
// begins at the end of a stack.
func isStackPointer(global []byte) bool {
	r := &reader{b: global}
	if head := r.bytes(3); string(head) != "\x7f\x01\x41" {
		return false
	}
	top := r.u32()
	negative := global[r.pos-1]&0x40 != 0 // the number is signed in truth
	return r.err == nil && !negative && top >= 1024 && top%16 == 0 && top < 1<<31
}

func readType(r *reader) funcType {
	if form := r.byte(); form != 0x60 {
		r.unsupported("garbage collection") // other types than of functions
	}
	list := func() string {
		n := r.count()
		if n > maxParams {
			r.fail("a function type with %d parameters or results, at most %d are allowed", n, maxParams)
		}
		b := r.bytes(n)
		for _, t := range b {
			if valueTypes[t] == "" {
				r.fail("value type %#02x is not one of WebAssembly 2.0", t)
			}
		}
		return string(b)
	}
	return funcType{params: list(), results: list()}
}

func (m *declarations) readImport(r *reader) {
	x := extern{module: r.name(), name: r.name()}
	kind := r.byte()
	switch kind {
	case 0:
		t := r.u32()
		x.typ = m.signature(r, t)
		m.funcs = append(m.funcs, t)
		m.imported++
	case 1:
		m.readTable(r)
	case 2:
		mem := readMemory(r)
		mem.imported = true
		m.memories = append(m.memories, mem)
	case 3:
		r.bytes(2)
	case 4:
		r.byte()
		r.u32()
	default:
		r.fail("an import of kind %d", kind)
		return
	}
	x.kind = externKinds[kind]
	m.imports = append(m.imports, x)
}

func (m *declarations) readExport(r *reader) {
	x := extern{name: r.name()}
	kind, index := r.byte(), r.u32()
	if int(kind) >= len(externKinds) {
		r.fail("an export of kind %d", kind)
		return
	}
	if x.kind = externKinds[kind]; x.kind == "func" {
		if uint64(index) >= uint64(len(m.funcs)) {
			r.fail("export %q of function %d, there are %d", x.name, index, len(m.funcs))
			return
		}
		x.typ, x.index = m.signature(r, m.funcs[index]), index
	}
	m.exports = append(m.exports, x)
}

func (m *declarations) signature(r *reader, t uint32) funcType {
	if uint64(t) >= uint64(len(m.types)) {
		r.fail("type %d, there are %d", t, len(m.types))
		return funcType{}
	}
	return m.types[t]
}

func (m *declarations) readTable(r *reader) {
	t := tableType{elem: r.byte()}
	if t.elem != 0x70 && t.elem != 0x6f {
		r.fail("a table of type %#02x is not supported", t.elem)
	}
	flags := r.byte()
	t.min = r.u32()
	t.max = t.min
	if flags > 1 {
		r.fail("a table with flags %#02x", flags)
	} else if flags == 1 {
		t.max = r.u32()
	}
	if t.max < t.min {
		r.fail("a table of at least %d and at most %d entries", t.min, t.max)
	}
	if m.tables = append(m.tables, t); len(m.tables) > maxTables {
		r.fail("more than %d tables", maxTables)
	}
}

func readMemory(r *reader) memoryType {
	flags := r.byte()
	if flags > 7 {
		r.fail("a memory with flags %#02x", flags)
	}
	mem := memoryType{hasMax: flags&1 != 0, shared: flags&2 != 0, wide: flags&4 != 0}
	limit := func() uint64 {
		if !mem.wide {
			return uint64(r.u32())
		}
		at := r.pos
		r.skipLEB(10)
		var v uint64
		for i, c := range r.b[at:r.pos] {
			v |= uint64(c&0x7f) << (7 * i)
		}
		return v
	}
	mem.min = limit()
	if mem.hasMax {
		mem.max = limit()
	}
	return mem
}

// readElement passes an element segment (WebAssembly core 2.0, section 5.5.12).
func readElement(r *reader) {
	flags := r.u32()
	if flags > 7 {
		r.fail("an element segment with flags %d", flags)
	}
	if flags&1 == 0 {
		if flags&2 != 0 {
			r.u32() // table
		}
		r.constExpr()
	}
	if flags&3 != 0 {
		r.byte() // kind or type
	}
	for range r.count() {
		if r.err != nil {
			return
		}
		if flags&4 != 0 {
			r.constExpr()
		} else {
			r.u32()
		}
	}
}

// readData passes a data segment (WebAssembly core 2.0, section 5.5.14).
func readData(r *reader) {
	switch flags := r.u32(); flags {
	case 0:
		r.constExpr()
	case 1:
	case 2:
		r.u32()
		r.constExpr()
	default:
		r.fail("a data segment with flags %d", flags)
	}
	r.bytes(r.u32())
}

// custom reads the custom sections that mean something here. It says whether the compiler may see the section: one that cannot
// be read must not keep a module from running (WebAssembly core 2.0, section 7.4), and the compiler would refuse it.
func (m *declarations) custom(r *reader) (keep bool) {
	name := r.name()
	if r.err != nil {
		return true
	}
	rest := r.bytes(uint32(r.left()))
	switch name {
	case "name":
		module, ok := readNames(&reader{b: rest})
		if !ok || m.named {
			return false
		}
		m.name, m.named = module, true
	case "producers":
		m.producers = rest
	case metadataSection:
		m.metadata = append(m.metadata, rest)
	}
	return true
}

// readNames reads the module's name and holds the other subsections to the form that the compiler wants.
func readNames(r *reader) (module string, ok bool) {
	for r.left() > 0 {
		id := r.byte()
		sub := r.sub(r.u32())
		switch id {
		case 0:
			module = sub.name()
		case 1:
			readNameMap(sub)
		case 2:
			for range sub.count() {
				sub.u32()
				readNameMap(sub)
				if sub.err != nil {
					break
				}
			}
		}
		if sub.left() > 0 && id <= 2 || sub.err != nil {
			return "", false
		}
	}
	return module, r.err == nil
}

func readNameMap(r *reader) {
	for range r.count() {
		r.u32()
		if !utf8.Valid(r.bytes(r.u32())) {
			r.fail("a name that is not UTF-8")
		}
		if r.err != nil {
			return
		}
	}
}
