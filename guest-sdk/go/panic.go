package wasmflow

import (
	"runtime"
	"strconv"
	"strings"
)

// panicText is what the host is told about a panic: its text, and the file:line of the code that caused it. It must be
// called while the panicking stack is still there: in a deferred function.
func panicText(v any) string {
	if e, ok := v.(batchError); ok {
		return cut(e.Error(), maxText) // no panic of the guest's: there is no place to name
	}
	text := valueText(v)
	if place := panicPlace(); place != "" {
		text = cut(text, maxText-len(place)-3) + " (" + place + ")"
	}
	return text
}

// valueText prints what was given to panic as fmt would, without fmt and reflection: basic types, errors and what has a
// String. A type of the guest's own that has neither method is not known here; Go prints it with the stack.
func valueText(v any) (text string) {
	defer func() {
		if recover() != nil {
			text = "panic with a value whose own text panics"
		}
	}()
	switch v := v.(type) {
	case error:
		return v.Error()
	case interface{ String() string }:
		return v.String()
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case int8:
		return strconv.Itoa(int(v))
	case int16:
		return strconv.Itoa(int(v))
	case int32:
		return strconv.Itoa(int(v))
	case int64:
		return strconv.FormatInt(v, 10)
	case uint:
		return strconv.FormatUint(uint64(v), 10)
	case uint8:
		return strconv.FormatUint(uint64(v), 10)
	case uint16:
		return strconv.FormatUint(uint64(v), 10)
	case uint32:
		return strconv.FormatUint(uint64(v), 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case uintptr:
		return strconv.FormatUint(uint64(v), 10)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case complex64:
		return strconv.FormatComplex(complex128(v), 'g', -1, 64)
	case complex128:
		return strconv.FormatComplex(v, 'g', -1, 128)
	}
	return "panic with a value that is no text"
}

// panicPlace finds the first frame below the panic that is neither the Go runtime's nor the SDK's: where a draft is
// misused, the line that misuses it is of use.
func panicPlace() string {
	const sdk = "github.com/wasmflow/wasmflow/guest-sdk/go."
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs[:])])
	panicking := false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			panicking = true
		case panicking && !strings.HasPrefix(f.Function, "runtime.") && !strings.HasPrefix(f.Function, sdk):
			return shortPath(f.File) + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return ""
		}
	}
}

// shortPath is the last two elements of a path: the folder says which package, and what is above it belongs to the
// machine that built the module.
func shortPath(path string) string {
	dir := strings.LastIndexByte(path, '/')
	if dir < 0 {
		return path
	}
	return path[strings.LastIndexByte(path[:dir], '/')+1:]
}
