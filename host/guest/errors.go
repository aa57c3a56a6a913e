package guest

import (
	"errors"
	"strings"
)

// ErrDiscarded is returned by every call of an instance after one that failed, and after Close. A fresh instance works.
var ErrDiscarded = errors.New("the instance was discarded: instantiate the module again")

// ErrClosed is returned by Instantiate after the module was closed.
var ErrClosed = errors.New("the module is closed")

// RefusedError says why Load accepts no module, with all reasons that were found. Nothing of the module has run.
type RefusedError struct {
	// Transform is Config.Name, Digest the module's SHA-256 in hexadecimal.
	Transform, Digest string
	// Problems are the reasons, at least one, each a text of its own.
	Problems []string
	// Allowed says what a module may import, where an import is among the problems.
	Allowed string
}

// Error gives all reasons in one line.
func (e *RefusedError) Error() string {
	var b strings.Builder
	b.WriteString(subject(e.Transform, e.Digest) + " is refused: " + strings.Join(e.Problems, "; "))
	if e.Allowed != "" {
		b.WriteString("; allowed: " + e.Allowed)
	}
	return b.String()
}

// subject names a transform and the module that it is.
func subject(transform, digest string) string {
	switch {
	case digest == "":
		return "transform " + quote(transform)
	case transform == "":
		return "module " + digest[:12]
	}
	return "transform " + quote(transform) + " (module " + digest[:12] + ")"
}
