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

// initializer passes a constant expression (3.3.10, 5.4.9), and gives the number of an i32.const.
func (w *rewriter) initializer(t *transcript) (number int32) {
	for n := 0; t.err == nil; n++ {
		op := t.copyByte()
		if n > 0 && op != 0x0b && t.err == nil {
			// Of one value there is one instruction; more are additions and multiplications.
			t.unsupported(featureExtendedInit)
			return 0
		}
		switch op {
		case 0x0b:
			return number
		case 0x41:
			number = int32(t.copySigned(32))
		case 0x42:
			t.copySigned(64)
		case 0x43:
			t.copyBytes(4)
		case 0x44:
			t.copyBytes(8)
		case 0x23:
			t.copyIndex("global", len(w.declared.Globals))
		case 0xd0:
			t.refType()
		case 0xd2:
			w.copyFunc(t)
		case 0xfd:
			if form, _ := t.vector(); form != constV128 {
				t.fail("not a constant expression")
			}
			t.copyBytes(16)
		default:
			t.fail("not a constant expression: opcode %#02x", op)
		}
	}
	return 0
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
			t.copyIndex("table", len(w.declared.Tables))
		} else if len(w.declared.Tables) == 0 {
			w.decline(&MalformedError{t.here(), "an element segment, there is no table"})
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
	n := t.copyCount("%d elements of a segment, at most %d are allowed", maxElements)
	w.elements += int(n)
	t.limit("%d elements of segments, at most %d are allowed", uint64(w.elements), maxElements)
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

// needMemory declines what needs a memory where there is none.
func (w *rewriter) needMemory(t *transcript) {
	if len(w.declared.Memories) == 0 && w.declined == nil {
		w.decline(&MalformedError{t.here(), "there is no memory"})
	}
}
