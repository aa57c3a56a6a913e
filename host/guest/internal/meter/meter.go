package meter

// Version is part of the identity of a rewritten module, as the Mode is: it changes with every change of the output or of what
// anything costs. Fuel is comparable only within a Version and a Mode.
const Version = 4

// The names of what is added. A module that has them already is refused with a *ReservedError.
const (
	// ImportModule and ImportFunc name the host's function refuel(fuel, need i64) -> i64.
	ImportModule = "wasmflow_meter"
	ImportFunc   = "refuel"
	// FuelExport names the global, a mutable i64: what is left of the fuel that was granted. It can be below zero by what was
	// charged since the last check. What was used is what was granted less this. The host may charge by taking from it, too.
	FuelExport = "wasmflow_meter.fuel"
)

// DefaultHostCall is what a call of an imported function costs: about the time of as many instructions.
const DefaultHostCall = 512

// Mode says how the cost of code is counted.
type Mode uint8

const (
	// Exact charges 1 for each instruction that is executed; block, loop, else, end and nop are free. Code that runs whenever
	// the start of its block ran is charged there, so only a call that traps may be charged for more than it executed.
	Exact Mode = iota
	// Coarse charges the whole body of a loop for each turn, executed or not, and for each call what a small leaf may cost, which
	// then charges nothing: a little faster, and of no meaning to a reader.
	Coarse
)

// String is exact or coarse.
func (m Mode) String() string {
	if m == Coarse {
		return "coarse"
	}
	return "exact"
}

// Options say how a module is rewritten. All of them but Custom change the output.
type Options struct {
	Mode Mode
	// HostCall is what a call of an imported function costs in addition to the instruction; zero is DefaultHostCall.
	HostCall uint32
	// Each charges every basic block where it begins, and nothing elsewhere: slow, and so simple that tests hold Exact to it.
	Each bool
	// FixedTables keeps a table that declares no most as large as it begins: it could be grown outside of the guest's memory. Go
	// declares none and never grows its table; table.grow may fail at any time.
	FixedTables bool
	// Custom is the name of the custom sections that Declared gives.
	Custom string
	// Limits of what the module may declare; the zero value is the defaults.
	Limits Limits
}

// Module is a module that pays.
type Module struct {
	// Wasm is the module, for the runtime; nil beside an error.
	Wasm []byte
	// Imported is the number of functions that the original module imports, Functions that of all it has.
	Imported, Functions int
	// Declared is what the original module declares. Beside an error it is nil where that could not be read; what a body or a
	// segment of the module has wrong does not hide it.
	Declared *Declared
	// Declined is the error where all could be read: the module wants what no guest gets, or what is not there.
	Declined error
}

// Original gives the index that a function of the rewritten module had in the original one; false for what was added.
func (m Module) Original(index uint32) (uint32, bool) {
	switch {
	case uint64(index) < uint64(m.Imported):
		return index, true
	case uint64(index) > uint64(m.Imported) && uint64(index) <= uint64(m.Functions):
		return index - 1, true
	}
	return 0, false
}

// Rewrite reads a module, checks it and makes it pay. The error is a *ReservedError, an *UnsupportedError, a *LimitError, a
// *TruncatedError or a *MalformedError. It does not check the types of operands: the runtime does, for the output, and refuses it if and only if it
// would refuse the input. The input is not changed, and not kept but for Declared.Custom.
func Rewrite(wasm []byte, o Options) (Module, error) {
	if o.HostCall == 0 {
		o.HostCall = DefaultHostCall
	}
	o.Limits = o.Limits.complete()
	w := &rewriter{o: o, exported: map[uint32]bool{}}
	return w.module(wasm)
}
