package meter

// Limits of what a module may be. Those that the JS API has are its (https://webassembly.github.io/spec/js-api/#limits), all are far
// above what compilers make, and what exceeds them is made to exhaust whoever compiles it. A zero is the default.
type Limits struct {
	// ModuleBytes is the size of the module, 32 MiB; twice as much is allowed after the rewrite.
	ModuleBytes int
	// BodyBytes is the size of a function's body, 1 MiB.
	BodyBytes int
	// Functions of a module, imported ones included, 100,000.
	Functions int
	// Locals of a function, parameters included, 50,000. A few bytes declare 2^32 of them.
	Locals int
	// ModuleLocals are those of all functions, without parameters, 1,000,000.
	ModuleLocals int
	// Nesting is how deep blocks may lie in each other, 10,000: the dispatch of large Go functions is a block for each resume point.
	Nesting int
	// Kept is how many locals a function may have times the depth of its blocks, 5,000,000.
	Kept int
	// Loops is how deep loops may lie in each other, 200.
	Loops int
	// Values is how many values may flow along the edges of a function, 4,000,000: the locals into each loop, and what blocks and
	// branches carry. A compiler in SSA form keeps each of them.
	Values int
	// Targets of all br_table instructions of a function, 65,520.
	Targets int
	// MemoryPages is what the memory may begin with, in pages of 64 KiB, and the most to which it may grow: 65536.
	MemoryPages uint32
	// Tables of a module, 16.
	Tables int
	// TableEntries is what a table may begin with, and the most to which it may grow: 100,000.
	TableEntries uint32
}

// Counts that no user has a reason to change, from the JS API too.
const (
	maxDeclared = 100_000 // types, imports, exports, globals, segments
	maxArity    = 1_000   // parameters or results of a type
	maxElements = 1_000_000
)

func (l Limits) complete() Limits {
	set := func(v *int, to int) {
		if *v == 0 {
			*v = to
		}
	}
	set(&l.ModuleBytes, 32<<20)
	set(&l.BodyBytes, 1<<20)
	set(&l.Functions, 100_000)
	set(&l.Locals, 50_000)
	set(&l.ModuleLocals, 1_000_000)
	set(&l.Nesting, 10_000)
	set(&l.Kept, 5_000_000)
	set(&l.Loops, 200)
	set(&l.Values, 4_000_000)
	set(&l.Targets, 65_520)
	set(&l.Tables, 16)
	if l.MemoryPages == 0 {
		l.MemoryPages = 1 << 16
	}
	if l.TableEntries == 0 {
		l.TableEntries = 100_000
	}
	return l
}
