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
	// Loops is how deep loops may lie in each other, 200.
	Loops int
	// Values is how many values a function may make a compiler keep, 13,500,000: its locals and operands at each block and branch, more
	// of them where ways meet, and sixteen for each that goes into or out of a call or a block, or along a branch (values.go). In SSA
	// form each of them is there at each of these places.
	Values int
	// ModuleValues is how many all functions may together, 16,000,000 and 22 for each byte of the module.
	ModuleValues int
	// Work is how much there may be for a compiler where ways meet, in all functions: for each way to the head of a loop the square of
	// the locals, for each to the end of a block that of the locals set inside, times one more than the depth of loops in each other.
	// 4,000,000,000 and 800 for each byte of the module.
	Work uint64
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

	moduleValues  = 16_000_000
	valuesPerByte = 22

	moduleWork  = 4_000_000_000
	workPerByte = 800
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
	set(&l.Loops, 200)
	set(&l.Values, 13_500_000)
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
