package wasmflow

import (
	"errors"
	"unicode/utf8"
)

// Refusal is an error with a code of the guest's own, for whoever reads the dead letter by machine. Any other error refuses
// a record with code 0.
type Refusal struct {
	// Code is the guest's own number for the cause.
	Code uint32
	// Text says why, for people. It is cut after 1 KiB, between characters.
	Text string
}

// Error is the text.
func (r Refusal) Error() string { return r.Text }

// RefusalCode is the code. An error type that has this method gives its refusals a code, like Refusal.
func (r Refusal) RefusalCode() uint32 { return r.Code }

// Bounds of the texts that are handed to the host, in bytes: what goes beyond would be cut there, and count against the
// limits of the result until then.
const (
	maxText    = 4096 // of a panic, and of an error of init
	maxRefusal = 1024
)

// reason is the code and the text of a refusal.
func reason(err error) (code uint32, text string) {
	if err == nil {
		return 0, "refused without a reason"
	}
	var coded interface{ RefusalCode() uint32 }
	if errors.As(err, &coded) {
		code = coded.RefusalCode()
	}
	return code, cut(err.Error(), maxRefusal)
}

// cut shortens a text to at most n bytes, between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
