package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
)

func TestExitCode(t *testing.T) {
	t.Parallel()
	environment := fmt.Errorf("pipeline %q: %w: no broker", "a", host.ErrEnvironment)
	trap := &guest.TrapError{Kind: guest.TrapExit, Message: "exit"}
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing", nil, exitOK},
		{"anything", errors.New("x"), exitFailed},
		{"a signal", interrupted{}, exitFailed},
		{"a trap while running", &host.RecordError{Err: trap}, exitFailed},
		{"usage", &usageError{err: errors.New("x")}, exitUsage},
		{"a configuration", &config.Problems{List: []config.Problem{{}}}, exitUsage},
		{"what New refuses", fmt.Errorf("%w: x", host.ErrConfig), exitUsage},
		{"a refused module", &guest.RefusedError{}, exitUsage},
		{"a module whose init fails", failures{&mistake{err: trap}}, exitUsage},
		{"a mistake beside what fails", failures{trap, &mistake{err: trap}}, exitUsage},
		{"a mistake beside the environment", failures{environment, &mistake{err: trap}, interrupted{}}, exitUsage},
		{"a module that was inspected", failures{&refusal{}}, exitFailed},
		{"the environment", environment, exitEnvironment},
		{"the environment, of all pipelines", failures{environment, environment}, exitEnvironment},
		{"the environment, of one of the pipelines", failures{environment, trap}, exitFailed},
		{"in an envelope already", reported{environment}, exitEnvironment},
	} {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("%s: exit code %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		code string
		line string
	}{
		{&config.Problems{List: []config.Problem{{Code: "missing", File: "c.yaml", Line: 3, Column: 5, Path: "pipelines", Message: "gone", Suggestion: "add it"}}}, "missing", "c.yaml:3:5: pipelines: gone (add it)"},
		{&mistake{code: "module_refused", at: config.Place{File: "c.yaml", Line: 3, Column: 4, Path: "a.b"}, err: errors.New("no"), suggestion: "yes"}, "module_refused", "c.yaml:3:4: a.b: no (yes)"},
		{&refusal{"m.wasm", "no"}, "module_refused", "m.wasm: no"},
		{&usageError{code: "usage", err: errors.New("one"), help: "wasmflow run --help"}, "usage", "wasmflow: one (see wasmflow run --help)"},
		{failures{&pipelineError{"p", errors.New("x")}}, "failed", `wasmflow: pipeline "p": x`},
		{failures{&pipelineError{"p", fmt.Errorf("pipeline %q: %w", "p", host.ErrEnvironment)}}, "environment", `wasmflow: pipeline "p": the environment is not ready`},
		{context.Canceled, "interrupted", "wasmflow: context canceled"},
	} {
		got := problems(tt.err)
		if len(got) != 1 {
			t.Fatalf("%v: %d problems", tt.err, len(got))
		}
		if diff := cmp.Diff([]string{tt.code, tt.line}, []string{got[0].Code, got[0].String()}); diff != "" {
			t.Errorf("%T (-want +got):\n%s", tt.err, diff)
		}
	}
}

// TestBlame takes errors apart that a host returns.
func TestBlame(t *testing.T) {
	t.Parallel()
	cfg := &config.Config{Modules: []config.Module{{
		Pipeline: "p", Transform: "t",
		At: config.Place{File: "c.yaml", Line: 1, Column: 2, Path: "m"}, ConfigAt: config.Place{File: "d.yaml", Line: 3, Column: 4, Path: "c"},
	}}}
	refused := &guest.RefusedError{Transform: "t", Digest: "0123456789abcdef", Problems: []string{"no"}}
	init := &guest.TrapError{Kind: guest.TrapInit, Transform: "t", Message: "limit: missing", Stack: []string{"a", "b"}}
	trap := &guest.TrapError{Kind: guest.TrapExit, Transform: "t", Message: "exit"}
	panicked := &guest.TrapError{Kind: guest.TrapInit, Transform: "t", Message: "panic: no\nmain.go:3"}
	const atModule, atConfig = `c.yaml:1:2: m: pipeline "p": transform "t" (module 0123456789ab) is refused: no`, `d.yaml:3:4: c: pipeline "p": transform "t": trap init: limit: missing (in a < b)`
	for _, tt := range []struct {
		name string
		err  error
		want []string
	}{
		{"what New refuses", fmt.Errorf("pipeline %q: %w:\n%w", "p", host.ErrConfig, errors.Join(fmt.Errorf("transform: %w", refused))), []string{atModule}},
		{"init in both workers", errors.Join(fmt.Errorf("pipeline: %w", init), fmt.Errorf("pipeline: %w", init)), []string{atConfig}},
		{"init that panics", panicked, []string{`d.yaml:3:4: c: pipeline "p": transform "t": trap init: panic: no; main.go:3`}},
		{"both", errors.Join(refused, init), []string{atModule, atConfig}},
		{"init, and something else", errors.Join(init, errors.New("x")), []string{atConfig, "wasmflow: pipeline \"p\": transform \"t\": trap init: limit: missing (in a < b)\nx"}},
		{"something else", fmt.Errorf("%w: x", host.ErrConfig), []string{`wasmflow: pipeline "p": the configuration is not valid: x`}},
		{"a trap", trap, []string{`wasmflow: pipeline "p": transform "t": trap exit: exit`}},
		{"a trap at a record", &host.RecordError{Pipeline: "p", Topic: "in", Err: init}, []string{`wasmflow: pipeline "p": topic "in" partition 0 offset 0: transform "t": trap init: limit: missing (in a < b)`}},
	} {
		var got []string
		for _, p := range problems(blameFor(cfg, "p", tt.err)) {
			got = append(got, p.String())
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestVerbsExplainThemselves holds that each verb says what it is for, and shows it.
func TestVerbsExplainThemselves(t *testing.T) {
	t.Parallel()
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
		if cmd.Name() != "help" && !cmd.Hidden && (cmd.Short == "" || cmd.Example == "") {
			t.Errorf("%s lacks a short description or an example", cmd.CommandPath())
		}
	}
	visit(newRoot(&cli{format: formatTable}))
}
