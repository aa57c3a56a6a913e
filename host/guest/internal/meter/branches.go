package meter

// exit is a br_if behind which no slot begins: what follows is charged before it, and given back where it is not run.
type exit struct {
	label, slot uint32
	// charged to the slot when the exit came, and behind it up to where the ways meet again.
	charged, behind uint64
	// next exit to the same frame, plus one.
	next int
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
	if p.exact && e.kind == branchIf && !e.params && f.kind != loop {
		p.edit(e.pos-1, e.end, editExit, uint32(len(p.exits)))
		p.exits = append(p.exits, exit{label: e.arg + deeper, slot: p.slot, charged: p.slots[p.slot], next: f.exits})
		f.exits = len(p.exits)
		if p.state.over(2) {
			p.boundary(e.end)
		}
		return
	}
	p.relabel(e)
	if e.kind == branchIf {
		p.boundary(e.end)
	}
}
