package meter

// exit is a br_if behind which no slot begins: what follows is charged before it, and given back where it is not run.
type exit struct {
	label, slot uint32
	// charged to the slot when the exit came, and behind it up to where the ways meet again.
	charged, behind uint64
	// came and left are the last flows of the slot at these two places, plus one.
	came, left int
	// to is the slot that it goes on in, where nothing else charges that, plus one.
	to uint32
	// next exit to the same frame, plus one.
	next int
}

// flow is a way from the last instruction of a slot to where ways meet.
type flow struct {
	from uint32
	// sum of what the flow's slot has paid for where its flows go, up to this one.
	sum uint64
	// to is the slot where it goes on, where that is charged by who goes there, plus one.
	to uint32
	// next flow to the same frame, and before it of the same slot, plus one.
	next, before int
}

// ways are the last flow out of a slot and into it, plus one.
type ways struct{ out, in int }

// flow takes note that the slot goes on at the end of a frame.
func (p *plan) flow(f *planFrame) {
	w := &p.ways[p.slot]
	p.flows = append(p.flows, flow{from: p.slot, next: f.flows, before: w.out})
	f.flows, w.out = len(p.flows), len(p.flows)
}

// meet begins a slot behind a block that is charged by who goes there: an exit along with what it gives back, all others along
// with the slot that they come from.
func (p *plan) meet(f *planFrame, dead bool) {
	if !dead {
		p.flow(f)
	}
	p.begin()
	p.ways[p.slot].in = f.flows
	for n := f.flows; n > 0; n = p.flows[n-1].next {
		p.flows[n-1].to = p.slot + 1
	}
	for n := f.exits; n > 0; n = p.exits[n-1].next {
		x := &p.exits[n-1]
		x.to, x.left = p.slot+1, p.ways[x.slot].out
	}
}

// total adds to each slot those that it goes on in and charges. They begin behind it.
func (p *plan) total() {
	for to := len(p.slots) - 1; to >= 0; to-- {
		for n := p.ways[to].in; n > 0; n = p.flows[n-1].next {
			p.slots[p.flows[n-1].from] += p.slots[to]
		}
	}
	for n := range p.flows {
		f := &p.flows[n]
		f.sum = p.charged(f.before)
		if f.to > 0 {
			f.sum += p.slots[f.to-1]
		}
	}
}

// charged is what a slot has paid for where its flows go, up to one of them.
func (p *plan) charged(flow int) uint64 {
	if flow == 0 {
		return 0
	}
	return p.flows[flow-1].sum
}

// owed is what an exit pays, less than zero where it gets something back.
func (p *plan) owed(x *exit) int64 {
	owed := -int64(x.behind + p.charged(x.left) - p.charged(x.came))
	if x.to > 0 {
		owed += int64(p.slots[x.to-1])
	}
	return owed
}

// deeper is how many frames more there are between here and the target than in the original.
func (p *plan) deeper(target int) (n uint32) {
	for i := range p.frames[target+1:] {
		if p.frames[target+1+i].outlined {
			n += 3
		}
	}
	return n
}

// relabel keeps a branch as it is but for its label. A br_if becomes an if and a branch: the runtime fuses a comparison with an if
// in any case, and with a br_if only where nothing else goes to the same place.
func (p *plan) relabel(e *event) {
	n := p.deeper(len(p.frames) - 1 - int(e.arg))
	if e.kind == branchIf && !e.params {
		p.edit(e.pos-1, e.end, editIf, e.arg+n)
		return
	}
	if n > 0 {
		p.edit(e.pos, e.end, editLabel, e.arg+n)
	}
}

// branch plans for a branch. A br_if forward begins no slot: where it is taken it gives back what was charged for what is behind
// it. So a turn of a loop charges once however many ways out the loop has.
func (p *plan) branch(e *event) {
	target := len(p.frames) - 1 - int(e.arg)
	top := &p.frames[len(p.frames)-1]
	top.escape = min(top.escape, target)
	f := &p.frames[target]
	if f.kind != loop {
		p.join(f)
	}
	deeper := p.deeper(target)
	if p.exact && !p.each && e.kind == branchIf && !e.params && f.kind != loop {
		p.edit(e.pos-1, e.end, editExit, uint32(len(p.exits)))
		p.exits = append(p.exits, exit{label: e.arg + deeper, slot: p.slot, charged: p.slots[p.slot], came: p.ways[p.slot].out, next: f.exits})
		f.exits = len(p.exits)
		if p.state.over(2) {
			p.boundary(e.end)
		}
		return
	}
	p.relabel(e)
	switch {
	case e.kind != branch || e.flag:
		f.closed = true
	case f.kind != loop:
		p.flow(f)
	}
	if e.kind == branchIf {
		p.boundary(e.end)
	}
}
