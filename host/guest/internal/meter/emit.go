package meter

func (w *rewriter) getFuel(b []byte) []byte { return appendU(append(b, 0x23), w.fuelGlobal()) }
func (w *rewriter) setFuel(b []byte) []byte { return appendU(append(b, 0x24), w.fuelGlobal()) }

func constant(b []byte, v uint64) []byte { return appendS(append(b, 0x42), int64(v)) }

// enough begins an if whose arms are those of enough fuel and of too little. What goes on is in the first: the runtime places it
// next, and fuses the comparison with the jump, as it does not for a br_if to a place that is reached from elsewhere too.
func (w *rewriter) enough(b []byte, v uint64) []byte {
	return append(constant(w.getFuel(b), v), 0x59, 0x04, 0x40, 0x05) // i64.ge_s, if, else
}

// leave goes to the label where there is too little.
func (w *rewriter) leave(b []byte, v uint64, label byte) []byte {
	return append(w.enough(b, v), 0x0c, label+1, 0x0b)
}

func (w *rewriter) callCheck(b []byte, need uint64) []byte {
	return appendU(append(constant(b, need), 0x10), w.checkFunc())
}

// pay is fuel -= v.
func (w *rewriter) pay(b []byte, v uint64) []byte {
	if v == 0 {
		return b
	}
	return w.setFuel(append(constant(w.getFuel(b), v), 0x7d))
}

// check is if (fuel < v) check(v).
func (w *rewriter) check(b []byte, v uint64) []byte {
	return append(w.callCheck(w.enough(b, v), v), 0x0b)
}

// emit writes the body with its size, edited as planned.
func (w *rewriter) emit(out []byte) []byte {
	b, p := &w.body, &w.plan
	more := 0
	if b.bulk {
		more = 1
	}
	text := w.text[:0]
	text = append(appendU(text, uint64(b.groups)+uint64(more)), b.locals...)
	if more > 0 {
		text = append(text, 2, 0x7f) // two i32 of our own, behind all others
	}
	pos := uint32(0)
	for _, e := range p.edits {
		text = append(text, b.out[pos:e.pos]...)
		pos = e.end
		switch e.kind {
		case editLabel:
			text = appendU(text, uint64(e.arg))
		case editIf:
			text = append(appendU(append(text, 0x04, 0x40, 0x0c), uint64(e.arg)+1), 0x0b)
		case editCharge:
			text = w.pay(text, p.slots[e.arg])
		case editCheck:
			text = w.pay(w.check(text, p.slots[e.arg]), p.slots[e.arg])
		case editOpen:
			text = append(append(text, 0x02), b.out[e.pos+1:e.end]...) // block $done, of the loop's type
			text = append(text, 0x03, 0x40, 0x02, 0x40)                // loop $again, block $cold
			text = w.leave(text, 0, 0)
			text = append(text, b.out[e.pos:e.end]...)
		case editHeader:
			text = w.leave(text, p.slots[e.arg], 1)
			text = w.pay(text, p.slots[e.arg])
		case editClose:
			text = append(text, 0x0c, 2, 0x0b) // br $done, end of $cold
			text = w.callCheck(text, p.slots[e.arg])
			text = append(text, 0x0c, 0, 0x0b, 0x00, 0x0b) // br $again, end, unreachable, end of $done
		case editExit:
			text = w.exit(text, &p.exits[e.arg])
		case editBulk:
			text = w.bulk(text, e.arg)
		case editGrow:
			text = w.grow(text, b.out[e.pos:e.end], e.arg)
		}
	}
	text = append(text, b.out[pos:]...)
	w.text = text
	return append(appendU(out, uint64(len(text))), text...)
}

// exit writes a br_if that gives back.
func (w *rewriter) exit(text []byte, x *exit) []byte {
	text = append(text, 0x04, 0x40)
	switch owed := w.plan.owed(x); {
	case owed > 0:
		text = w.pay(text, uint64(owed))
	case owed < 0:
		text = w.setFuel(append(constant(w.getFuel(text), uint64(-owed)), 0x7c))
	}
	return append(appendU(append(text, 0x0c), uint64(x.label)+1), 0x0b)
}

// bulk charges for the operand on top of the stack, and checks: one such instruction can take as long as millions of others.
func (w *rewriter) bulk(text []byte, shift uint32) []byte {
	own := uint64(w.body.vars)
	text = w.getFuel(appendU(append(text, 0x22), own)) // local.tee
	text = append(appendU(append(text, 0x20), own), 0xad)
	text = append(constant(text, uint64(shift)), 0x88, 0x7d) // i64.shr_u, i64.sub
	return w.check(w.setFuel(text), 0)
}

// grow charges for what was grown, behind the instruction: one that fails costs its instruction alone.
func (w *rewriter) grow(text, instruction []byte, shift uint32) []byte {
	own := uint64(w.body.vars)
	text = append(appendU(append(text, 0x22), own), instruction...)
	text = w.getFuel(appendU(append(text, 0x22), own+1))
	text = appendU(append(text, 0x20), own)
	text = append(appendU(append(text, 0x20), own+1), 0x41, 0x7f, 0x47, 0x6c, 0xad) // n * (result != -1)
	op := byte(0x88)
	if instruction[0] == 0x40 {
		op = 0x86 // pages: i64.shl
	}
	text = append(constant(text, uint64(shift)), op, 0x7d)
	return w.check(w.setFuel(text), 0)
}
