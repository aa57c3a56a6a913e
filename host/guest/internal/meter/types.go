package meter

// funcType is the number of a function type's parameters and results; which they are is the runtime's to hold.
type funcType struct{ params, results int }

// Names of features that are refused.
const (
	featureThreads      = "threads"
	featureTailCalls    = "tail calls"
	featureExceptions   = "exception handling"
	featureGC           = "garbage collection"
	featureTypedRefs    = "typed function references"
	featureMemory64     = "memory64"
	featureMultiMemory  = "multiple memories"
	featurePageSizes    = "custom page sizes"
	featureRelaxedSIMD  = "relaxed SIMD"
	featureExtendedInit = "extended constant expressions"
	featureWide         = "wide arithmetic"
	featureComponents   = "components"
	featureSwitching    = "stack switching"
)

// valueType passes a value type (5.3.4).
func (t *transcript) valueType() {
	switch c := t.copyByte(); c {
	case 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f:
	default:
		t.wrongType(c)
	}
}

// refType passes a reference type (5.3.3), or what ref.null has in its place.
func (t *transcript) refType() {
	switch c := t.copyByte(); c {
	case 0x70, 0x6f:
	default:
		t.wrongType(c)
	}
}

func (t *transcript) wrongType(c byte) {
	switch {
	case t.err != nil:
	case c == 0x63, c == 0x64:
		t.unsupported(featureTypedRefs)
	case c == 0x69, c == 0x74:
		t.unsupported(featureExceptions)
	case c >= 0x6a && c <= 0x6e, c >= 0x71 && c <= 0x73:
		t.unsupported(featureGC)
	default:
		t.fail("there is no such type as %#02x here", c)
	}
}

// funcType passes a function type (5.3.6).
func (t *transcript) funcType() funcType {
	switch form := t.copyByte(); form {
	case 0x60:
	case 0x4e, 0x4f, 0x50, 0x5e, 0x5f:
		t.unsupported(featureGC)
	case 0x5d:
		t.unsupported(featureSwitching)
	default:
		t.fail("there is no type of form %#02x", form)
	}
	list := func(what string) int {
		n := t.copyCount(what, maxArity)
		for i := uint32(0); i < n && t.err == nil; i++ {
			t.valueType()
		}
		return int(n)
	}
	return funcType{params: list("parameters"), results: list("results")}
}

// pages are what a memory is counted in; there are no more in 32 bits of address.
const (
	pages    = "pages of memory"
	maxPages = 1 << 16
)

// limits passes the limits of a memory or a table (5.3.7). A most that is larger than allowed, or missing, becomes what is
// allowed: growing beyond it fails for the guest as growing beyond its own most does.
func (t *transcript) limits(what string, allowed uint32, clamp bool) {
	flags := t.byte()
	switch {
	case flags&2 != 0 && flags < 16:
		t.unsupported(featureThreads)
	case flags&4 != 0 && flags < 16:
		t.unsupported(featureMemory64)
	case flags&8 != 0 && flags < 16:
		t.unsupported(featurePageSizes)
	case flags > 1:
		t.fail("limits with flags %#02x", flags)
	}
	least, most := t.u32(), allowed
	if flags == 1 {
		if most = t.u32(); t.err == nil && most < least {
			t.fail("at least %d and at most %d %s", least, most, what)
		}
	}
	if what == pages && flags == 1 && most > maxPages {
		t.fail("a memory of %d pages", most)
	}
	t.limit(what, uint64(least), uint64(allowed))
	switch {
	case clamp:
		t.out = appendU(appendU(append(t.out, 1), uint64(least)), uint64(min(most, allowed)))
	case flags == 1:
		t.out = appendU(appendU(append(t.out, 1), uint64(least)), uint64(most))
	default:
		t.out = appendU(append(t.out, 0), uint64(least))
	}
}

// table passes a table type (5.3.9) or, in the table section, what the proposal of typed references made of it.
func (t *transcript) table(allowed uint32, clamp bool) {
	if t.left() > 0 && t.b[t.pos] == 0x40 {
		t.unsupported(featureTypedRefs)
	}
	t.refType()
	t.limits("table entries", allowed, clamp)
}

// global passes a global type (5.3.10).
func (t *transcript) global() {
	t.valueType()
	if mutable := t.copyByte(); mutable > 1 {
		t.fail("a global of mutability %#02x", mutable)
	}
}
