package meter

import (
	"bytes"
	"slices"
)

// Identifiers of sections (5.5.2).
const (
	secCustom = iota
	secType
	secImport
	secFunction
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElement
	secCode
	secData
	secDataCount
	secTag
)

var sectionNames = [...]string{"custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data", "data count", "tag"}

// order is that of the sections in a module (5.5.16), and added are those that the output has in any case.
var (
	order = []byte{secType, secImport, secFunction, secTable, secMemory, secTag, secGlobal, secExport, secStart, secElement, secDataCount, secCode, secData}
	added = []byte{secType, secImport, secFunction, secGlobal, secExport, secCode}
)

func rank(id byte) int { return slices.Index(order, id) }

// rewriter writes a module anew, section by section, as it reads it.
type rewriter struct {
	o   Options
	out []byte

	types []funcType
	// funcs are the types of all functions, imported first.
	funcs                      []uint32
	imported                   int
	globals, tables, memories  int
	segments, elements, bodies int
	exported                   map[uint32]bool // functions that the host may call
	// dataCount is -1 without a section of that name.
	dataCount, dataSegments int
	hasNames                bool

	last int // rank of the last section that was no custom section
	body body
	plan plan
	text []byte
}

// Indices of what is added. They hold once the sections that come before their use are read.
func (w *rewriter) refuelType() uint64 { return uint64(len(w.types)) }
func (w *rewriter) checkType() uint64  { return uint64(len(w.types)) + 1 }
func (w *rewriter) refuelFunc() uint64 { return uint64(w.imported) }
func (w *rewriter) checkFunc() uint64  { return uint64(len(w.funcs)) + 1 }
func (w *rewriter) fuelGlobal() uint64 { return uint64(w.globals) }

const preamble = "\x00asm\x01\x00\x00\x00"

func (w *rewriter) module(wasm []byte) (Module, error) {
	t := transcript{b: wasm, place: Place{Function: -1}}
	if !t.limit("bytes", uint64(len(wasm)), uint64(w.o.Limits.ModuleBytes)) {
		return Module{}, t.err
	}
	if head := t.bytes(8); string(head) != preamble {
		if t.err == nil && bytes.HasPrefix(head, []byte(preamble[:4])) && head[6] != 0 {
			t.unsupported(featureComponents)
		}
		t.pos = 0
		t.fail("it does not begin as a module of version 1 does")
		return Module{}, t.err
	}
	w.last, w.dataCount = -1, -1
	w.out = append(make([]byte, 0, len(wasm)+len(wasm)/2+256), preamble...)
	for t.left() > 0 {
		if err := w.section(&t); err != nil {
			return Module{}, err
		}
	}
	if err := w.missing(len(order)); err != nil {
		return Module{}, err
	}
	switch {
	case w.bodies != len(w.funcs)-w.imported:
		t.fail("%d functions, %d bodies", len(w.funcs)-w.imported, w.bodies)
	case w.dataCount >= 0 && w.dataCount != w.dataSegments:
		t.fail("%d data segments, %d are announced", w.dataSegments, w.dataCount)
	}
	if t.err != nil {
		return Module{}, t.err
	}
	return Module{Wasm: w.out, Imported: w.imported, Functions: len(w.funcs)}, nil
}

func (w *rewriter) section(t *transcript) error {
	id := t.byte()
	if t.err == nil && int(id) >= len(sectionNames) {
		t.fail("there is no section %d", id)
		return t.err
	}
	s := t.sub(t.u32())
	if s.err != nil {
		return s.err
	}
	s.place.Section = sectionNames[id]
	if id == secCustom {
		return w.custom(&s)
	}
	at := rank(id)
	if at <= w.last {
		s.fail("it comes twice, or too late")
		return s.err
	}
	if err := w.missing(at); err != nil {
		return err
	}
	w.last = at
	return w.transcribe(id, &s)
}

// missing writes what is added to sections that the module does not have and that come before the rank.
func (w *rewriter) missing(before int) error {
	for _, id := range added {
		if at := rank(id); at > w.last && at < before {
			w.last = at
			// A section without elements.
			s := transcript{b: []byte{0}, place: Place{Section: sectionNames[id], Function: -1}}
			if err := w.transcribe(id, &s); err != nil {
				return err
			}
		}
	}
	return nil
}

