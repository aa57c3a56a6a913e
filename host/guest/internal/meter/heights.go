package meter

// heights are what instructions of one byte push less what they pop (5.4, with the types of 3.3); miscHeights those behind 0xfc,
// vectorHeights those behind 0xfd. What depends on a type is not in here: calls and blocks.
var heights, miscHeights, vectorHeights = func() (one, misc, vector [256]int8) {
	set := func(t *[256]int8, by int8, ranges ...[2]int) {
		for _, r := range ranges {
			for op := r[0]; op <= r[1]; op++ {
				t[op] = by
			}
		}
	}
	// local.get, global.get, memory.size, constants, ref.null, ref.func
	set(&one, 1, [][2]int{{0x20, 0x20}, {0x23, 0x23}, {0x3f, 0x3f}, {0x41, 0x44}, {0xd0, 0xd0}, {0xd2, 0xd2}}...)
	// if, br_if and br_table, call_indirect, drop, local.set, global.set; comparisons and operations on two numbers
	set(&one, -1, [][2]int{{0x04, 0x04}, {0x0d, 0x0e}, {0x11, 0x11}, {0x1a, 0x1a}, {0x21, 0x21}, {0x24, 0x24}}...)
	set(&one, -1, [][2]int{{0x46, 0x4f}, {0x51, 0x66}, {0x6a, 0x78}, {0x7c, 0x8a}, {0x92, 0x98}, {0xa0, 0xa6}}...)
	// select, table.set, stores
	set(&one, -2, [][2]int{{0x1b, 0x1c}, {0x26, 0x26}, {0x36, 0x3e}}...)
	// memory.init, memory.copy to table.init, table.copy, table.fill; table.grow; table.size
	set(&misc, -3, [][2]int{{8, 8}, {10, 12}, {14, 14}, {17, 17}}...)
	set(&misc, -1, [2]int{15, 15})
	set(&misc, 1, [2]int{16, 16})
	set(&vector, 1, [2]int{12, 12}) // v128.const
	// shuffle and swizzle, replace_lane, comparisons, and to xor; loads of a lane; then by shape, what has two operands
	set(&vector, -1, [][2]int{{13, 14}, {23, 23}, {26, 26}, {28, 28}, {30, 30}, {32, 32}, {34, 76}, {78, 81}, {84, 87}}...)
	set(&vector, -1, [][2]int{{101, 102}, {107, 115}, {118, 121}, {123, 123}, {130, 130}, {133, 134}, {139, 147}, {149, 153}, {155, 159}}...)
	set(&vector, -1, [][2]int{{171, 174}, {177, 177}, {181, 186}, {188, 191}, {203, 206}, {209, 209}, {213, 223}, {228, 235}, {240, 247}}...)
	// v128.store, bitselect, stores of a lane
	set(&vector, -2, [][2]int{{11, 11}, {82, 82}, {88, 91}}...)
	return one, misc, vector
}()

// push adds to the height of the operand stack, or takes from it. Code that is never run has operands of any number, and takes
// none: the runtime compiles nothing of it.
func (b *body) push(n int) {
	if b.dead {
		return
	}
	b.height += n
	if b.height < b.frames[len(b.frames)-1].base {
		b.fail("more operands are taken than there are")
	}
}
