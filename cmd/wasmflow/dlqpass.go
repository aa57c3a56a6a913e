package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/internal/deadletters"
)

// passed is the result of `dlq replay` and `dlq purge`.
type passed struct {
	*deadletters.Report
	Left     int      `json:"left"`
	Warnings []string `json:"warnings"`

	did string // "replayed" or "purged"
}

// orderWarning is what a replay costs.
const orderWarning = "replayed records stand at the ends of their partitions: their order against records that came after them is lost"

func newDLQReplay(c *cli) *cobra.Command {
	var f dlqFlags
	var choose filterFlags
	var o deadletters.Order
	cmd := &cobra.Command{
		Use:   "replay -c FILE...",
		Short: "Send dead letters back to where they came from, exactly once",
		Long: `replay writes the records of the chosen letters to the ends of the partitions that they came from, as they were there, with
one header more: wasmflow.replayed, which counts how often. The pipeline takes them from there, now or when it runs again. Letters
that are not chosen stay, or are copied byte for byte to the end of the dead-letter topic.

All of it goes in transactions with the offsets of a group of its own: a replay that is interrupted and run again repeats nothing
and loses nothing. It ends with the letters that were there when it began. The order against records that came after
those that failed is lost.`,
		Example: `  wasmflow dlq replay -c config.yaml --dry-run
  wasmflow dlq replay -c config.yaml --limit 1                # try one
  wasmflow dlq replay -c config.yaml --kind deadline --rate 100
  wasmflow dlq replay -c config.yaml --source payments.raw/3/4711`,
		Args: arguments(0, 0, "no arguments"),
		RunE: c.verb(func(cmd *cobra.Command, _ []string) (outcome, error) {
			if o.Limit < 0 || o.Rate < 0 {
				return outcome{}, &usageError{code: "usage", err: errors.New("--limit and --rate are at least 0"), help: cmd.CommandPath() + " --help"}
			}
			return c.pass(cmd, &f, &choose, o, "replayed", (*deadletters.Topic).Replay)
		}),
	}
	f.add(cmd)
	choose.add(cmd)
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "only tell what would go where")
	cmd.Flags().IntVar(&o.Limit, "limit", 0, "the oldest so many; 0: all")
	cmd.Flags().IntVar(&o.Rate, "rate", 0, "letters a second at most; 0: as fast as it goes")
	return cmd
}

func newDLQPurge(c *cli) *cobra.Command {
	var f dlqFlags
	var choose filterFlags
	var yes bool
	cmd := &cobra.Command{
		Use:   "purge -c FILE...",
		Short: "Delete dead letters",
		Long: `purge deletes the chosen letters, for good, and with them letters that were replayed or purged before and still lie there.
Letters that are not chosen are copied byte for byte to the end of the topic first, in the transactions that count the others as
purged. Without --yes it only tells what would be deleted.`,
		Example: `  wasmflow dlq purge -c config.yaml --kind refused           # what would be deleted
  wasmflow dlq purge -c config.yaml --kind refused --yes
  wasmflow dlq purge -c config.yaml --until 720h --yes       # records older than 30 days`,
		Args: arguments(0, 0, "no arguments"),
		RunE: c.verb(func(cmd *cobra.Command, _ []string) (outcome, error) {
			return c.pass(cmd, &f, &choose, deadletters.Order{DryRun: !yes}, "purged", (*deadletters.Topic).Purge)
		}),
	}
	f.add(cmd)
	choose.add(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

// pass runs one and tells what it did, also where it did not come to its end.
func (c *cli) pass(cmd *cobra.Command, f *dlqFlags, choose *filterFlags, o deadletters.Order, did string,
	run func(*deadletters.Topic, context.Context, deadletters.Order) (*deadletters.Report, error),
) (outcome, error) {
	var err error
	if o.Filter, err = choose.filter(time.Now()); err != nil {
		return outcome{}, err
	}
	cfg, pipeline, topic, err := f.open(cmd)
	if err != nil {
		return outcome{}, err
	}
	defer topic.Close()
	level := cfg.Log.Level
	if level == "info" {
		level = "warn" // who waits for the result need not know how the group is doing
	}
	if o.Logger, err = newLogger(c.err, level, cfg.Log.Format); err != nil {
		return outcome{}, err
	}
	bar := progress{w: c.err, bars: isTerminal(c.err)}
	if bar.bars {
		o.Progress = func(done, chosen int) { bar.show(did, done, chosen) }
	}
	report, err := run(topic, cmd.Context(), o)
	bar.end()
	err = dlqError(cmd, err)
	if report == nil {
		return outcome{}, err
	}
	p := passing(pipeline, report, did)
	return outcome{p, p.print}, err
}

func passing(pipeline host.Config, r *deadletters.Report, did string) *passed {
	p := &passed{Report: r, Left: r.Left(), Warnings: []string{}, did: did}
	if did == "replayed" && r.Chosen > 0 {
		p.Warnings = append(p.Warnings, orderWarning)
	}
	if r.Foreign > 0 {
		p.Warnings = append(p.Warnings, foreignWarning(pipeline.Name, r.Foreign))
	}
	return p
}

func (p *passed) print(w io.Writer) {
	if len(p.Targets) > 0 {
		t := newTable(w)
		t.AppendHeader(table.Row{"from topic", "partition", "letters"})
		for _, target := range p.Targets {
			t.AppendRow(table.Row{target.Topic, target.Partition, target.Letters})
		}
		t.Render()
	}
	if p.DryRun {
		fmt.Fprintf(w, "%d letters would be %s, %d would be left, in topic %s\n", p.Chosen, p.did, p.Pending-p.Chosen, p.Topic)
		if p.did == "purged" {
			fmt.Fprintln(w, "nothing was deleted: --yes does it")
		}
	} else {
		fmt.Fprintf(w, "%d of %d letters %s, %d left in topic %s, %d of them copied to its end\n", p.Done, p.Chosen, p.did, p.Left, p.Topic, min(p.Copied, p.Left))
	}
	for _, text := range p.Warnings {
		fmt.Fprintf(w, "warning: %s\n", text)
	}
}
