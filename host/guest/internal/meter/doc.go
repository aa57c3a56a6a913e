// Package meter rewrites a WebAssembly module so that it pays fuel for what it executes, and is the gate before the runtime:
// what it has not read, checked and written again does not get there. It is the one reader of modules: what they declare is found
// in Declared.
//
// # What is added
//
// Two types, A = (i64, i64) -> i64 and B = (i64) -> (); an import, ImportModule.ImportFunc : A, behind all imported functions,
// so that these keep their index and the module's own move up by one; a mutable i64 global behind all globals, exported as
// FuelExport; a function check : B behind all functions:
//
//	check(need): fuel = refuel(fuel, need)
//
// A function charges what it is about to execute to the global, and calls check where there is too little in it. The host's
// refuel(fuel, need) answers with fuel plus what it grants, at least need, or traps. The global begins with zero, so the first
// check of an instance asks the host, that of a start function too.
//
// # The invariants
//
//   - M1: whether a budget suffices depends on the budget and on what was charged, not on how refuel slices it: refuel traps if
//     and only if the budget less all charges is below need. Charges depend on the module, its input and the mode alone.
//   - M2: no path of a function runs longer than about 65536 units, small leaves that it calls included, without a check; and
//     about 512 behind a call, since a recursion that returns runs that once for each of its frames.
//   - M3: an index that the original module lacks is refused. So no invalid module becomes valid by what is added, and no guest
//     can name the fuel, refuel or check.
//   - M4: every number of the output has its shortest form. The runtime's decoder reads some prefixed opcodes as single
//     bytes; in a longer form the same bytes would be other instructions to it than to the gate.
//   - M5: time and memory are bounded by the size of the input and the Limits, whatever the bytes say.
//     What a body makes the compiler keep is counted as it is read, by the height of the operand stack and the locals,
//     and what it makes it do.
//   - M6: the output depends on the input, the Options and Version alone, byte for byte.
//
// # The loop
//
// A call inside a loop makes the runtime keep all that the loop carries in memory. So the loop is left, refuelled and entered
// again:
//
//	block bt $done
//	  loop $again
//	    block $cold
//	      (fuel >= 0) if else br $cold end     ;; a second way to $cold: its values are not those of the hot loop
//	      loop bt
//	        (fuel >= cost) if else br $cold end
//	        fuel -= cost
//	        ...body...               ;; branches that leave the loop go three deeper
//	      end
//	      br $done
//	    end
//	    check(cost)
//	    br $again
//	  end
//	  unreachable
//	end
//
// # Where a block is charged
//
// A slot is a sum that is charged at one place, for all that runs from there on along the straight way: past the ends of blocks,
// too. A br_if out of it gives back what it skips, and pays for where it goes. Where ways meet that do not run whenever the start
// of their block ran, each pays for what follows: a br_if along with what it gives back, and the others in the slot that they come
// from. Only where a br_table goes is there a charge of its own, as it cannot pay for one of its targets alone. Options.Each does
// without all of that, and comes to the same sums.
//
// # The form of a branch
//
// The runtime makes one instruction of a comparison and the jump that depends on it where a block is reached from there alone,
// and five where it is not: at a br_if back to a loop, or to the end of a block that others branch to. So each br_if that
// carries no values becomes an if around a branch, and a check is an if whose first arm, the one that is placed next, goes on.
//
// Section numbers in comments are those of the WebAssembly core specification 2.0, https://www.w3.org/TR/wasm-core-2.
package meter
