package meter

// What a value counts, by what it makes the compiler keep: one is the note that a value is used behind a block of code.
const (
	// edgeValues is for what goes into or out of a function, a call or a block, or along a branch: there is code for it.
	edgeValues = 16
	// joinValues is for a local where ways meet: the compiler has a name for what it is from there on.
	joinValues = 5
	// armValues is for what is kept across a second arm of an if, or the check of an operation that moves any number of bytes.
	armValues = 5
	// loopJoins is how often ways meet where there is a loop, with those that go to its check and back.
	loopJoins = 4
)

// carry counts values along an edge.
func (b *body) carry(n int) { b.tally(edgeValues * n) }

// keep counts what is kept where a block of code begins: all locals, since it is not known which are still used, and operands.
func (b *body) keep() { b.tally(b.vars + b.height) }

// keepAcrossArm counts what is kept where a block of code begins whose like is not entered on the way that is placed next.
func (b *body) keepAcrossArm() { b.tally(armValues * (b.vars + b.height)) }

// keepAcrossCheck counts what is kept across a check, where one may come after so many of the same.
func (b *body) keepAcrossCheck(after int) { b.tally((b.vars + b.height) / after) }

// keepAcrossLoop counts what is kept where a loop begins besides.
func (b *body) keepAcrossLoop() { b.tally(loopJoins * (joinValues*b.vars + b.height)) }

// join counts the locals where ways meet, behind a frame or at the head of one, and the work that there is with them: the compiler
// looks at all of them, on each way, for each of them.
func (b *body) join(f *frame) {
	if f.kind == loop {
		f.looped = f.looped || f.ways > 0
		b.head(f.ways, b.loops+1)
	} else if f.ways > 0 || f.kind != block {
		b.tally(joinValues * b.vars)
		n := b.vars
		if !f.looped {
			n = min(n, b.sets-f.sets) // what is not set inside is the same on all ways
		}
		b.work += uint64(n) * uint64(n) * uint64(f.ways+1)
	}
	if f.looped && len(b.frames) > 0 {
		b.frames[len(b.frames)-1].looped = true
	}
}

// head counts the work at the head of a loop to which so many branches go back.
func (b *body) head(ways, depth int) {
	if ways > 0 {
		b.work += uint64(b.vars) * uint64(b.vars) * uint64(ways+loopJoins)
		b.deepest = max(b.deepest, depth)
	}
}

// fills counts an operation that the runtime makes a loop of.
func (b *body) fills() {
	b.keepAcrossLoop()
	if !b.dead {
		b.head(1, b.loops+1)
		b.frames[len(b.frames)-1].looped = true
	}
}

// labour adds what is to do for the function to that of the module. The compiler does it again as often as loops lie in each other.
func (b *body) labour() {
	b.w.work += b.work * uint64(b.deepest+1)
	b.limit("locals where ways meet are work of %d in all functions so far, at most %d is allowed: divide the function", b.w.work, b.w.o.Limits.Work)
}

func (b *body) tally(n int) {
	b.values += uint64(n)
	b.limit("a function of %d values, at most %d are allowed: divide it", b.values, uint64(b.w.o.Limits.Values))
	b.w.values += uint64(n)
	b.limit("%d values in all functions so far, at most %d are allowed", b.w.values, uint64(b.w.o.Limits.ModuleValues))
}

// callOf counts a call.
func (b *body) callOf(typ FuncType) {
	b.carry(len(typ.Params) + len(typ.Results))
	b.keepAcrossCheck(uncheckedAfterCall / (4 * leafCost))
	b.push(len(typ.Results) - len(typ.Params))
}
