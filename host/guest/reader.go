package guest

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// reader walks the bytes of a module. The first error stays and every later read gives zeros, so that a walk reads like the
// grammar of the specification (WebAssembly core 2.0, section 5).
type reader struct {
	b   []byte
	pos int
	// base is the position of b in the module, for the errors.
	base int
	err  error
}

var errTruncated = errors.New("the bytes end too early")

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: %w", r.base+r.pos, fmt.Errorf(format, args...))
	}
}

func (r *reader) left() int {
	if r.err != nil {
		return 0
	}
	return len(r.b) - r.pos
}

func (r *reader) byte() byte {
	if r.left() < 1 {
		r.fail("%w", errTruncated)
		return 0
	}
	r.pos++
	return r.b[r.pos-1]
}

func (r *reader) bytes(n uint32) []byte {
	if uint64(r.left()) < uint64(n) {
		r.fail("%w", errTruncated)
		return nil
	}
	r.pos += int(n)
	return r.b[r.pos-int(n) : r.pos]
}

// sub is a reader of the next n bytes alone.
func (r *reader) sub(n uint32) *reader {
	at := r.base + r.pos
	b := r.bytes(n)
	return &reader{b: b, base: at, err: r.err}
}

// u32 reads an unsigned LEB128 number of at most 32 bits.
func (r *reader) u32() uint32 {
	var v uint32
	for shift := 0; shift < 35; shift += 7 {
		c := r.byte()
		if shift == 28 && c > 0x0f {
			r.fail("a number of more than 32 bits")
			return 0
		}
		v |= uint32(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	return 0
}

// skipLEB passes a LEB128 number of any sign and at most max bytes.
func (r *reader) skipLEB(max int) {
	for range max {
		if r.byte() < 0x80 {
			return
		}
	}
	r.fail("a number of more than %d bytes", max)
}

// count reads the length of a vector whose elements take at least one byte each. A longer one than what is left cannot be
// true; it must not reach a decoder that makes room for it first.
func (r *reader) count() uint32 {
	n := r.u32()
	if r.err == nil && uint64(n) > uint64(r.left()) {
		r.fail("a vector of %d elements in %d bytes", n, r.left())
		return 0
	}
	return n
}

func (r *reader) name() string {
	b := r.bytes(r.u32())
	if !utf8.Valid(b) {
		r.fail("a name that is not UTF-8")
		return ""
	}
	return string(b)
}

// constExpr passes an initializer expression up to its end.
func (r *reader) constExpr() {
	for r.err == nil {
		switch op := r.byte(); op {
		case 0x0b:
			return
		case 0x41, 0x23, 0xd2: // i32.const, global.get, ref.func
			r.skipLEB(5)
		case 0x42: // i64.const
			r.skipLEB(10)
		case 0x43:
			r.bytes(4)
		case 0x44:
			r.bytes(8)
		case 0xd0: // ref.null
			r.byte()
		case 0xfd:
			if r.u32() != 12 { // v128.const
				r.fail("not a constant expression")
			}
			r.bytes(16)
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // add, sub, mul
			r.unsupported("extended constant expressions")
		default:
			r.fail("not a constant expression: opcode %#02x", op)
		}
	}
}
