package meter

// form is what follows an opcode and what it does to the flow of control.
type form uint8

const (
	undefined form = iota
	plain
	nop
	unreachable
	block
	loop
	ifElse
	elseArm
	end
	branch
	branchIf
	branchTable
	ret
	call
	callIndirect
	selectTyped
	local
	global
	table
	memoryAccess
	memorySize
	memoryGrow
	constI32
	constI64
	constF32
	constF64
	refNull
	refFunc
	prefixMisc
	prefixVector
	// Behind prefixMisc.
	memoryInit
	dataDrop
	memoryCopy
	memoryFill
	tableInit
	elemDrop
	tableCopy
	tableGrow
	tableFill
	// Behind prefixVector.
	constV128
	shuffle
	lane
	memoryLane
)

// opcodes are the instructions of one byte (5.4.1 to 5.4.7).
var opcodes = func() (t [256]form) {
	t[0x00], t[0x01] = unreachable, nop
	t[0x02], t[0x03], t[0x04], t[0x05], t[0x0b] = block, loop, ifElse, elseArm, end
	t[0x0c], t[0x0d], t[0x0e], t[0x0f] = branch, branchIf, branchTable, ret
	t[0x10], t[0x11] = call, callIndirect
	t[0xd0], t[0xd1], t[0xd2] = refNull, plain, refFunc
	t[0x1a], t[0x1b], t[0x1c] = plain, plain, selectTyped // drop, select
	fill(t[0x20:0x23], local)
	fill(t[0x23:0x25], global)
	fill(t[0x25:0x27], table)
	fill(t[0x28:0x3f], memoryAccess)
	t[0x3f], t[0x40] = memorySize, memoryGrow
	t[0x41], t[0x42], t[0x43], t[0x44] = constI32, constI64, constF32, constF64
	fill(t[0x45:0xc5], plain) // numeric, the last five the sign extensions
	t[0xfc], t[0xfd] = prefixMisc, prefixVector
	return t
}()

// miscOpcodes follow 0xfc: saturating conversions, bulk memory and tables (5.4.7, 5.4.6, 5.4.5).
var miscOpcodes = [18]form{
	plain, plain, plain, plain, plain, plain, plain, plain, // trunc_sat
	memoryInit, dataDrop, memoryCopy, memoryFill,
	tableInit, elemDrop, tableCopy, tableGrow, table, tableFill, // 16 is table.size
}

// vectorOpcodes follow 0xfd (5.4.8).
var vectorOpcodes = func() (t [256]form) {
	fill(t[:], plain)
	fill(t[0:12], memoryAccess)
	fill(t[92:94], memoryAccess) // v128.load32_zero, v128.load64_zero
	fill(t[84:92], memoryLane)
	t[12], t[13] = constV128, shuffle
	fill(t[21:35], lane)
	for _, gap := range []byte{
		0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb,
		0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2, 0xee,
	} {
		t[gap] = undefined
	}
	return t
}()

func fill(t []form, f form) {
	for i := range t {
		t[i] = f
	}
}

// featureOf names the proposal that an opcode without a form belongs to; it is empty where there is none.
func featureOf(op byte) string {
	switch op {
	case 0x06, 0x07, 0x08, 0x09, 0x0a, 0x18, 0x19, 0x1f:
		return featureExceptions
	case 0x12, 0x13:
		return featureTailCalls
	case 0x14, 0x15, 0xd4, 0xd5, 0xd6:
		return featureTypedRefs
	case 0xd3, 0xfb:
		return featureGC
	case 0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6:
		return featureSwitching
	case 0xfe:
		return featureThreads
	}
	return ""
}

// misc reads the rest of an opcode behind 0xfc, and what the instruction does to the height of the operand stack.
func (t *transcript) misc() (form, int8) {
	op := t.copyU32()
	switch {
	case op < uint32(len(miscOpcodes)):
		return miscOpcodes[op], miscHeights[op]
	case op >= 19 && op <= 22:
		t.unsupported(featureWide)
	default:
		t.fail("there is no instruction 0xfc %d", op)
	}
	return undefined, 0
}

// vector reads the rest of an opcode behind 0xfd. The runtime reads it as one byte: what has two must be no other instruction
// by its first, which relaxed ones, from 256 on, are.
func (t *transcript) vector() (form, int8) {
	op := t.copyU32()
	switch {
	case op >= 0x100 && op <= 0x12f:
		t.unsupported(featureRelaxedSIMD)
	case op >= uint32(len(vectorOpcodes)) || vectorOpcodes[op] == undefined:
		t.fail("there is no instruction 0xfd %d", op)
	default:
		return vectorOpcodes[op], vectorHeights[op]
	}
	return undefined, 0
}
