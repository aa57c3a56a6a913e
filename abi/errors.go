package abi

import "fmt"

// FieldError says which field of an image, a batch or a result breaks the contract. Field names are those of SPEC.md; rows
// are counted from 0: "records[3].value_off".
type FieldError struct {
	// Field is the path of the field.
	Field string
	// Reason says what is wrong with it, with the value.
	Reason string
}

// Error gives field and reason.
func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

func fieldErr(field, format string, args ...any) *FieldError {
	return &FieldError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

func rowErr(list string, i int, field, format string, args ...any) *FieldError {
	return &FieldError{Field: fmt.Sprintf("%s[%d].%s", list, i, field), Reason: fmt.Sprintf(format, args...)}
}
