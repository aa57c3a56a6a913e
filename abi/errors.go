package abi

import "fmt"

// FieldError says which field of an image, a batch or a result breaks the contract. Field names are those of SPEC.md; rows
// are counted from 0: "records[3].value_off".
type FieldError struct {
	// Field is the path of the field.
	Field string
	// Reason says what is wrong with it, with the value.
	Reason string
	// OverLimit says that the field is well-formed, but over one of the Limits: there may be limits under which it passes.
	OverLimit bool
}

// Error gives field and reason.
func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

func fieldErr(field, format string, args ...any) *FieldError {
	return &FieldError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

func rowErr(list string, i int, field, format string, args ...any) *FieldError {
	return &FieldError{Field: fmt.Sprintf("%s[%d].%s", list, i, field), Reason: fmt.Sprintf(format, args...)}
}

// overLimit marks an error as one that other limits would not give.
func overLimit(e *FieldError) error {
	e.OverLimit = true
	return e
}
