package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
)

// Codes to exit with.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2 // Wrong arguments, configuration or module: the same again will fail again.
	exitEnvironment = 3 // A broker, a password, a right or a topic: the same again may work later.
)

// usageError is a mistake in the arguments.
type usageError struct {
	code       string
	err        error
	meant      string // What was probably meant, "" where nothing comes near.
	suggestion string // What else to do.
	help       string // The command that tells more, "" where there is none.
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// pipelineError says which pipeline failed, where the error does not begin with it anyway.
type pipelineError struct {
	name string
	err  error
}

func (e *pipelineError) Unwrap() error { return e.err }
func (e *pipelineError) Error() string {
	text, name := e.err.Error(), fmt.Sprintf("pipeline %q: ", e.name)
	return name + strings.TrimPrefix(text, name)
}

// failures are several errors of one kind, each reported on its own: of the pipelines, or of the topics.
type failures []error

func (f failures) Error() string   { return errors.Join(f...).Error() }
func (f failures) Unwrap() []error { return f }

// exitCode of several: what has to be mended first. A mistake in the configuration stays whatever else is right; what several
// may do later only counts where all of them may.
func (f failures) exitCode() int {
	code := exitCode(f[0])
	for _, e := range f {
		switch c := exitCode(e); {
		case c == exitUsage:
			return exitUsage
		case c != code:
			code = exitFailed
		}
	}
	return code
}

// exitCode is the one place that knows which error ends in which code.
func exitCode(err error) int {
	var (
		several  failures
		usage    *usageError
		mistakes *config.Problems
		late     *mistake
		refused  *guest.RefusedError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &several):
		return several.exitCode()
	case errors.As(err, &usage), errors.As(err, &mistakes), errors.As(err, &late), errors.As(err, &refused), errors.Is(err, host.ErrConfig):
		return exitUsage
	case errors.Is(err, host.ErrEnvironment):
		return exitEnvironment
	}
	return exitFailed
}

// problem is an error as the envelope and the lines on stderr show it.
type problem struct {
	Code       string `json:"code"`
	Message    string `json:"message"`
	Path       string `json:"path,omitempty"`
	File       string `json:"file,omitempty"`
	Line       int    `json:"line,omitempty"`
	Column     int    `json:"column,omitempty"`
	Suggestion string `json:"suggestion,omitempty"`
}

// problems takes an error apart into at least one problem.
func problems(err error) []problem {
	var (
		several  failures
		usage    *usageError
		mistakes *config.Problems
		late     *mistake
		refused  *refusal
	)
	switch {
	case errors.As(err, &several):
		var all []problem
		for _, e := range several {
			all = append(all, problems(e)...)
		}
		return all
	case errors.As(err, &mistakes) && len(mistakes.List) > 0:
		all := make([]problem, len(mistakes.List))
		for i, m := range mistakes.List {
			all[i] = problemOf(m)
		}
		return all
	case errors.As(err, &late):
		return []problem{late.problem()}
	case errors.As(err, &usage):
		p := problem{Code: usage.code, Message: err.Error()}
		switch {
		case usage.meant != "":
			p.Suggestion = "did you mean " + usage.meant + "?"
		case usage.suggestion != "":
			p.Suggestion = usage.suggestion
		case usage.help != "":
			p.Suggestion = "see " + usage.help
		}
		return []problem{p}
	case errors.As(err, &refused):
		return []problem{{Code: "module_refused", Message: refused.reason, File: refused.file}}
	}
	return []problem{{Code: errorCode(err), Message: err.Error()}}
}

// errorCode is the stable word for an error that brings none of its own.
func errorCode(err error) string {
	var stopped interrupted
	var refused *guest.RefusedError
	var trap *guest.TrapError
	switch {
	case errors.As(err, &refused):
		return "module_refused"
	case errors.As(err, &trap):
		return "trap"
	case errors.Is(err, host.ErrConfig):
		return "config"
	case errors.Is(err, host.ErrEnvironment):
		return "environment"
	case errors.As(err, &stopped), errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return "failed"
}

// problemOf takes over a mistake or a warning of the configuration.
func problemOf(m config.Problem) problem {
	return problem{Code: m.Code, Message: m.Message, Path: m.Path, File: m.File, Line: m.Line, Column: m.Column, Suggestion: m.Suggestion}
}

// String is the problem as a line, in the form that mistakes of the configuration have: file:line:column first.
func (p problem) String() string {
	return config.Problem{
		File: cmp.Or(p.File, "wasmflow"), Line: p.Line, Column: p.Column, Path: p.Path, Message: p.Message, Suggestion: p.Suggestion,
	}.Error()
}
