package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/deadletters"
)

func newDLQ(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "Dead letters of a pipeline, and what to do with them",
		Long: `dlq lists the dead letters of a pipeline, shows one with its cause, sends them back to where they came from once the
transform is mended, or deletes them. docs/dead-letters.md says what each of it promises.`,
		Example: `  wasmflow dlq list -c config.yaml
  wasmflow dlq show -c config.yaml 0/17
  wasmflow dlq replay -c config.yaml --kind refused --dry-run
  wasmflow dlq purge -c config.yaml --until 720h --yes`,
		RunE: group,
	}
	cmd.AddCommand(newDLQList(c), newDLQShow(c), newDLQReplay(c), newDLQPurge(c))
	return cmd
}

// dlqFlags are the flags of every verb of dlq.
type dlqFlags struct {
	configFlags
	group string
}

func (f *dlqFlags) add(cmd *cobra.Command) {
	f.configFlags.add(cmd)
	cmd.Flags().StringVar(&f.group, "group", "", "group whose offsets say which letters are done; the pipeline's group and "+deadletters.GroupSuffix+" where it is not given")
}

// open loads the configuration and opens the dead letters of its one pipeline that has some.
func (f *dlqFlags) open(cmd *cobra.Command) (*config.Config, host.Config, *deadletters.Topic, error) {
	cfg, err := f.load(cmd)
	if err != nil {
		return nil, host.Config{}, nil, err
	}
	if cfg.Embedded {
		err := errors.New("the broker is embedded: its dead letters are gone when run ends")
		return nil, host.Config{}, nil, &usageError{code: "usage", err: err, suggestion: "give the address of a cluster, as -X bootstrap.servers=127.0.0.1:9092"}
	}
	pipeline, err := onePipeline(cmd, cfg, func(p host.Config) bool { return p.Errors.DeadLetter != "" })
	if err != nil {
		return nil, host.Config{}, nil, err
	}
	topic, err := deadletters.Open(cmd.Context(), pipeline, f.group)
	return cfg, pipeline, topic, dlqError(cmd, err)
}

// onePipeline is the pipeline that a verb is about: the only one, or the only one that comes into question.
func onePipeline(cmd *cobra.Command, cfg *config.Config, may func(host.Config) bool) (host.Config, error) {
	if len(cfg.Pipelines) == 1 {
		return cfg.Pipelines[0], nil
	}
	var names []string
	var found host.Config
	for _, p := range cfg.Pipelines {
		if may(p) {
			names, found = append(names, p.Name), p
		}
	}
	switch len(names) {
	case 1:
		return found, nil
	case 0:
		return host.Config{}, &usageError{code: "usage", err: errors.New("no pipeline of the configuration comes into question"), help: cmd.CommandPath() + " --help"}
	}
	err := fmt.Errorf("%s is about one pipeline", cmd.CommandPath())
	return host.Config{}, &usageError{code: "usage", err: err, suggestion: "give --pipeline with one of " + strings.Join(names, ", ")}
}

// dlqError makes a mistake in the arguments of what is one.
func dlqError(cmd *cobra.Command, err error) error {
	if errors.Is(err, deadletters.ErrUsage) {
		return &usageError{code: "usage", err: err, help: cmd.CommandPath() + " --help"}
	}
	return err
}

// filterFlags choose letters.
type filterFlags struct {
	kinds, transforms, sources []string
	since, until               string
}

func (f *filterFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.kinds, "kind", nil, "only letters of this kind, as refused or panic; may be repeated")
	flags.StringArrayVar(&f.transforms, "transform", nil, "only letters of this transform; may be repeated")
	flags.StringVar(&f.since, "since", "", "only records from this time on: 2026-01-31T12:00:00Z, 2026-01-31, or how long ago, as 90m")
	flags.StringVar(&f.until, "until", "", "only records before this time, in the same forms")
	flags.StringArrayVar(&f.sources, "source", nil, "only records from TOPIC, TOPIC/PARTITION or TOPIC/PARTITION/OFFSET; may be repeated")
	noError(cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(letterKinds(), cobra.ShellCompDirectiveNoFileComp)))
}

// letterKinds are the kinds that a shell offers.
func letterKinds() (kinds []string) {
	for _, k := range []guest.TrapKind{
		guest.TrapUnreachable, guest.TrapBounds, guest.TrapArithmetic, guest.TrapIndirectCall, guest.TrapStack, guest.TrapMemory,
		guest.TrapOutput, guest.TrapExit, guest.TrapBadResult, guest.TrapFuel, guest.TrapDeadline, guest.TrapPanic,
	} {
		kinds = append(kinds, string(k))
	}
	return append(kinds, host.KindRefused, host.KindUnwritable)
}

func (f *filterFlags) filter(now time.Time) (out deadletters.Filter, err error) {
	bad := func(flag string, err error) error {
		return &usageError{code: "usage", err: fmt.Errorf("--%s: %w", flag, err)}
	}
	out.Kinds, out.Transforms = f.kinds, f.transforms
	if out.Since, err = parseTime(f.since, now); err != nil {
		return out, bad("since", err)
	}
	if out.Until, err = parseTime(f.until, now); err != nil {
		return out, bad("until", err)
	}
	for _, s := range f.sources {
		source, err := deadletters.ParseSource(s)
		if err != nil {
			return out, bad("source", err)
		}
		out.Sources = append(out.Sources, source)
	}
	return out, nil
}

// parseTime reads a time, or how long ago it was; "" is none.
func parseTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, form := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(form, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: 2026-01-31T12:00:00Z, 2026-01-31 (UTC), or how long ago, as 90m", s)
}
