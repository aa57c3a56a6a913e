package main

import (
	"errors"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
)

// mistake is one of the configuration that only shows as it is put to use: a module that is refused, a transform whose init
// says no to its configuration.
type mistake struct {
	code       string
	at         config.Place
	err        error
	suggestion string
}

func (m *mistake) Unwrap() error { return m.err }
func (m *mistake) Error() string { return m.problem().String() }

func (m *mistake) problem() problem {
	return problem{
		Code: m.code, Message: m.err.Error(), Suggestion: m.suggestion,
		File: m.at.File, Line: m.at.Line, Column: m.at.Column, Path: m.at.Path,
	}
}

// blame is what a pipeline's error says about its modules and their configuration, each mistake once and with its place.
type blame struct {
	cfg      *config.Config
	pipeline string
	found    failures
	seen     map[string]bool
}

// blameFor takes the error of one pipeline apart: into the mistakes of the configuration, where it says any, and into what
// else there is. All workers of a host report the same init.
func blameFor(cfg *config.Config, pipeline string, err error) failures {
	b := blame{cfg: cfg, pipeline: pipeline, seen: map[string]bool{}}
	if other := b.walk(err); other || len(b.found) == 0 {
		return append(b.found, &pipelineError{pipeline, err})
	}
	return b.found
}

// walk looks for mistakes in err and says whether something else is in it.
func (b *blame) walk(err error) (other bool) {
	switch e := err.(type) {
	case nil:
		return false
	case *host.RecordError:
		return true
	case *guest.RefusedError:
		b.add("module_refused", b.module(e.Transform).At, e)
		return false
	case *guest.TrapError:
		if e.Kind != guest.TrapInit {
			return true
		}
		b.add("init_refused", b.module(e.Transform).ConfigAt, e)
		return false
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			other = b.walk(one) || other
		}
		return other
	case interface{ Unwrap() error }:
		return b.walk(e.Unwrap())
	}
	return !errors.Is(err, host.ErrConfig) // which only says of what kind the others are
}

func (b *blame) add(code string, at config.Place, err error) {
	if !b.seen[err.Error()] {
		b.seen[err.Error()] = true
		b.found = append(b.found, &mistake{code: code, at: at, err: &pipelineError{b.pipeline, err}})
	}
}

func (b *blame) module(transform string) config.Module { return moduleOf(b.cfg, b.pipeline, transform) }
