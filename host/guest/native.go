package guest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/wasmflow/wasmflow/abi"
)

// AtRecord is an error of a native transform that knows which record of its batch it was at. The host looks for the guilty record
// there first; it takes nobody's word for it.
type AtRecord struct {
	// Offset of the record.
	Offset int64
	// Err is the error.
	Err error
}

// Error is the text of Err.
func (e *AtRecord) Error() string { return e.Err.Error() }

// Unwrap gives Err.
func (e *AtRecord) Unwrap() error { return e.Err }

// native runs a transform in Go. What it returns is held to what a guest's result is held to.
func (m *Module) native(ctx context.Context, env Env, b *abi.Batch) (result abi.Result, err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		t := &TrapError{Kind: TrapPanic, Message: fmt.Sprintf("panic: %v", p), Stack: goFrames()}
		if cause, ok := p.(error); ok {
			t.cause = cause
		}
		result, err = abi.Result{}, m.trap(t)
	}()
	result, err = m.config.Native(ctx, env, *b)
	if err != nil {
		// A transform that gave up since it was told to has not failed.
		if done := ctx.Err(); done != nil {
			return abi.Result{}, done
		}
		t := m.trap(&TrapError{Kind: TrapPanic, Message: err.Error(), cause: err})
		var at *AtRecord
		if errors.As(err, &at) {
			t.Suspect = at.Offset
		}
		return abi.Result{}, t
	}
	if err := result.Check(b, len(m.config.Outputs), m.limits); err != nil {
		return abi.Result{}, m.badResult(err)
	}
	return result, nil
}

// goFrames are the functions between a panic and the call of the transform, innermost first, each with its place.
func goFrames() (out []string) {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for panicked := false; len(out) < maxFrames; {
		f, more := frames.Next()
		switch {
		case strings.HasSuffix(f.Function, "guest.(*Module).native"):
			return out
		case f.Function == "runtime.gopanic":
			panicked = true
		case panicked && !strings.HasPrefix(f.Function, "runtime."):
			out = append(out, flat(fmt.Sprintf("%s (%s:%d)", f.Function, f.File, f.Line), maxFrame))
		}
		if !more {
			return out
		}
	}
	return out
}
