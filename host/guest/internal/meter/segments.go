package meter

// copyFunc passes the index of a function to what it is in the output: the module's own moved up by one.
func (w *rewriter) copyFunc(t *transcript) (original uint32) {
	original = t.index("function", len(w.funcs))
	t.out = appendU(t.out, uint64(w.shift(original)))
	return original
}

// shift gives the index of a function in the output.
func (w *rewriter) shift(f uint32) uint32 {
	if uint64(f) >= uint64(w.imported) {
		return f + 1
	}
	return f
}

// initializer passes a constant expression (3.3.10, 5.4.9).
func (w *rewriter) initializer(t *transcript) {
	for n := 0; t.err == nil; n++ {
		op := t.copyByte()
		if n > 0 && op != 0x0b && t.err == nil {
			// Of one value there is one instruction; more are additions and multiplications.
			t.unsupported(featureExtendedInit)
			return
		}
		switch op {
		case 0x0b:
			return
		case 0x41:
			t.copySigned(32)
		case 0x42:
			t.copySigned(64)
		case 0x43:
			t.copyBytes(4)
		case 0x44:
			t.copyBytes(8)
		case 0x23:
			t.copyIndex("global", w.globals)
		case 0xd0:
			t.refType()
		case 0xd2:
			w.copyFunc(t)
		case 0xfd:
			if form := t.vector(); form != constV128 {
				t.fail("not a constant expression")
			}
			t.copyBytes(16)
		default:
			t.fail("opcode %#02x in a constant expression", op)
		}
	}
}

// element passes an element segment (5.5.12).
func (w *rewriter) element(t *transcript) {
	flags := t.copyU32()
	if flags > 7 {
		t.fail("an element segment with flags %d", flags)
	}
	passive, explicit, expressions := flags&1 != 0, flags&2 != 0, flags&4 != 0
	if !passive {
		if explicit {
			t.copyIndex("table", w.tables)
		} else if w.tables == 0 {
			t.fail("an element segment, there is no table")
		}
		w.initializer(t)
	}
	switch {
	case !passive && !explicit:
	case expressions:
		t.refType()
	default:
		if kind := t.copyByte(); kind != 0 {
			t.fail("an element segment of kind %#02x", kind)
		}
	}
	n := t.copyCount("elements of a segment", maxElements)
	w.elements += int(n)
	t.limit("elements of segments", uint64(w.elements), maxElements)
	for ; n > 0 && t.err == nil; n-- {
		if expressions {
			w.initializer(t)
		} else {
			w.copyFunc(t)
		}
	}
}

// data passes a data segment (5.5.14).
func (w *rewriter) data(t *transcript) {
	flags := t.copyU32()
	if flags > 2 {
		t.fail("a data segment with flags %d", flags)
	}
	if flags == 2 && t.copyU32() != 0 {
		t.unsupported(featureMultiMemory)
	}
	if flags != 1 {
		w.needMemory(t)
		w.initializer(t)
	}
	t.copyBytes(t.copyU32())
}

// copyMemory passes the index of a memory, of which there is one: a zero byte (5.4.6).
func (t *transcript) copyMemory() {
	switch m := t.copyByte(); {
	case m >= 0x80:
		t.fail("a zero byte is expected")
	case m > 0:
		t.unsupported(featureMultiMemory)
	}
}

// needMemory refuses what needs a memory where there is none.
func (w *rewriter) needMemory(t *transcript) {
	if w.memories == 0 {
		t.fail("there is no memory")
	}
}
