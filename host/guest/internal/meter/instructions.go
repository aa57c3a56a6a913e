package meter

// instruction passes one instruction (5.4).
func (b *body) instruction() {
	at := len(b.out)
	op := b.copyByte()
	kind, by := opcodes[op], heights[op]
	switch kind {
	case prefixMisc:
		kind, by = b.misc()
	case prefixVector:
		kind, by = b.vector()
	}
	b.push(int(by))
	switch kind {
	case plain:
	case local:
		b.copyIndex("local", b.vars)
		if op != 0x20 { // not local.get
			b.sets++
		}
	case global:
		b.copyIndex("global", len(b.w.declared.Globals))
	case memoryAccess, memoryLane:
		b.memoryArgument()
		if kind == memoryLane {
			b.copyByte()
		}
	case constI32:
		b.copySigned(32)
	case constI64:
		b.copySigned(64)
	case constF32:
		b.copyBytes(4)
	case constF64:
		b.copyBytes(8)
	case constV128, shuffle:
		b.copyBytes(16)
	case lane:
		b.copyByte()
	case refNull:
		b.refType()
	case refFunc:
		b.w.copyFunc(&b.transcript)
	case selectTyped:
		for n := b.copyCount("%d types of a select, at most %d are allowed", maxArity); n > 0 && b.err == nil; n-- {
			b.valueType()
		}
	case table:
		b.copyIndex("table", len(b.w.declared.Tables))
	case memorySize:
		b.memory()
	case dataDrop:
		b.segment()
	case elemDrop:
		b.copyIndex("element segment", b.w.segments)
	default:
		b.structure(op, kind, at)
		return
	}
	if b.err != nil || b.dead {
		return
	}
	if b.plain++; b.plain >= eventEvery {
		b.keepAcrossCheck(uncheckedAfterCall / eventEvery)
		b.event(event{kind: nop, pos: uint32(len(b.out))})
	}
}

// structure passes an instruction that is an event.
func (b *body) structure(op byte, kind form, at int) {
	switch kind {
	case nop:
	case block, loop, ifElse:
		b.open(kind)
	case elseArm:
		b.elseArm()
	case end:
		b.close()
	case branch, branchIf:
		b.label(kind)
		b.dead = b.dead || kind == branch
	case branchTable:
		n := b.copyCount(tooManyTargets, b.w.o.Limits.Targets)
		b.targets += uint64(n)
		b.limit(tooManyTargets, b.targets, uint64(b.w.o.Limits.Targets))
		b.event(event{kind: nop, pos: uint32(at)})
		for ; n > 0 && b.err == nil; n-- {
			b.label(branchTable)
		}
		b.label(branch)
		b.events[len(b.events)-1].flag = true
		b.dead = true
	case ret, unreachable:
		if kind == ret {
			b.carry(b.frames[0].results)
		}
		b.event(event{kind: kind, pos: uint32(at)})
		b.dead = true
	case call:
		f := b.index("function", len(b.w.funcs))
		b.out = appendU(b.out, uint64(b.w.shift(f)))
		b.calls = true
		if b.err == nil {
			b.callOf(b.w.types[b.w.funcs[f]])
		}
		b.event(event{kind: call, pos: uint32(at), flag: uint64(f) < uint64(b.w.imported)})
	case callIndirect:
		typ := b.copyIndex("type", len(b.w.types))
		b.copyIndex("table", len(b.w.declared.Tables))
		b.calls = true
		if b.err == nil {
			b.callOf(b.w.types[typ])
		}
		b.event(event{kind: call, pos: uint32(at)})
	case undefined:
		if feature := featureOf(op); feature != "" {
			b.unsupported(feature)
		}
		b.fail("there is no instruction %#02x", op)
	default:
		b.bulkOperation(kind, at)
	}
}

func (b *body) bulkOperation(kind form, at int) {
	switch kind {
	case memoryInit:
		b.segment()
		b.memory()
		b.moves(memoryFill, at, bytesShift)
	case memoryCopy:
		b.memory()
		b.memory()
		b.moves(memoryFill, at, bytesShift)
	case memoryFill:
		b.memory()
		b.fills()
		b.moves(memoryFill, at, bytesShift)
	case tableInit:
		b.copyIndex("element segment", b.w.segments)
		b.copyIndex("table", len(b.w.declared.Tables))
		b.moves(memoryFill, at, entriesShift)
	case tableCopy:
		b.copyIndex("table", len(b.w.declared.Tables))
		b.copyIndex("table", len(b.w.declared.Tables))
		b.moves(memoryFill, at, entriesShift)
	case tableFill:
		b.fills()
		b.copyIndex("table", len(b.w.declared.Tables))
		b.moves(memoryFill, at, entriesShift)
	case tableGrow:
		b.copyIndex("table", len(b.w.declared.Tables))
		b.moves(tableGrow, at, entriesShift)
	case memoryGrow:
		b.memory()
		b.moves(memoryGrow, at, pagesShift)
	}
}

// memory passes the index of the one memory.
func (b *body) memory() {
	b.copyMemory()
	b.w.needMemory(&b.transcript)
}

// memoryArgument passes alignment and offset (5.4.6).
func (b *body) memoryArgument() {
	align := b.copyU32()
	switch {
	case align >= 0x40 && align < 0x80:
		b.unsupported(featureMultiMemory)
	case align > 4:
		b.fail("an alignment of 2^%d", align)
	}
	b.copyU32()
	b.w.needMemory(&b.transcript)
}

// segment passes the index of a data segment: how many there will be, the section data count says (5.5.16).
func (b *body) segment() {
	if b.w.dataCount < 0 {
		b.fail("a data segment is named, and there is no data count section")
	}
	b.copyIndex("data segment", b.w.dataCount)
}

// tooManyTargets is said of a function's.
const tooManyTargets = "a function whose br_table instructions have %d targets, at most %d are allowed"

// code writes the bodies of all functions, and that of check.
func (w *rewriter) code(s *transcript) {
	n := s.count("%d bodies, at most %d are allowed", w.o.Limits.Functions)
	if want := len(w.funcs) - w.imported; s.err == nil && int(n) != want {
		s.fail("%d bodies for %d functions", n, want)
		return
	}
	s.out = appendU(make([]byte, 0, len(s.b)+len(s.b)/2+64), uint64(n)+1)
	w.body.w = w
	for ; s.err == nil && w.bodies < int(n); w.bodies++ {
		size := s.u32()
		if !s.limit("a function of %d bytes, at most %d are allowed: divide it", uint64(size), uint64(w.o.Limits.BodyBytes)) {
			return
		}
		t := s.sub(size)
		f := w.imported + w.bodies
		t.place.Function = f
		if err := w.body.read(t, w.types[w.funcs[f]]); err != nil {
			s.stop(err)
			return
		}
		w.body.exported = w.exported[uint32(f)]
		w.plan.make(&w.body, w.o)
		s.out = w.emit(s.out)
		s.limit(tooLong, uint64(len(w.out)+len(s.out)), 2*uint64(w.o.Limits.ModuleBytes))
	}
	// check(need): fuel = refuel(fuel, need)
	check := w.setFuel(appendU(append(w.getFuel([]byte{0}), 0x20, 0, 0x10), w.refuelFunc()))
	s.out = append(appendU(s.out, uint64(len(check)+1)), check...)
	s.out = append(s.out, 0x0b)
}
