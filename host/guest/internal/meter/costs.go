package meter

// Bounds of what runs without a check (M2), in units.
const (
	// unchecked is the longest path.
	unchecked = 1 << 16
	// uncheckedAfterCall is the longest path after a call: a recursion that returns runs it once for each of its frames.
	uncheckedAfterCall = 512
	// leafCost is the most that a function may cost which only charges: it has no loops and calls nothing, so it stays a function
	// that the runtime calls cheaply. What calls it counts as much as if each callee were one; in coarse mode it pays that, and the
	// callee nothing, unless the host may call it too.
	leafCost = 16
	// growCost is what growing costs whether or not it succeeds: it leaves the compiled code.
	growCost = DefaultHostCall
)

// state is what is known of all paths to a point: the units since the last check, and whether a call was among them.
type state struct {
	units  uint64
	called bool
}

func (s state) join(o state) state { return state{max(s.units, o.units), s.called || o.called} }

// over says whether a path is longer than a part of what it may be.
func (s state) over(quarters uint64) bool {
	if s.called {
		return s.units > uncheckedAfterCall/4*quarters
	}
	return s.units > unchecked/4*quarters
}

// ownCost is what an event costs by itself.
func ownCost(e *event, hostCall uint32) uint64 {
	switch e.kind {
	case block, loop, elseArm, end, nop, branchTable:
		return 0
	case call:
		if e.flag {
			return 1 + uint64(hostCall)
		}
	case memoryGrow, tableGrow:
		return 1 + growCost
	}
	return 1
}

// leaf says whether the function may go without a check.
func (b *body) leaf() bool {
	if b.calls || b.checked || b.bulk {
		return false
	}
	sum := uint64(0)
	for i := range b.events {
		sum += uint64(b.events[i].plain) + ownCost(&b.events[i], 0)
	}
	return sum <= leafCost
}

// entersLoop says whether the function runs straight into a loop that checks, as those of Go do: that is check enough for both.
func (b *body) entersLoop() bool {
	sum := uint64(0)
	for i := range b.events {
		e := &b.events[i]
		sum += uint64(e.plain)
		switch {
		case sum > leafCost:
			return false
		case e.kind == loop && e.flag:
			return true
		case e.kind != block && e.kind != loop && e.kind != nop:
			return false
		}
	}
	return false
}

// What bulk operations cost, as a shift of their operand: a unit for 32 bytes or 4 entries; 16384 for a page that is added,
// since that moves the memory now and then.
const (
	bytesShift   = 5
	entriesShift = 2
	pagesShift   = 14
)
