package meter

// Names of features that are refused.
const (
	featureThreads      = "threads"
	featureTailCalls    = "tail call"
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
func (t *transcript) valueType() byte {
	c := t.copyByte()
	if valueTypes[c] == "" {
		t.wrongType(c, "value type %#02x is not one of WebAssembly 2.0")
	}
	return c
}

// refType passes a reference type (5.3.3), or what ref.null has in its place.
func (t *transcript) refType() {
	if c := t.copyByte(); c != 0x70 && c != 0x6f {
		t.wrongType(c, "%#02x is no type of a reference")
	}
}

// wrongType refuses a type: as one of a proposal, or for the reason.
func (t *transcript) wrongType(c byte, reason string) {
	switch {
	case t.err != nil:
	case c == 0x63, c == 0x64:
		t.unsupported(featureTypedRefs)
	case c == 0x69, c == 0x74:
		t.unsupported(featureExceptions)
	case c >= 0x6a && c <= 0x6e, c >= 0x71 && c <= 0x73:
		t.unsupported(featureGC)
	default:
		t.fail(reason, c)
	}
}

// funcType passes a function type (5.3.6).
func (t *transcript) funcType() FuncType {
	switch form := t.copyByte(); form {
	case 0x60:
	case 0x4e, 0x4f, 0x50, 0x5e, 0x5f:
		t.unsupported(featureGC)
	case 0x5d:
		t.unsupported(featureSwitching)
	default:
		t.fail("there is no type of form %#02x", form)
	}
	list := func() string {
		n := t.copyCount("a function type with %d parameters or results, at most %d are allowed", maxArity)
		begin := t.pos
		for ; n > 0 && t.err == nil; n-- {
			t.valueType()
		}
		return string(t.b[begin:t.pos])
	}
	return FuncType{Params: list(), Results: list()}
}
