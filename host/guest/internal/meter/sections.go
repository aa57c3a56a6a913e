package meter

import (
	"bytes"
	"cmp"
	"fmt"
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

	declared Declared
	types    []FuncType
	// funcs are the types of all functions, imported first.
	funcs                      []uint32
	imported                   int
	segments, elements, bodies int
	locals                     uint64          // of all functions so far
	exported                   map[uint32]bool // functions that the host may call
	// dataCount is -1 without a section of that name.
	dataCount, dataSegments int
	values, work            uint64 // of all bodies so far
	hasNames                bool

	last int              // rank of the last section that was no custom section
	seen [secTag + 1]bool // which sections that are no custom ones were
	// broken is what is wrong with the content of a section that declares nothing, declined why no guest gets what could be read.
	broken, declined error

	body body
	plan plan
	text []byte
}

// Indices of what is added. They hold once the sections that come before their use are read.
func (w *rewriter) refuelType() uint64 { return uint64(len(w.types)) }
func (w *rewriter) checkType() uint64  { return uint64(len(w.types)) + 1 }
func (w *rewriter) refuelFunc() uint64 { return uint64(w.imported) }
func (w *rewriter) checkFunc() uint64  { return uint64(len(w.funcs)) + 1 }
func (w *rewriter) fuelGlobal() uint64 { return uint64(len(w.declared.Globals)) }

const preamble = "\x00asm\x01\x00\x00\x00"

// module reads the whole module. The Module that it gives says what is declared where that could be read.
func (w *rewriter) module(wasm []byte) (Module, error) {
	t := transcript{b: wasm, place: Place{Function: -1}}
	if !t.limit("%d bytes, at most %d are allowed", uint64(len(wasm)), uint64(w.o.Limits.ModuleBytes)) {
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
	if w.o.Limits.ModuleValues == 0 {
		w.o.Limits.ModuleValues = moduleValues + valuesPerByte*len(wasm)
	}
	if w.o.Limits.Work == 0 {
		w.o.Limits.Work = moduleWork + workPerByte*uint64(len(wasm))
	}
	w.last, w.dataCount = -1, -1
	w.out = append(make([]byte, 0, len(wasm)+len(wasm)/2+256), preamble...)
	for t.left() > 0 {
		if err := w.section(&t); err != nil {
			return Module{}, cmp.Or(w.broken, err)
		}
	}
	if err := w.missing(len(order)); err != nil {
		return Module{}, cmp.Or(w.broken, err)
	}
	if w.dataCount >= 0 && w.dataCount != w.dataSegments {
		t.fail("%d data segments, %d are announced", w.dataSegments, w.dataCount)
	}
	m := Module{Imported: w.imported, Functions: len(w.funcs), Declared: &w.declared}
	if err := cmp.Or(w.broken, t.err); err != nil {
		return m, err
	}
	if m.Declined = w.declined; m.Declined == nil {
		m.Wasm = w.out
	}
	return m, m.Declined
}

func (w *rewriter) section(t *transcript) error {
	at := t.pos
	id := t.byte()
	if int(id) >= len(sectionNames) {
		t.pos = at
		t.fail("there is no section %d", id)
		return t.err
	}
	size := t.u32()
	switch {
	case t.err != nil && t.pos == len(t.b):
		return &TruncatedError{fmt.Sprintf("byte %d: the bytes end too early", t.pos)}
	case t.err != nil:
		return t.err
	}
	if left := t.left(); uint64(size) > uint64(left) {
		return &TruncatedError{fmt.Sprintf("the %s section at byte %d has %d bytes, the module ends after %d of them", sectionNames[id], at, size, left)}
	}
	s := t.sub(size)
	s.place.Section = sectionNames[id]
	if id == secCustom {
		return w.custom(&s)
	}
	if w.seen[id] {
		t.pos = at
		t.fail("a second %s section", sectionNames[id])
		return t.err
	}
	w.seen[id] = true
	if rank(id) <= w.last {
		s.fail("it comes too late")
		return s.err
	}
	if err := w.missing(rank(id)); err != nil {
		return err
	}
	w.last = rank(id)
	err := w.transcribe(id, &s)
	if err != nil && (id == secElement || id == secCode || id == secData) {
		if w.broken == nil {
			w.broken = err
		}
		return nil
	}
	return err
}

// decline notes why no guest gets what could be read. The first reason stays.
func (w *rewriter) decline(err error) {
	if w.declined == nil {
		w.declined = err
	}
}

// missing writes what is added to sections that the module does not have and that come before the rank.
func (w *rewriter) missing(before int) error {
	for _, id := range added {
		if at := rank(id); at > w.last && at < before {
			if pending := len(w.funcs) - w.imported; id == secCode && pending > 0 {
				return &TruncatedError{fmt.Sprintf("%d functions are declared, there is no code section", pending)}
			}
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
		s.limit("%d data segments, at most %d are allowed", uint64(w.dataCount), maxDeclared)
	case secTag:
		s.unsupported(featureExceptions)
	case secCode:
		w.code(s)
	default:
		w.vector(id, s)
	}
	if left := s.left(); left > 0 {
		s.place.Section = ""
		s.fail("%d bytes too many in the %s section", left, sectionNames[id])
	}
	if s.err != nil {
		return s.err
	}
	return w.put(id, s)
}

// tooLong is said of the output.
const tooLong = "%d bytes after the rewrite, at most %d are allowed"

func (w *rewriter) put(id byte, s *transcript) error {
	w.out = appendU(append(w.out, id), uint64(len(s.out)))
	w.out = append(w.out, s.out...)
	s.limit(tooLong, uint64(len(w.out)), 2*uint64(w.o.Limits.ModuleBytes))
	return s.err
}

// vector writes a section that is a vector, and what is added to it.
func (w *rewriter) vector(id byte, s *transcript) {
	n := s.count("%d declarations, at most %d are allowed", maxDeclared)
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
