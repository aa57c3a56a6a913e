package meter

// event is an instruction that the plan must know of, as those of the flow of control are.
type event struct {
	kind form
	// dead events cannot be reached.
	dead bool
	// flag of a loop: a branch goes back to it; of an else and an end: what follows can be reached; of a call: it leaves the module;
	// of a branch: it is the last of several.
	flag bool
	// params says that values go into the block, or along with the branch.
	params bool
	// label, or the shift of what a bulk operation costs.
	arg uint32
	// pos and end in the code: of the instruction, or of the label alone.
	pos, end uint32
	// plain is the number of instructions since the event before, of cost 1 and without events of their own.
	plain uint32
}

// frame is a block that is open.
type frame struct {
	kind            form
	dead, reached   bool
	event           int
	params, results int
	// base is the height of the operand stack below the block's own.
	base int
	// ways are the branches to it, sets the local.set and local.tee before it, looped says that there is a loop inside.
	ways, sets int
	looped     bool
}

// body is a function's body, read and written in its shortest form, functions renumbered.
type body struct {
	transcript
	w *rewriter

	groups uint32
	locals []byte // the groups of locals, without their number
	vars   int    // parameters and locals

	events []event
	plain  uint32
	frames []frame
	dead   bool
	loops  int // open ones
	// height of the operand stack.
	height int
	// sets is how often locals were set, deepest the depth of loops, work what there is where ways meet.
	sets, deepest int
	work          uint64
	// values and targets of br_table that were counted.
	values, targets uint64

	// What the function does: calls, loops that are checked, bulk operations; and whether the host calls it.
	calls, checked, bulk, exported bool
}

// eventEvery is how many instructions may lie between two events.
const eventEvery = 1 << 7

// read passes the body of a function of the type (5.5.13).
func (b *body) read(t transcript, typ FuncType) error {
	t.out = b.out[:0]
	b.transcript = t
	b.locals, b.events, b.frames = b.locals[:0], b.events[:0], b.frames[:0]
	b.plain, b.dead, b.loops, b.height, b.values, b.targets = 0, false, 0, 0, 0, 0
	b.sets, b.deepest, b.work = 0, 0, 0
	b.calls, b.checked, b.bulk = false, false, false
	b.vars = len(typ.Params)
	b.declareLocals()
	b.frames = append(b.frames, frame{kind: block, results: len(typ.Results)})
	b.keep()
	b.carry(len(typ.Params) + len(typ.Results))
	for b.err == nil && len(b.frames) > 0 {
		b.instruction()
	}
	b.labour()
	return b.end()
}

func (b *body) declareLocals() {
	code := b.out
	b.out = b.locals
	b.groups = b.count("%d groups of locals, at most %d are allowed", b.w.o.Limits.BodyBytes)
	for range b.groups {
		n := b.copyU32()
		b.valueType()
		if !b.limit("a function with %d locals, at most %d are allowed", uint64(b.vars)+uint64(n), uint64(b.w.o.Limits.Locals)) {
			break
		}
		b.vars += int(n)
		b.w.locals += uint64(n)
	}
	b.limit("%d locals in all functions so far, at most %d are allowed", b.w.locals, uint64(b.w.o.Limits.ModuleLocals))
	b.locals, b.out = b.out, code
}

func (b *body) event(e event) {
	e.dead, e.end, e.plain = e.dead || b.dead, uint32(len(b.out)), b.plain
	b.plain = 0
	b.events = append(b.events, e)
}

// blockType passes the type of a block (5.4.1), and gives the numbers of its parameters and results.
func (b *body) blockType() (params, results int) {
	switch at := b.pos; {
	case b.left() == 0 || b.b[at]&0xc0 != 0x40: // not a negative number of one byte
		v := b.copySigned(33)
		if b.err == nil && (v < 0 || v >= int64(len(b.w.types))) {
			b.fail("block of type %d, there are %d", v, len(b.w.types))
		}
		if b.err == nil {
			typ := &b.w.types[v]
			params, results = len(typ.Params), len(typ.Results)
		}
	case b.b[at] == 0x40:
		b.copyByte()
	default:
		b.valueType()
		results = 1
	}
	return params, results
}

func (b *body) open(kind form) {
	at := uint32(len(b.out) - 1)
	params, results := b.blockType()
	b.push(-params)
	switch kind {
	case loop:
		b.loops++
		b.limit("%d loops in each other, at most %d are allowed", uint64(b.loops), uint64(b.w.o.Limits.Loops))
		b.keepAcrossLoop()
	case ifElse:
		b.carry(params + results)
	}
	b.keep()
	b.carry(params + results)
	b.frames = append(b.frames, frame{kind: kind, dead: b.dead, event: len(b.events), params: params, results: results, base: b.height, sets: b.sets})
	b.push(params)
	b.event(event{kind: kind, pos: at, params: params > 0})
	b.limit("a function with blocks in blocks to a depth of %d, at most %d are allowed", uint64(len(b.frames)-1), uint64(b.w.o.Limits.Nesting))
}

// label passes the label of a branch, which is an event of its own.
func (b *body) label(kind form) {
	at := uint32(len(b.out))
	l := b.copyIndex("label", len(b.frames))
	if b.err != nil {
		return
	}
	f := &b.frames[len(b.frames)-1-int(l)]
	carried := f.results
	if !b.dead {
		f.ways++
	}
	switch {
	case f.kind == loop:
		carried = f.params
		if !b.dead {
			b.events[f.event].flag, b.checked = true, true
		}
	default:
		f.reached = f.reached || !b.dead
	}
	b.keep()
	b.carry(carried)
	b.event(event{kind: kind, pos: at, arg: l, params: carried > 0})
}

// elseArm begins the second arm of an if.
func (b *body) elseArm() {
	f := &b.frames[len(b.frames)-1]
	if f.kind != ifElse {
		b.fail("an else without an if")
		return
	}
	f.kind = elseArm
	f.reached = f.reached || !b.dead
	b.event(event{kind: elseArm, pos: uint32(len(b.out) - 1), flag: !f.dead})
	b.keepAcrossArm()
	b.dead, b.height = f.dead, f.base
	b.push(f.params)
}

// close ends a block. What follows can be reached from its last instruction, by a branch, or past an if that has no else.
func (b *body) close() {
	f := b.frames[len(b.frames)-1]
	b.frames = b.frames[:len(b.frames)-1]
	if f.kind == loop {
		b.loops--
	}
	if !b.dead && b.height != f.base+f.results {
		b.fail("%d operands at the end of a block that has %d results", b.height-f.base, f.results)
	}
	b.join(&f)
	live := !f.dead && (!b.dead || f.reached || f.kind == ifElse)
	b.event(event{kind: end, pos: uint32(len(b.out) - 1), flag: live})
	b.dead, b.height = !live, f.base
	if len(b.frames) > 0 {
		b.push(f.results)
	}
}

// moves is an operation on as many bytes or entries as the operand on top of the stack says.
func (b *body) moves(kind form, at int, shift uint32) {
	b.keepAcrossArm()
	b.event(event{kind: kind, pos: uint32(at), arg: shift})
	b.bulk = b.bulk || !b.dead
}
