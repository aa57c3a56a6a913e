package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/internal/deadletters"
	"github.com/wasmflow/wasmflow/internal/offsets"
)

// wasReset is the result of `reset-offsets`.
type wasReset struct {
	Pipeline string           `json:"pipeline"`
	DryRun   bool             `json:"dry_run"`
	Changes  []offsets.Change `json:"changes"`
	Warnings []string         `json:"warnings"`
}

func newResetOffsets(c *cli) *cobra.Command {
	var f configFlags
	var to string
	var only []string
	var yes bool
	cmd := &cobra.Command{
		Use:   "reset-offsets -c FILE... --to WHERE",
		Short: "Set where a stopped pipeline goes on",
		Long: `reset-offsets sets the next offsets of a pipeline's group, while no host of it runs. WHERE is earliest, latest, a time
(2026-01-31T12:00:00Z, 2026-01-31, or how long ago, as 90m), or, with --topic, an offset. Without --yes it only tells what would
change.

Exactly once is counted by these offsets: what lies behind the new ones is processed again, and its outputs come a second
time; what is passed over is never processed.`,
		Example: `  wasmflow reset-offsets -c config.yaml --to earliest
  wasmflow reset-offsets -c config.yaml --pipeline payments --to 2026-01-31T12:00:00Z --yes
  wasmflow reset-offsets -c config.yaml --topic payments.raw/3 --to 4711 --yes`,
		Args: arguments(0, 0, "no arguments"),
		RunE: c.verb(func(cmd *cobra.Command, _ []string) (outcome, error) {
			o, err := resetOrder(to, only)
			if err != nil {
				return outcome{}, &usageError{code: "usage", err: err, help: cmd.CommandPath() + " --help"}
			}
			o.DryRun = !yes
			cfg, err := f.load(cmd)
			if err != nil {
				return outcome{}, err
			}
			if cfg.Embedded {
				err := errors.New("the broker is embedded: its offsets are gone when run ends")
				return outcome{}, &usageError{code: "usage", err: err, help: cmd.CommandPath() + " --help"}
			}
			p, err := onePipeline(cmd, cfg, func(host.Config) bool { return true })
			if err != nil {
				return outcome{}, err
			}
			changes, err := offsets.Reset(cmd.Context(), p, o)
			if errors.Is(err, offsets.ErrUsage) {
				err = &usageError{code: "usage", err: err, help: cmd.CommandPath() + " --help"}
			}
			if err != nil {
				return outcome{}, err
			}
			out := resetOf(p, o, changes)
			return outcome{out, out.print}, nil
		}),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&to, "to", "", "earliest, latest, a time, or with --topic an offset")
	cmd.Flags().StringArrayVar(&only, "topic", nil, "only this input: TOPIC or TOPIC/PARTITION; may be repeated")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	noError(cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions([]string{offsets.Earliest, offsets.Latest}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// resetOrder reads the flags.
func resetOrder(to string, only []string) (o offsets.Order, err error) {
	if to == "" {
		return o, errors.New("say where to go on: --to earliest, latest, a time or an offset")
	}
	offset, notNumber := strconv.ParseUint(to, 10, 63)
	switch {
	case to == offsets.Earliest, to == offsets.Latest:
		o.To.Where = to
	case notNumber == nil:
		o.To.Where, o.To.Offset = offsets.AtOffset, int64(offset)
	default:
		o.To.Where = offsets.AtTime
		if o.To.At, err = parseTime(to, time.Now()); err != nil {
			return o, fmt.Errorf("--to: %q is neither earliest nor latest, nor an offset, and %w", to, err)
		}
	}
	for _, s := range only {
		part, err := deadletters.ParseSource(s)
		if err != nil || part.Offset >= 0 {
			return o, fmt.Errorf("--topic: %q is not TOPIC or TOPIC/PARTITION", s)
		}
		o.Only = append(o.Only, offsets.Part{Topic: part.Topic, Partition: part.Partition})
	}
	return o, nil
}

func resetOf(p host.Config, o offsets.Order, changes []offsets.Change) *wasReset {
	out := &wasReset{Pipeline: p.Name, DryRun: o.DryRun, Changes: changes, Warnings: []string{}}
	var again, skipped int64
	for _, c := range changes {
		again, skipped = again+c.Again, skipped+c.Skipped
	}
	if again > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%d offsets are processed again: their outputs come a second time, beside those that are there", again))
	}
	if skipped > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%d offsets are passed over: their records are never processed", skipped))
	}
	return out
}

func (r *wasReset) print(w io.Writer) {
	t := newTable(w)
	t.AppendHeader(table.Row{"topic", "partition", "old", "new", "again", "skipped"})
	for _, c := range r.Changes {
		old := any(c.Old)
		if c.Old < 0 {
			old = "none"
		}
		t.AppendRow(table.Row{c.Topic, c.Partition, old, c.New, c.Again, c.Skipped})
	}
	t.Render()
	if r.DryRun {
		fmt.Fprintln(w, "nothing was changed: --yes does it")
	}
	for _, text := range r.Warnings {
		fmt.Fprintf(w, "warning: %s\n", text)
	}
}
