package guest

// code sums up what the bodies of a module make a compiler pay for.
type code struct {
	locals uint64 // of all functions so far
}

// body holds one function to the bounds. It follows the instructions without checking them: that is the compiler's part, which
// refuses what neither knows.
func (c *code) body(r *reader) {
	size := len(r.b)
	var locals uint64
	for range r.count() {
		locals += uint64(r.u32())
		r.byte()
		if r.err != nil {
			return
		}
	}
	c.locals += locals
	var depth, deepest int
	var targets uint64
	for r.left() > 0 {
		switch op := r.byte(); op {
		case 0x02, 0x03, 0x04: // block, loop, if
			r.skipLEB(5)
			depth++
			deepest = max(deepest, depth)
		case 0x0b: // end
			depth--
		case 0x0e: // br_table
			n := r.count()
			targets += uint64(n)
			for range n {
				r.skipLEB(5)
			}
			r.skipLEB(5)
		default:
			r.operands(op)
		}
	}
	switch {
	case r.err != nil:
	case size > maxBody:
		r.fail("a function of %d bytes, at most %d are allowed: divide it", size, maxBody)
	case locals > maxLocals:
		r.fail("a function with %d locals, at most %d are allowed", locals, maxLocals)
	case c.locals > maxModuleLocals:
		r.fail("%d locals in all functions so far, at most %d are allowed", c.locals, maxModuleLocals)
	case deepest > maxDepth:
		r.fail("a function with blocks in blocks to a depth of %d, at most %d are allowed", deepest, maxDepth)
	case locals*uint64(deepest) > maxKept:
		r.fail("a function with %d locals and blocks to a depth of %d, at most %d are allowed multiplied: divide it", locals, deepest, maxKept)
	case targets > maxTargets:
		r.fail("a function whose br_table instructions have %d targets, at most %d are allowed", targets, maxTargets)
	}
}

// operands passes what follows an opcode (WebAssembly core 2.0, section 5.4).
func (r *reader) operands(op byte) {
	switch {
	case op == 0x11, op >= 0x28 && op <= 0x3e: // call_indirect; loads and stores
		r.skipLEB(5)
		r.skipLEB(5)
	case op == 0x0c, op == 0x0d, op == 0x10, op >= 0x20 && op <= 0x26, op >= 0x3f && op <= 0x41, op == 0xd0, op == 0xd2:
		// br, br_if, call; variables and table.get, table.set; memory.size, memory.grow, i32.const; ref.null, ref.func
		r.skipLEB(5)
	case op == 0x1c: // select with types
		for range r.count() {
			r.skipLEB(5)
		}
	case op == 0x42: // i64.const
		r.skipLEB(10)
	case op == 0x43: // f32.const
		r.bytes(4)
	case op == 0x44: // f64.const
		r.bytes(8)
	case op == 0xfc:
		r.bulkOperands(r.u32())
	case op == 0xfd:
		r.vectorOperands()
	default:
		if p := proposals[op]; p != "" {
			r.unsupported(p)
		}
	}
}

func (r *reader) bulkOperands(op uint32) {
	switch op {
	case 8, 10, 12, 14: // memory.init, memory.copy, table.init, table.copy
		r.skipLEB(5)
		r.skipLEB(5)
	case 9, 11, 13, 15, 16, 17: // data.drop, memory.fill, elem.drop, table.grow, table.size, table.fill
		r.skipLEB(5)
	}
}

// vectorOperands reads the second byte of a vector instruction, which is all that the compiler takes for its number. From 128 on
// a third byte follows, 1: it is the same instruction to the specification, and a nop to the compiler. With another third byte
// it is one of a later proposal, which the compiler would take for something else.
func (r *reader) vectorOperands() {
	switch op := r.byte(); {
	case op <= 11, op == 92, op == 93: // loads and stores
		r.skipLEB(5)
		r.skipLEB(5)
	case op == 12, op == 13: // v128.const, i8x16.shuffle
		r.bytes(16)
	case op >= 21 && op <= 34: // lanes
		r.byte()
	case op >= 84 && op <= 91: // loads and stores of a lane
		r.skipLEB(5)
		r.skipLEB(5)
		r.byte()
	case op >= 0x80 && r.byte() != 1:
		r.unsupported("relaxed SIMD")
	}
}

// proposals are what is not part of WebAssembly 2.0, by the opcodes of their instructions.
var proposals = map[byte]string{
	0x06: "exception handling", 0x07: "exception handling", 0x08: "exception handling", 0x09: "exception handling",
	0x0a: "exception handling", 0x18: "exception handling", 0x19: "exception handling", 0x1f: "exception handling",
	0x12: "tail call", 0x13: "tail call",
	0x14: "typed function references", 0x15: "typed function references", 0xd3: "garbage collection", 0xd4: "typed function references",
	0xd5: "typed function references", 0xd6: "typed function references", 0xfb: "garbage collection", 0xfe: "threads",
}

func (r *reader) unsupported(proposal string) {
	r.fail("the %s proposal is not supported: build without it, for WebAssembly 2.0", proposal)
}
