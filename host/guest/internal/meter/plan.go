package meter

type editKind uint8

const (
	editLabel  editKind = iota // arg: the label
	editIf                     // instead of a br_if; arg: the label
	editCharge                 // arg: the slot
	editCheck                  // check and charge; arg: the slot
	editOpen                   // before a loop that is left for its check
	editHeader                 // at its head; arg: the slot
	editClose                  // behind it; arg: the slot
	editBulk                   // before a bulk operation; arg: the shift
	editGrow                   // instead of an operation that grows; arg: the shift
	editExit                   // instead of a br_if that gives back what it does not run; arg: the exit
)

// edit is a change of the code: the bytes from pos to end are replaced.
type edit struct {
	pos, end uint32
	kind     editKind
	arg      uint32
}

type planFrame struct {
	kind form
	// slot at the start of the block, and of its check.
	slot, header uint32
	outlined     bool
	// escape is the lowest frame to which a branch inside goes.
	escape int
	splits int
	entry  state
	// joined are the paths of branches to its end.
	joined  state
	reached bool
	// exits and flows to its end: the last one, plus one.
	exits, flows int
	// closed: a branch goes to its end that can charge nothing.
	closed bool
}

// plan says where a body charges what. A slot is a sum that is charged at one place; a block of code belongs to the slot
// that is charged whenever the block runs.
type plan struct {
	edits  []edit
	slots  []uint64
	ways   []ways // of each slot
	frames []planFrame
	exits  []exit
	flows  []flow
	slot   uint32
	state  state
	splits int
	exact  bool
	each   bool
}

func (p *plan) make(b *body, o Options) {
	p.edits, p.slots, p.frames, p.exits, p.flows = p.edits[:0], p.slots[:0], p.frames[:0], p.exits[:0], p.flows[:0]
	p.ways = p.ways[:0]
	p.state, p.splits, p.exact, p.each = state{}, 0, o.Mode == Exact, o.Each
	kind, leaf := editCheck, b.leaf()
	if leaf || b.entersLoop() {
		kind = editCharge
	}
	p.charge(0, kind)
	p.frames = append(p.frames, planFrame{kind: block})
	for i := range b.events {
		e := &b.events[i]
		if e.dead {
			p.follow(e)
			continue
		}
		p.spend(uint64(e.plain))
		if p.state.over(4) && e.kind != branchTable && e.kind != branch && e.kind != branchIf {
			p.charge(e.pos, editCheck)
			p.splits++
		}
		p.slots[p.slot] += ownCost(e, o.HostCall)
		if !p.exact && e.kind == call && !e.flag {
			p.slots[p.slot] += leafCost
		}
		p.state.units++
		p.event(e)
	}
	if leaf && !p.exact && !b.exported {
		clear(p.slots) // each call has paid for it
	}
	p.total()
}

// spend charges units to the slot.
func (p *plan) spend(units uint64) {
	p.slots[p.slot] += units
	p.state.units += units
}

func (p *plan) edit(pos, end uint32, kind editKind, arg uint32) {
	p.edits = append(p.edits, edit{pos, end, kind, arg})
}

// charge begins a slot that is charged at pos.
func (p *plan) charge(pos uint32, kind editKind) {
	p.begin()
	p.edit(pos, pos, kind, p.slot)
	if kind == editCheck {
		p.state = state{}
	}
}

// begin begins a slot that is charged by others.
func (p *plan) begin() {
	p.slot = uint32(len(p.slots))
	p.slots = append(p.slots, 0)
	p.ways = append(p.ways, ways{})
}

// boundary begins a basic block. A path that is long is checked here, before it must be.
func (p *plan) boundary(pos uint32) {
	switch {
	case p.state.over(2):
		p.charge(pos, editCheck)
		p.splits++
	case p.exact:
		p.charge(pos, editCharge)
	}
}

// event plans for what can be reached.
func (p *plan) event(e *event) {
	switch e.kind {
	case block, ifElse:
		p.push(e)
		if e.kind == ifElse {
			p.boundary(e.end)
		}
	case loop:
		p.loop(e)
	case elseArm:
		p.second(e)
	case end:
		p.pop(e)
	case branch, branchIf, branchTable:
		p.branch(e)
	case ret:
		p.frames[len(p.frames)-1].escape = 0
	case call:
		if !e.flag {
			p.state.units += leafCost
			p.state.called = true
		}
	case memoryFill:
		p.edit(e.pos, e.pos, editBulk, e.arg)
	case memoryGrow, tableGrow:
		p.edit(e.pos, e.end, editGrow, e.arg)
	}
}

// follow keeps the frames and the labels right in code that is never run: it must still be valid.
func (p *plan) follow(e *event) {
	switch e.kind {
	case block, loop, ifElse:
		p.push(e)
	case elseArm:
		p.second(e)
	case end:
		p.pop(e)
	case branch, branchIf, branchTable:
		p.relabel(e)
	}
}

func (p *plan) push(e *event) {
	p.frames = append(p.frames, planFrame{kind: e.kind, slot: p.slot, escape: len(p.frames), splits: p.splits, entry: p.state})
}

func (p *plan) loop(e *event) {
	p.push(e)
	if !e.flag {
		return
	}
	f := &p.frames[len(p.frames)-1]
	if e.params {
		p.charge(e.end, editCheck)
		return
	}
	f.outlined = true
	p.edit(e.pos, e.end, editOpen, 0)
	p.charge(e.end, editHeader)
	p.state = state{}
	f.header = p.slot
}

// second begins the second arm of an if. The event is dead where the first arm's end is; the arm is not for that.
func (p *plan) second(e *event) {
	f := &p.frames[len(p.frames)-1]
	if !e.dead {
		p.join(f)
	}
	f.kind = elseArm
	p.slot, p.state = f.slot, f.entry
	if e.flag {
		p.boundary(e.end)
	}
}

func (p *plan) join(f *planFrame) {
	if !f.reached {
		f.joined, f.reached = p.state, true
		return
	}
	f.joined = f.joined.join(p.state)
}

func (p *plan) pop(e *event) {
	f := p.frames[len(p.frames)-1]
	p.frames = p.frames[:len(p.frames)-1]
	if f.outlined {
		p.edit(e.end, e.end, editClose, f.header)
	}
	for n := f.exits; n > 0; n = p.exits[n-1].next {
		x := &p.exits[n-1]
		x.behind, x.left = p.slots[x.slot]-x.charged, p.ways[x.slot].out
	}
	if len(p.frames) == 0 {
		return
	}
	up := &p.frames[len(p.frames)-1]
	up.escape = min(up.escape, f.escape)
	if !e.flag {
		return
	}
	branched := f.reached
	if f.kind == ifElse {
		f.joined, f.reached = f.joined.join(f.entry), true
	}
	if !e.dead {
		p.join(&f)
	}
	p.state = f.joined
	switch {
	case f.splits == p.splits && !p.each && (!p.exact || f.escape >= len(p.frames)):
		// Nothing inside leaves further than this end: what follows runs whenever the start ran.
		p.slot = f.slot
	case f.kind == block && !branched, f.kind == loop:
		// The end is reached from the last instruction alone.
	case p.exact && !p.each && f.kind == block && !f.closed && !p.state.over(2):
		p.meet(&f, e.dead)
	default:
		p.rejoin(e.end)
	}
}

// rejoin begins a slot where paths meet that have none in common.
func (p *plan) rejoin(pos uint32) {
	if p.state.over(2) {
		p.boundary(pos)
		return
	}
	p.charge(pos, editCharge)
}
