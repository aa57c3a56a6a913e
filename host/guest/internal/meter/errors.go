package meter

import "fmt"

// Place is where in a module something was found.
type Place struct {
	// Section is its name, or empty for the module as a whole.
	Section string
	// Function is an index of the original module, or -1 outside of function bodies.
	Function int
	// Offset counts bytes from the start of the module.
	Offset int
}

// String is the place in words.
func (p Place) String() string {
	s := fmt.Sprintf("byte %d", p.Offset)
	if p.Section != "" {
		s += " in the " + p.Section + " section"
	}
	if p.Function >= 0 {
		s += fmt.Sprintf(", function %d", p.Function)
	}
	return s
}

// MalformedError refuses what is no module, or one that refers to what it does not have.
type MalformedError struct {
	Place
	// Reason is what is wrong there.
	Reason string
}

// Error says what and where.
func (e *MalformedError) Error() string { return fmt.Sprintf("malformed: %s: %s", e.Place, e.Reason) }

// TruncatedError refuses a module that ends before it is whole.
type TruncatedError struct {
	// Reason says where, and what is missing.
	Reason string
}

// Error says so.
func (e *TruncatedError) Error() string { return "truncated: " + e.Reason }

// UnsupportedError refuses a feature of WebAssembly that guests do not get.
type UnsupportedError struct {
	Place
	// Feature is the name of the proposal.
	Feature string
}

// Error says which, what to do, and where.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("the %s proposal is not supported: build without it, for WebAssembly 2.0 (%s)", e.Feature, e.Place)
}

// LimitError refuses a module that asks for more than the Limits allow.
type LimitError struct {
	Place
	// Reason is what it asks for, and how much of that is allowed.
	Reason string
}

// Error says what, how much and where.
func (e *LimitError) Error() string { return fmt.Sprintf("too large: %s: %s", e.Reason, e.Place) }

// ReservedError refuses a module that uses a name of what is added; one that was rewritten already does.
type ReservedError struct {
	// Kind of the Name: import or export.
	Kind, Name string
}

// Error says which.
func (e *ReservedError) Error() string {
	return fmt.Sprintf("reserved: its %s %q is the host's: give the module as its compiler made it", e.Kind, e.Name)
}
