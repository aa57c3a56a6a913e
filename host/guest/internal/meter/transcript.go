package meter

import (
	"fmt"
	"unicode/utf8"
)

// transcript reads bytes of a module and, through the methods that begin with copy, writes what it reads again, numbers in
// their shortest form (M4). The first error stays and every later read gives zeros, so that code reads like the grammar of
// section 5 of the specification.
type transcript struct {
	b   []byte
	pos int
	out []byte
	err error
	// place of b[0].
	place Place
}

func (t *transcript) here() Place {
	p := t.place
	p.Offset += t.pos
	return p
}

func (t *transcript) stop(err error) {
	if t.err == nil {
		t.err = err
	}
}

func (t *transcript) fail(format string, args ...any) {
	if t.err == nil {
		t.err = &MalformedError{t.here(), fmt.Sprintf(format, args...)}
	}
}

func (t *transcript) unsupported(feature string) {
	if t.err == nil {
		t.err = &UnsupportedError{t.here(), feature}
	}
}

// limit holds got to a limit. The reason has a verb for each of them.
func (t *transcript) limit(reason string, got, limit uint64) bool {
	if t.err == nil && got > limit {
		t.err = &LimitError{t.here(), fmt.Sprintf(reason, got, limit)}
	}
	return t.err == nil
}

func (t *transcript) left() int {
	if t.err != nil {
		return 0
	}
	return len(t.b) - t.pos
}

// end holds that all was read.
func (t *transcript) end() error {
	if t.left() > 0 {
		t.fail("%d bytes too many", t.left())
	}
	return t.err
}

func (t *transcript) byte() byte {
	if t.left() < 1 {
		t.fail("the bytes end too early")
		return 0
	}
	t.pos++
	return t.b[t.pos-1]
}

func (t *transcript) bytes(n uint32) []byte {
	if uint64(t.left()) < uint64(n) {
		t.fail("the bytes end too early")
		return nil
	}
	t.pos += int(n)
	return t.b[t.pos-int(n) : t.pos : t.pos]
}

// sub is a transcript of the next n bytes alone.
func (t *transcript) sub(n uint32) transcript {
	place := t.here()
	return transcript{b: t.bytes(n), err: t.err, place: place}
}

// u32 reads an unsigned number of at most 32 bits.
func (t *transcript) u32() uint32 {
	if t.err == nil && t.pos < len(t.b) && t.b[t.pos] < 0x80 {
		t.pos++
		return uint32(t.b[t.pos-1])
	}
	return uint32(t.unsigned(32))
}

// unsigned reads an unsigned LEB128 number of 32 or 64 bits (5.2.2).
func (t *transcript) unsigned(bits int) uint64 {
	var v uint64
	for shift := 0; shift < bits; shift += 7 {
		c := t.byte()
		if rest := bits - shift; rest < 7 && c>>rest != 0 {
			break
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	t.fail("a number of more than %d bits", bits)
	return 0
}

// signed reads a signed LEB128 number of 32, 33 or 64 bits (5.2.2). Bits beyond must repeat the sign.
func (t *transcript) signed(bits int) int64 {
	var v int64
	for shift := 0; shift < bits; shift += 7 {
		c := t.byte()
		v |= int64(c&0x7f) << shift
		if c >= 0x80 {
			continue
		}
		if used := bits - shift; used < 7 {
			if rest := int8(c<<1) >> used; rest != 0 && rest != -1 {
				t.fail("a number of more than %d bits", bits)
				return 0
			}
		}
		if shift+7 < 64 && c&0x40 != 0 {
			v |= -1 << (shift + 7)
		}
		return v
	}
	t.fail("a number of more than %d bits", bits)
	return 0
}

// count reads the length of a vector whose elements take at least one byte each. A longer one than what is left cannot be
// true, and must not reach a decoder that makes room for it first.
func (t *transcript) count(reason string, limit int) uint32 {
	n := t.u32()
	if uint64(n) > uint64(t.left()) {
		t.fail("a vector of %d elements in %d bytes", n, t.left())
		return 0
	}
	t.limit(reason, uint64(n), uint64(limit))
	return n
}

// index reads an index below n (M3).
func (t *transcript) index(what string, n int) uint32 {
	v := t.u32()
	if t.err == nil && uint64(v) >= uint64(n) {
		t.fail("%s %d, there are %d", what, v, n)
		return 0
	}
	return v
}

func (t *transcript) copyByte() byte {
	c := t.byte()
	t.out = append(t.out, c)
	return c
}

func (t *transcript) copyBytes(n uint32) { t.out = append(t.out, t.bytes(n)...) }

func (t *transcript) copyU32() uint32 {
	v := t.u32()
	t.out = appendU(t.out, uint64(v))
	return v
}

func (t *transcript) copySigned(bits int) int64 {
	v := t.signed(bits)
	t.out = appendS(t.out, v)
	return v
}

func (t *transcript) copyCount(reason string, limit int) uint32 {
	n := t.count(reason, limit)
	t.out = appendU(t.out, uint64(n))
	return n
}

func (t *transcript) copyIndex(what string, n int) uint32 {
	v := t.index(what, n)
	t.out = appendU(t.out, uint64(v))
	return v
}

// name reads a name (5.2.4).
func (t *transcript) name() string {
	b := t.bytes(t.u32())
	if !utf8.Valid(b) {
		t.fail("a name that is not UTF-8")
		return ""
	}
	return string(b)
}

func (t *transcript) copyName() string {
	s := t.name()
	t.out = appendName(t.out, s)
	return s
}

// appendU writes an unsigned number.
func appendU(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// appendS writes a signed number.
func appendS(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func appendName(b []byte, s string) []byte { return append(appendU(b, uint64(len(s))), s...) }
