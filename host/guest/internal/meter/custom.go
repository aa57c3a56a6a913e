package meter

import "strings"

// custom passes a custom section (5.5.3), byte for byte. Left out are those that hold offsets into the code, or indices of
// functions that only a linker understands: they would be wrong.
func (w *rewriter) custom(s *transcript) error {
	name := s.name()
	if s.err != nil {
		return s.err
	}
	if name == w.o.Custom {
		w.declared.Custom = append(w.declared.Custom, s.b[s.pos:])
	}
	switch {
	case name == "name":
		return w.names(s)
	case name == "producers":
		w.declared.Producers = s.producers()
	case name == "linking", strings.HasPrefix(name, "reloc."), strings.HasPrefix(name, ".debug_"), strings.HasPrefix(name, "metadata.code."):
		return nil
	}
	s.out = s.b
	return w.put(secCustom, s)
}

// producers reads as much of the section as can be read.
func (t transcript) producers() (found []Producer) {
	for fields := t.u32(); fields > 0 && t.err == nil; fields-- {
		field := t.name()
		for values := t.u32(); values > 0; values-- {
			p := Producer{field, t.name(), t.name()}
			if t.err != nil {
				return found
			}
			found = append(found, p)
		}
	}
	return found
}

// names writes the names of the module and of its functions (7.4.1): what traces show. Names of locals and the like serve
// debuggers and are left out. A section that is malformed, that comes twice or before the functions is left out as a whole: by the
// specification it makes no module invalid.
func (w *rewriter) names(s *transcript) error {
	if w.hasNames || w.last < rank(secFunction) {
		return nil
	}
	s.out = appendName(make([]byte, 0, len(s.b)+64), "name")
	module := ""
	for last := -1; s.left() > 0; {
		id := s.byte()
		sub := s.sub(s.u32())
		if int(id) <= last {
			s.fail("subsection %d comes twice, or too late", id)
		}
		last = int(id)
		switch id {
		case 0:
			module = sub.copyName()
		case 1:
			w.functionNames(&sub)
		default:
			continue
		}
		if sub.end() != nil {
			return nil
		}
		s.out = appendU(append(s.out, id), uint64(len(sub.out)))
		s.out = append(s.out, sub.out...)
	}
	if s.err != nil {
		return nil
	}
	w.hasNames, w.declared.Name = true, module
	return w.put(secCustom, s)
}

// functionNames writes a map from functions to names, in ascending order (7.4.2).
func (w *rewriter) functionNames(s *transcript) {
	n := s.count("%d names, at most %d are allowed", w.o.Limits.Functions)
	s.out = appendU(make([]byte, 0, len(s.b)+64), uint64(n)+2)
	next, placed := 0, false
	refuel := func(before int) {
		if !placed && before >= w.imported {
			s.out = appendName(appendU(s.out, w.refuelFunc()), ImportModule+"."+ImportFunc)
			placed = true
		}
	}
	for ; n > 0 && s.err == nil; n-- {
		f := s.index("function", len(w.funcs))
		if int(f) < next {
			s.fail("function %d comes twice, or too late", f)
		}
		next = int(f) + 1
		refuel(int(f))
		s.out = appendU(s.out, uint64(w.shift(f)))
		s.copyName()
	}
	refuel(w.imported)
	s.out = appendName(appendU(s.out, w.checkFunc()), ImportModule+".check")
}
