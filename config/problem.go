package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Codes of problems. They are stable: scripts and editors may depend on them.
const (
	CodeUnreadable      = "unreadable"          // a file is missing or cannot be read
	CodeEmpty           = "empty"               // a file holds nothing
	CodeTooLarge        = "too_large"           // a file or module is over its bound
	CodeSyntax          = "syntax"              // not YAML, not properties, not a setting
	CodeUnknownKey      = "unknown_key"         // no such key, or Kafka knows no such property
	CodeNotYet          = "not_in_this_version" // a key that only other versions know
	CodeDuplicateKey    = "duplicate_key"       // one key twice in one mapping
	CodeWrongType       = "wrong_type"          // a list where a mapping is wanted, and the like
	CodeBadValue        = "bad_value"           // the right type, but not a value that is allowed
	CodeMissing         = "missing"             // a required key is absent, or a variable that a transform is granted
	CodeSubstitution    = "bad_substitution"    // ${...} that cannot be replaced
	CodeDuplicateName   = "duplicate_name"      // two things that must differ have one name
	CodeConflict        = "conflict"            // two keys that contradict each other
	CodeLoop            = "loop"                // a pipeline would read what it writes
	CodeBreaksExactly   = "breaks_exactly_once" // the promise could not be kept
	CodeOwnKey          = "own_key"             // a Kafka property that a key of this file sets
	CodeUnsupported     = "unsupported"         // Kafka can, this host cannot
	CodeDigestRequired  = "digest_required"     // modules.require_digest, but no sha256
	CodeDigestMismatch  = "digest_mismatch"     // the module is not the one that was pinned
	CodeUnknownPipeline = "unknown_pipeline"    // a pipeline was asked for that is not in the configuration
	CodeNoEffect        = "no_effect"           // warning: known, but without meaning here
	CodeWeak            = "weak"                // warning: works, but protects less than it seems
)

// Problem is one mistake in a configuration, or one thing to warn of.
type Problem struct {
	// Code names the kind of mistake; see the Code constants.
	Code string
	// File in which it stands; "environment NAME", "flag --set a::b" or "flag -X name" where the value came from there.
	File string
	// Line and Column begin at 1; both are 0 where the source has none.
	Line, Column int
	// Path of the key, such as pipelines[1].errors.on_error; empty where there is none.
	Path string
	// Message says what is wrong. It never holds a secret.
	Message string
	// Suggestion says what to do, where there is something to say.
	Suggestion string
}

// Error is the problem in one line: file:line:column: path: message (suggestion).
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		b.WriteString(":" + strconv.Itoa(p.Line))
		if p.Column > 0 {
			b.WriteString(":" + strconv.Itoa(p.Column))
		}
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Suggestion != "" {
		b.WriteString(" (" + p.Suggestion + ")")
	}
	return b.String()
}

// Problems are all mistakes of a configuration, in the order of its sources. It is the error of Load.
type Problems struct {
	// List holds at least one.
	List []Problem
}

// Error is every problem on a line of its own.
func (p *Problems) Error() string {
	lines := make([]string, len(p.List))
	for i, q := range p.List {
		lines[i] = q.Error()
	}
	return strings.Join(lines, "\n")
}

// place is where a value was written. Layers order the sources: what is in a higher one wins.
type place struct {
	file         string // as Problem.File
	dir          string // what relative paths are relative to
	line, column int
	layer        int
}

// report collects problems and warnings.
type report struct {
	problems, warnings []Problem
	order              map[string]int // of sources, for sorting
}

func (r *report) source(name string) {
	if r.order == nil {
		r.order = map[string]int{}
	}
	if _, ok := r.order[name]; !ok {
		r.order[name] = len(r.order)
	}
}

func problemAt(at place, code, path, suggestion, format string, args ...any) Problem {
	return Problem{
		Code: code, File: at.file, Line: at.line, Column: at.column, Path: path,
		Message: fmt.Sprintf(format, args...), Suggestion: suggestion,
	}
}

func (r *report) add(at place, code, path, suggestion, format string, args ...any) {
	r.problems = append(r.problems, problemAt(at, code, path, suggestion, format, args...))
}

func (r *report) warn(at place, code, path, suggestion, format string, args ...any) {
	r.warnings = append(r.warnings, problemAt(at, code, path, suggestion, format, args...))
}

// sorted puts problems into the order in which somebody would read the sources.
func (r *report) sorted(list []Problem) []Problem {
	slices.SortStableFunc(list, func(a, b Problem) int {
		if a.File != b.File {
			return r.order[a.File] - r.order[b.File]
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return list
}

func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return &Problems{List: r.sorted(r.problems)}
}
