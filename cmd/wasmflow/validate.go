package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
)

// validated is the result of the verb: what would run.
type validated struct {
	Pipelines []validPipeline `json:"pipelines"`
	Warnings  []problem       `json:"warnings"`
}

type validPipeline struct {
	Name        string            `json:"name"`
	Inputs      []string          `json:"inputs,omitempty"`
	InputsRegex string            `json:"inputs_regex,omitempty"`
	Transforms  []validTransform  `json:"transforms"`
	Outputs     map[string]string `json:"outputs"`
}

type validTransform struct {
	Name   string `json:"name"`
	Module string `json:"module"`
	Digest string `json:"digest"`

	Capabilities guest.Capabilities `json:"capabilities"`
}

func newValidate(c *cli) *cobra.Command {
	var f configFlags
	cmd := &cobra.Command{
		Use:     "validate -c FILE...",
		Aliases: []string{"lint"},
		Short:   "Check configuration and modules without a broker",
		Long: `validate reads the configuration as run would, loads every module, and starts each transform once with its own
configuration and outputs. It opens no connection. All mistakes of the files are
reported at once; where there are none, all those of the modules.`,
		Example: `  wasmflow validate -c config.yaml
  wasmflow validate -c base.yaml -c production.yaml -o json`,
		Args: arguments(0, 0, "no arguments"),
		RunE: c.verb(func(cmd *cobra.Command, _ []string) (outcome, error) {
			cfg, err := f.load(cmd)
			if err != nil {
				return outcome{}, err
			}
			v := validated{Pipelines: []validPipeline{}, Warnings: []problem{}}
			for _, w := range cfg.Warnings {
				v.Warnings = append(v.Warnings, problemOf(w))
			}
			for _, p := range cfg.Pipelines {
				v.add(cfg, p)
			}
			return outcome{v, v.print}, checkModules(cmd.Context(), cfg)
		}),
	}
	f.add(cmd)
	return cmd
}

func (v *validated) add(cfg *config.Config, p host.Config) {
	vp := validPipeline{Name: p.Name, Inputs: p.Inputs, InputsRegex: p.InputsRegex, Outputs: p.Outputs}
	for _, t := range p.Transforms {
		m := moduleOf(cfg, p.Name, t.Name)
		vp.Transforms = append(vp.Transforms, validTransform{t.Name, m.Path, m.Digest, t.Capabilities.Complete()})
	}
	v.Pipelines = append(v.Pipelines, vp)
}

func moduleOf(cfg *config.Config, pipeline, transform string) config.Module {
	for _, m := range cfg.Modules {
		if m.Pipeline == pipeline && m.Transform == transform {
			return m
		}
	}
	return config.Module{}
}

// checkModules starts every transform as its host would, and reports all that do not start.
func checkModules(ctx context.Context, cfg *config.Config) error {
	cache, err := useCache(cfg)
	if err != nil {
		return err
	}
	defer cache.close(ctx)
	var failed failures
	for _, p := range cfg.Pipelines {
		for _, t := range p.Transforms {
			t.Outputs = p.OutputNames()
			err := checkModule(ctx, t)
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case err != nil:
				failed = append(failed, blameFor(cfg, p.Name, fmt.Errorf("%w: transform %q: %w", host.ErrConfig, t.Name, err))...)
			}
		}
	}
	if len(failed) > 0 {
		return failed
	}
	return nil
}

func checkModule(ctx context.Context, t guest.Config) error {
	m, err := guest.Load(ctx, t)
	if err != nil {
		return err
	}
	defer m.Close(context.WithoutCancel(ctx))
	i, err := m.Instantiate(ctx)
	if err != nil {
		return err
	}
	return i.Close(context.WithoutCancel(ctx))
}

func (v *validated) print(w io.Writer) {
	t := newTable(w)
	t.AppendHeader(table.Row{"pipeline", "reads", "transform", "module", "sha256", "writes"})
	for _, p := range v.Pipelines {
		for i, tr := range p.Transforms {
			row := table.Row{"", "", strings.Join(append([]string{tr.Name}, granted(tr.Capabilities)...), "\n"), tr.Module, tr.Digest[:min(len(tr.Digest), 12)], ""}
			if i == 0 {
				row[0], row[1], row[5] = p.Name, p.reads(), p.writes()
			}
			t.AppendRow(row)
		}
	}
	t.Render()
	for _, p := range v.Warnings {
		fmt.Fprintf(w, "warning: %s\n", p)
	}
}

// granted says what is open to a transform that is not by default.
func granted(c guest.Capabilities) (lines []string) {
	if c.Clock != guest.ClockRecord {
		lines = append(lines, "clock: "+string(c.Clock))
	}
	if c.Random != guest.RandomSeeded {
		lines = append(lines, "random: "+string(c.Random))
	}
	if len(c.Env) > 0 {
		lines = append(lines, "env: "+strings.Join(c.Env, ", "))
	}
	return lines
}

func (p *validPipeline) reads() string {
	if p.InputsRegex != "" {
		return "/" + p.InputsRegex + "/"
	}
	return strings.Join(p.Inputs, "\n")
}

func (p *validPipeline) writes() string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(p.Outputs)) {
		lines = append(lines, name+" -> "+p.Outputs[name])
	}
	return strings.Join(lines, "\n")
}
