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
		{"a module whose init fails in validate", failures{&moduleError{err: trap}}, exitUsage},
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
		{&moduleError{"m.wasm", "pipelines[p].transforms[t].module", &guest.RefusedError{Transform: "t", Problems: []string{"no"}}}, "module_refused", `m.wasm: pipelines[p].transforms[t].module: transform "t" is refused: no`},
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