// transcribe writes a section.
func (w *rewriter) transcribe(id byte, s *transcript) error {
	s.out = make([]byte, 0, len(s.b)+32)
	switch id {
	case secStart:
		w.copyFunc(s)
	case secDataCount:
		w.dataCount = int(s.copyU32())
		s.limit("data segments", uint64(w.dataCount), maxDeclared)
	case secTag:
		s.unsupported(featureExceptions)
	case secCode:
		w.code(s)
	default:
		w.vector(id, s)
	}
	if err := s.end(); err != nil {
		return err
	}
	return w.put(id, s)
}

func (w *rewriter) put(id byte, s *transcript) error {
	w.out = appendU(append(w.out, id), uint64(len(s.out)))
	w.out = append(w.out, s.out...)
	s.limit("bytes after the rewrite", uint64(len(w.out)), 2*uint64(w.o.Limits.ModuleBytes))
	return s.err
}

// vector writes a section that is a vector, and what is added to it.
func (w *rewriter) vector(id byte, s *transcript) {
	n := s.count("declarations", maxDeclared)
	more := uint64(0)
	switch id {
	case secType:
		more = 2
	case secImport, secFunction, secGlobal, secExport:
		more = 1
	}
	s.out = appendU(s.out, uint64(n)+more)
	for ; n > 0 && s.err == nil; n-- {
		w.declaration(id, s)
	}
	switch id {
	case secType:
		s.out = append(s.out, 0x60, 2, 0x7e, 0x7e, 1, 0x7e, 0x60, 1, 0x7e, 0)
	case secImport:
		s.out = appendName(appendName(s.out, ImportModule), ImportFunc)
		s.out = appendU(append(s.out, 0x00), w.refuelType())
	case secFunction:
		s.out = appendU(s.out, w.checkType())
	case secGlobal:
		s.out = append(s.out, 0x7e, 1, 0x42, 0, 0x0b) // mut i64 = 0
	case secExport:
		s.out = appendU(append(appendName(s.out, FuelExport), 0x03), w.fuelGlobal())
	}
}

// declaration writes an element of a section that is a vector.
func (w *rewriter) declaration(id byte, s *transcript) {
	switch id {
	case secType:
		w.types = append(w.types, s.funcType())
	case secImport:
		w.imports(s)
	case secFunction:
		w.function(s)
	case secTable:
		w.table(s, true)
	case secMemory:
		w.memory(s, true)
	case secGlobal:
		s.global()
		w.initializer(s)
		w.globals++
	case secExport:
		w.export(s)
	case secElement:
		w.element(s)
		w.segments++
	case secData:
		w.data(s)
		w.dataSegments++
	}
}

func (w *rewriter) function(s *transcript) {
	w.funcs = append(w.funcs, s.copyIndex("type", len(w.types)))
	s.limit("functions", uint64(len(w.funcs)), uint64(w.o.Limits.Functions))
}

func (w *rewriter) table(s *transcript, clamp bool) {
	s.table(w.o.Limits.TableEntries, clamp)
	w.tables++
	s.limit("tables", uint64(w.tables), uint64(w.o.Limits.Tables))
}

func (w *rewriter) memory(s *transcript, clamp bool) {
	s.limits(pages, w.o.Limits.MemoryPages, clamp)
	if w.memories++; w.memories > 1 {
		s.unsupported(featureMultiMemory)
	}
}

// imports passes an import (5.5.5). What is imported is not clamped: its limits are the other side's.
func (w *rewriter) imports(s *transcript) {
	module, _ := s.copyName(), s.copyName()
	if module == ImportModule {
		s.stop(&ReservedError{"import", module})
	}
	switch kind := s.copyByte(); kind {
	case 0:
		w.imported++
		w.function(s)
	case 1:
		w.table(s, false)
	case 2:
		w.memory(s, false)
	case 3:
		s.global()
		w.globals++
	case 4:
		s.unsupported(featureExceptions)
	default:
		s.fail("an import of kind %d", kind)
	}
}

// export passes an export (5.5.10).
func (w *rewriter) export(s *transcript) {
	if name := s.copyName(); name == FuelExport {
		s.stop(&ReservedError{"export", name})
	}
	switch kind := s.copyByte(); kind {
	case 0:
		w.exported[w.copyFunc(s)] = true
	case 1:
		s.copyIndex("table", w.tables)
	case 2:
		s.copyIndex("memory", w.memories)
	case 3:
		s.copyIndex("global", w.globals)
	case 4:
		s.unsupported(featureExceptions)
	default:
		s.fail("an export of kind %d", kind)
	}
}
