package guest

import (
	"fmt"
	"math"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// FuelMode says how fuel is counted.
type FuelMode string

const (
	// FuelExact counts executed instructions: a unit is one of them.
	FuelExact FuelMode = "exact"
	// FuelCoarse counts the whole body of a loop for each turn. It is a little faster, and of no meaning to a reader.
	FuelCoarse FuelMode = "coarse"
)

// defaultSlice is how much fuel is granted at once: what a guest runs between two looks at the clock, well below a millisecond.
const defaultSlice = 1_000_000

// unlimited is a budget that no call comes to the end of; sums of it and of one slice do not overflow.
const unlimited = math.MaxInt64 / 4

// tank is what the calls of an instance may spend. While a guest runs, what it has left of what was granted is in a global of
// its module.
type tank struct {
	// left is that global, nil until the module is instantiated or asks the host for something, as all but the smallest of
	// functions do before they run.
	left            api.MutableGlobal
	slice           int64
	budget, granted int64
	// limit is the one that the budget is made of.
	limit string
	// used is what the last call was charged.
	used int64
	// started and deadline are later by what the call waited for others, waited.
	started  time.Time
	waited   time.Duration
	timeout  time.Duration
	deadline time.Time
}

// open finds the global. A module whose start function traps is never given to anyone but the functions that it called.
func (t *tank) open(mod api.Module) {
	if t.left == nil {
		t.left, _ = mod.ExportedGlobal(meter.FuelExport).(api.MutableGlobal)
	}
}

// fill begins a call: what was left over from the one before does not count.
func (t *tank) fill(budget int64, limit string, timeout time.Duration) {
	t.started, t.waited, t.limit = time.Now(), 0, limit
	t.timeout, t.deadline = timeout, t.started.Add(timeout)
	t.budget, t.granted, t.used = budget, 0, 0
	if t.left != nil {
		t.granted = min(t.slice, budget)
		t.left.Set(uint64(t.granted))
	}
}

// read takes note of what was used so far. It is called before the module is closed.
func (t *tank) read() int64 {
	if t.left != nil {
		t.used = t.granted - int64(t.left.Get())
	}
	return t.used
}

// wait takes a time out of that of the call: the guest could do nothing in it.
func (t *tank) wait(d time.Duration) {
	t.started, t.deadline, t.waited = t.started.Add(d), t.deadline.Add(d), t.waited+d
}

// late says that the time of a call is over.
func (t *tank) late() string {
	text := fmt.Sprintf("stopped after %v, the limit is %v", time.Since(t.started).Round(time.Millisecond), t.timeout)
	if waited := t.waited.Round(time.Millisecond); waited > 0 {
		text += fmt.Sprintf("; it waited for %v besides, for other deep stacks of this process", waited)
	}
	return text
}

// budget is what a call with so many records may use, and the limit that says so.
func (l *Limits) budget(records int) (budget int64, limit string) {
	budget = unlimited
	if l.FuelPerBatch > 0 {
		budget, limit = l.FuelPerBatch, LimitFuelPerBatch
	}
	if n := int64(max(1, records)); l.FuelPerRecord > 0 && l.FuelPerRecord <= budget/n {
		budget, limit = l.FuelPerRecord*n, LimitFuelPerRecord
	}
	return budget, limit
}

// meterFuncs are the functions that are imported by what the meter adds to a module, never by a guest.
var meterFuncs = []hostFunc{
	{meter.ImportModule, meter.ImportFunc, meter.FuncType{Params: "\x7e\x7e", Results: "\x7e"}, refuel},
}

// refuel is refuel(fuel, need): fuel and what is granted on top of it, at least need together. A budget is exhausted where it
// is below what was charged and is to be charged, however it was granted.
func refuel(i *Instance, _ api.Memory, stack []uint64) {
	t := &i.tank
	fuel, need := int64(stack[0]), int64(stack[1])
	t.used = t.granted - fuel
	grant := max(t.slice, need-fuel)
	if rest := t.budget - t.granted; grant > rest {
		if fuel+rest < need {
			interrupt(t.exhausted(need))
		}
		grant = rest
	}
	i.queue()
	t.granted += grant
	stack[0] = uint64(fuel + grant)
}

func (t *tank) exhausted(need int64) error {
	return &limitError{TrapFuel, t.limit, fmt.Sprintf("out of fuel: %d units were used, and %d more are needed, of the limit of %d", t.used, need, t.budget)}
}

// bytesPerUnit is what a function of the host looks at or moves for a unit of fuel, as the guest's own bulk operations do.
const bytesPerUnit = 32

// maxLook is how much it looks at or moves between two looks at the time of the call, in bytes.
const maxLook = 64 << 10

// pay charges for bytes that a function of the host is about to look at or to move, whatever comes of it: what a guest does costs
// the same wherever it runs. Every call of one costs a fixed sum besides, which the meter charges.
func (i *Instance) pay(bytes int) {
	t := &i.tank
	cost := (int64(bytes) + bytesPerUnit - 1) / bytesPerUnit
	if cost > t.budget-t.read() {
		interrupt(t.exhausted(cost))
	}
	if t.left != nil {
		t.left.Set(t.left.Get() - uint64(cost))
	}
	i.yield()
}

// yield ends a call whose time is over, or whose context is done. It is called by every function of the host: the guest's time
// is looked at nowhere else.
func (i *Instance) yield() {
	if i.ctx.Err() != nil {
		interrupt(errInterrupted)
	}
	if time.Now().After(i.tank.deadline) {
		interrupt(&limitError{TrapDeadline, LimitTimeout, i.tank.late()})
	}
}

// limitError is a limit that ended a call, on its way through the runtime.
type limitError struct {
	kind       TrapKind
	name, text string
}

func (e *limitError) Error() string { return e.text }
