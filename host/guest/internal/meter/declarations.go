package meter

import "fmt"

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
		w.table(s, false)
	case secMemory:
		w.memory(s, false)
	case secGlobal:
		g := s.global()
		g.Start = w.initializer(s)
		w.declared.Globals = append(w.declared.Globals, g)
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

// function passes the type of a function.
func (w *rewriter) function(s *transcript) (typ FuncType) {
	t := s.copyIndex("type", len(w.types))
	w.funcs = append(w.funcs, t)
	if s.limit("%d functions, at most %d are allowed", uint64(len(w.funcs)), uint64(w.o.Limits.Functions)) {
		typ = w.types[t]
	}
	return typ
}

// table passes a table type (5.3.9) or refuses, in the table section, what the proposal of typed references made of it.
func (w *rewriter) table(s *transcript, imported bool) {
	if s.left() > 0 && s.b[s.pos] == 0x40 {
		s.unsupported(featureTypedRefs)
	}
	if elem := s.copyByte(); elem != 0x70 && elem != 0x6f {
		s.wrongType(elem, "a table of type %#02x is not supported")
	}
	flags := s.byte()
	if flags > 1 {
		s.fail("a table with flags %#02x", flags)
	}
	table := Table{Min: s.u32()}
	table.Max = table.Min
	if flags == 1 {
		table.Max = s.u32()
	}
	if table.Max < table.Min {
		s.fail("a table of at least %d and at most %d entries", table.Min, table.Max)
	}
	allowed := w.o.Limits.TableEntries
	if table.Min > allowed {
		w.decline(&LimitError{s.here(), fmt.Sprintf("%d table entries, at most %d are allowed", table.Min, allowed)})
	}
	most := table.Max
	if flags == 0 && !w.o.FixedTables {
		most = allowed
	}
	s.writeLimits(uint64(table.Min), uint64(most), uint64(allowed), flags == 1, imported)
	w.declared.Tables = append(w.declared.Tables, table)
	s.limit("%d tables, at most %d are allowed", uint64(len(w.declared.Tables)), uint64(w.o.Limits.Tables))
}

// maxPages is how many there are in 32 bits of address.
const maxPages = 1 << 16

// memory passes the type of a memory (5.3.8). One that no guest gets is read to its end.
func (w *rewriter) memory(s *transcript, imported bool) {
	flags := s.byte()
	switch {
	case flags >= 8 && flags < 16:
		s.unsupported(featurePageSizes)
	case flags > 7:
		s.fail("a memory with flags %#02x", flags)
	}
	m := Memory{HasMax: flags&1 != 0, Shared: flags&2 != 0, Wide: flags&4 != 0, Imported: imported}
	bits, allowed := 32, uint64(w.o.Limits.MemoryPages)
	if m.Wide {
		bits = 64
	}
	m.Min = s.unsigned(bits)
	most := allowed
	if m.HasMax {
		m.Max = s.unsigned(bits)
		most = m.Max
	}
	switch {
	case m.Shared:
		w.decline(&UnsupportedError{s.here(), featureThreads})
	case m.Wide:
		w.decline(&UnsupportedError{s.here(), featureMemory64})
	case m.HasMax && m.Max < m.Min:
		s.fail("at least %d and at most %d pages of memory", m.Min, m.Max)
	case m.HasMax && m.Max > maxPages:
		s.fail("a memory of %d pages", m.Max)
	case m.Min > allowed:
		w.decline(&LimitError{s.here(), fmt.Sprintf("%d pages of memory, at most %d are allowed", m.Min, allowed)})
	}
	s.writeLimits(m.Min, most, allowed, m.HasMax, imported)
	if w.declared.Memories = append(w.declared.Memories, m); len(w.declared.Memories) > 1 {
		w.decline(&UnsupportedError{s.here(), featureMultiMemory})
	}
}

// writeLimits writes limits (5.3.7). A most that is larger than allowed becomes what is allowed: growing beyond it fails for the
// guest as growing beyond its own most does. What is imported has the limits of the other side.
func (t *transcript) writeLimits(least, most, allowed uint64, hasMost, imported bool) {
	switch {
	case !imported:
		t.out = appendU(appendU(append(t.out, 1), least), min(most, allowed))
	case hasMost:
		t.out = appendU(appendU(append(t.out, 1), least), most)
	default:
		t.out = appendU(append(t.out, 0), least)
	}
}

// global passes a global type (5.3.10).
func (t *transcript) global() Global {
	g := Global{Type: t.valueType()}
	mutable := t.copyByte()
	if mutable > 1 {
		t.fail("a global of mutability %#02x", mutable)
	}
	g.Mutable = mutable == 1
	return g
}

// imports passes an import (5.5.5).
func (w *rewriter) imports(s *transcript) {
	x := Extern{Module: s.copyName(), Name: s.copyName()}
	if x.Module == ImportModule {
		w.decline(&ReservedError{"import", x.Module})
	}
	kind := s.copyByte()
	switch kind {
	case 0:
		w.imported++
		x.Type = w.function(s)
	case 1:
		w.table(s, true)
	case 2:
		w.memory(s, true)
	case 3:
		w.declared.Globals = append(w.declared.Globals, s.global())
	case 4:
		s.byte()
		s.index("type", len(w.types))
		w.decline(&UnsupportedError{s.here(), featureExceptions})
	default:
		s.fail("an import of kind %d", kind)
	}
	if s.err == nil {
		x.Kind = externKinds[kind]
		w.declared.Imports = append(w.declared.Imports, x)
	}
}

// export passes an export (5.5.10).
func (w *rewriter) export(s *transcript) {
	x := Extern{Name: s.copyName()}
	if x.Name == FuelExport {
		w.decline(&ReservedError{"export", x.Name})
	}
	kind := s.copyByte()
	switch kind {
	case 0:
		w.exportFunc(s, &x)
	case 1:
		w.exportOther(s, "table", len(w.declared.Tables))
	case 2:
		w.exportOther(s, "memory", len(w.declared.Memories))
	case 3:
		w.exportOther(s, "global", len(w.declared.Globals))
	case 4:
		s.u32()
		w.decline(&UnsupportedError{s.here(), featureExceptions})
	default:
		s.fail("an export of kind %d", kind)
	}
	if s.err == nil {
		x.Kind = externKinds[kind]
		w.declared.Exports = append(w.declared.Exports, x)
	}
}

func (w *rewriter) exportFunc(s *transcript, x *Extern) {
	x.Index = s.u32()
	if s.err == nil && uint64(x.Index) >= uint64(len(w.funcs)) {
		s.fail("export %q of function %d, there are %d", x.Name, x.Index, len(w.funcs))
	}
	if s.err == nil {
		x.Type = w.types[w.funcs[x.Index]]
		w.exported[x.Index] = true
		s.out = appendU(s.out, uint64(w.shift(x.Index)))
	}
}

// exportOther passes an index of what says nothing more about the export.
func (w *rewriter) exportOther(s *transcript, what string, n int) {
	if v := s.copyU32(); uint64(v) >= uint64(n) {
		w.decline(&MalformedError{s.here(), fmt.Sprintf("%s %d, there are %d", what, v, n)})
	}
}
