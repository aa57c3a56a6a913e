package guest

import (
	"errors"
	"strings"

	"github.com/wasmflow/wasmflow/abi"
)

// badResult makes a trap of what the codec says of a result. A result over the limits is one of its own: it is well-formed,
// and there may be a limit under which it passes. Refusals are bounded by the batch, not by a limit.
func (m *Module) badResult(err error) *TrapError {
	t := &TrapError{Kind: TrapBadResult, Message: err.Error(), cause: err}
	var field *abi.FieldError
	if errors.As(err, &field) && field.OverLimit {
		t.Kind, t.Limit = TrapOutput, LimitOutputBytes
		for _, counted := range []string{"records", "headers", "header_count"} {
			if strings.HasSuffix(field.Field, counted) {
				t.Limit = LimitOutputRecords
			}
		}
	}
	return m.trap(t)
}

// spend takes what a result used from what is left.
func spend(left *abi.Limits, r *abi.Result) {
	left.Records -= len(r.Records)
	for n := range r.Records {
		rec := &r.Records[n]
		left.Headers -= len(rec.Headers)
		left.Bytes -= int64(len(rec.Key)) + int64(len(rec.Value))
		for h := range rec.Headers {
			left.Bytes -= int64(len(rec.Headers[h].Key)) + int64(len(rec.Headers[h].Value))
		}
	}
}
