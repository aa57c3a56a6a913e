package guest

import (
	"fmt"
	"strings"

	"github.com/wasmflow/wasmflow/abi"
)

// Names of TrapError.Limit, as configurations spell them.
const (
	LimitMemory        = "memory"
	LimitInputBytes    = "input_bytes"
	LimitOutputRecords = "output_records"
	LimitOutputBytes   = "output_bytes"
	LimitTimeout       = "timeout"
	LimitFuelPerRecord = "fuel_per_record"
	LimitFuelPerBatch  = "fuel_per_batch"
)

// TrapError is a call that did not return properly. The instance is gone.
type TrapError struct {
	Kind TrapKind
	// Message is the guest's own text where it gave one (its panic with file and line), else what is known. Valid UTF-8, at
	// most 4 KiB, never empty. It is the guest's word: it may have several lines, and quote the data of a record.
	Message string
	// Stack are the functions that were running, innermost first, at most 32; by number where the module has no names.
	Stack []string
	// Transform is Config.Name, Digest the module's SHA-256 in hexadecimal, empty for a native transform.
	Transform, Digest string
	// Limit is the one of Limits that the call exceeded, a Limit constant; empty where it was none.
	Limit string
	// Topic and Partition of the call's batch, the offsets First to Last of its records, and their number Records. Where a batch
	// became several calls they are those of the call that trapped. Topic is empty for a trap of kind init.
	Topic       string
	Partition   int32
	First, Last int64
	Records     int
	// Suspect is the offset of the record that the guest was at, by its own word: a hint where to look. -1 where it gave none.
	Suspect int64
	// Fuel that the call had used, in units of Limits.FuelMode; 0 for a native transform. A batch that became several calls is
	// counted as one.
	Fuel uint64

	cause error
}

// Error gives records, transform, kind, message, stack and fuel in one line. It is the text of a trap wherever one is shown.
func (e *TrapError) Error() string {
	s := subject(e.Transform, e.Digest) + ": trap " + string(e.Kind) + ": " + oneLine(e.Message)
	if e.Topic != "" {
		s = e.where() + ": " + s
	}
	var known []string
	if len(e.Stack) > 0 {
		known = append(known, "in "+strings.Join(e.Stack, " < "))
	}
	if e.Limit != "" {
		known = append(known, "limit "+e.Limit)
	}
	if e.Fuel > 0 {
		known = append(known, fmt.Sprintf("fuel %d", e.Fuel))
	}
	if len(known) > 0 {
		s += " (" + strings.Join(known, "; ") + ")"
	}
	return s
}

// Report gives the same in several lines, the message as the guest wrote it and each function of the stack in a line of its own.
// It does not end with a line end.
func (e *TrapError) Report() string {
	var b strings.Builder
	b.WriteString("trap " + string(e.Kind) + ": " + subject(e.Transform, e.Digest))
	add := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "\n  %-8s %s", name, strings.ReplaceAll(text, "\n", "\n           "))
		}
	}
	add("message", e.Message)
	if e.Topic != "" {
		add("records", e.where())
	}
	add("stack", strings.Join(e.Stack, "\n"))
	add("limit", e.Limit)
	if e.Fuel > 0 {
		add("fuel", fmt.Sprint(e.Fuel))
	}
	return b.String()
}

// Unwrap gives what the trap came from: an *abi.FieldError, the trap inside init, or the runtime's own error.
func (e *TrapError) Unwrap() error { return e.cause }

// where names the records of the call.
func (e *TrapError) where() string {
	s := fmt.Sprintf("topic %q partition %d ", e.Topic, e.Partition)
	switch {
	case e.Records == 0:
		return s + "without records"
	case e.First == e.Last:
		return s + fmt.Sprintf("offset %d", e.First)
	}
	return s + fmt.Sprintf("offsets %d-%d", e.First, e.Last)
}

// locate fills in which records the call had.
func (e *TrapError) locate(b *abi.Batch) {
	e.Topic, e.Partition, e.Records = strings.Clone(b.Topic), b.Partition, len(b.Records)
	if e.Records > 0 {
		e.First, e.Last = b.Records[0].Offset, b.Records[e.Records-1].Offset
	}
}

// trap fills in whose trap it is, of no record that is known, and holds the message to its bound.
func (m *Module) trap(t *TrapError) *TrapError {
	t.Transform, t.Digest, t.Suspect = m.config.Name, m.digest, -1
	t.Message = clean(t.Message, maxMessage)
	if t.Kind == TrapMemory && t.Limit == "" {
		t.Limit = LimitMemory
	}
	return t
}

// oneLine makes one line of several.
func oneLine(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}
