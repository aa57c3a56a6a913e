package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/internal/topics"
)

func newTopics(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "topics",
		Short:   "Topics of the pipelines",
		Example: "  wasmflow topics create -c config.yaml --dry-run",
		RunE:    group,
	}
	cmd.AddCommand(newTopicsCreate(c))
	return cmd
}

func newTopicsCreate(c *cli) *cobra.Command {
	var f configFlags
	var spec topics.Spec
	cmd := &cobra.Command{
		Use:   "create -c FILE...",
		Short: "Create the input and output topics that do not exist",
		Long: `create creates the topics that the pipelines read and write and that do not exist. Topics that exist are left as they
are. Without numbers the broker's own defaults apply.`,
		Example: `  wasmflow topics create -c config.yaml --dry-run
  wasmflow topics create -c config.yaml --partitions 12 --replication-factor 3`,
		Args: arguments(0, 0, "no arguments"),
		RunE: c.verb(func(cmd *cobra.Command, _ []string) (outcome, error) {
			if spec.Partitions == 0 || spec.Replication == 0 {
				err := errors.New("--partitions and --replication-factor are at least 1, or -1 for the broker's default")
				return outcome{}, &usageError{code: "usage", err: err, help: cmd.CommandPath() + " --help"}
			}
			cfg, err := f.load(cmd)
			if err != nil {
				return outcome{}, err
			}
			if cfg.Embedded {
				err := errors.New("the broker is embedded: run creates its topics")
				return outcome{}, &usageError{code: "usage", err: err, help: "wasmflow run --help"}
			}
			return createTopics(cmd, cfg, spec)
		}),
	}
	f.add(cmd)
	cmd.Flags().Int32Var(&spec.Partitions, "partitions", topics.BrokerDefault, "partitions of a topic that is created; -1: the broker's default")
	cmd.Flags().Int16Var(&spec.Replication, "replication-factor", topics.BrokerDefault, "replicas of its partitions; -1: the broker's default")
	cmd.Flags().BoolVar(&spec.DryRun, "dry-run", false, "only ask the broker whether it would")
	return cmd
}

// createTopics creates what is missing.
func createTopics(cmd *cobra.Command, cfg *config.Config, spec topics.Spec) (outcome, error) {
	opts := append(slices.Clone(cfg.Kafka), kgo.SeedBrokers(cfg.Brokers...))
	states, err := topics.Create(cmd.Context(), opts, topics.Names(cfg.Pipelines), spec)
	if err != nil {
		return outcome{}, err
	}
	var failed failures
	for _, s := range states {
		if s.Err != nil {
			failed = append(failed, s.Err)
		}
	}
	o := outcome{states, func(w io.Writer) { printTopics(w, states, cfg.Pipelines) }}
	if len(failed) > 0 {
		return o, failed
	}
	return o, nil
}

func printTopics(w io.Writer, states []topics.Topic, pipelines []host.Config) {
	t := newTable(w)
	t.AppendHeader(table.Row{"topic", "state", "partitions"})
	for _, s := range states {
		t.AppendRow(table.Row{s.Name, s.State, s.Partitions})
	}
	t.Render()
	for _, p := range pipelines {
		if p.InputsRegex != "" {
			fmt.Fprintf(w, "pipeline %s reads what matches %q: create those topics yourself\n", p.Name, p.InputsRegex)
		}
	}
}

// newTable is a table on w: with lines on a terminal, else in plain ASCII.
func newTable(w io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleDefault)
	if isTerminal(w) {
		t.SetStyle(table.StyleLight)
	}
	t.Style().Format.Header, t.Style().Format.Footer = 0, 0 // As it is written, not in capitals.
	return t
}
