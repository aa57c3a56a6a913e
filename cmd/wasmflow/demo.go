package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/internal/demo"
)

// demoHost is the hidden verb that runs the host which the demonstration kills.
const demoHost = "demo-host"

func newDemo(c *cli) *cobra.Command {
	var module string
	var o demo.Options
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch payments go through a transform exactly once, on an embedded broker",
		Long: `demo generates payments, runs them through the payments guest on a broker inside this process, kills the host with a
transaction open, lets a second host take over, and reads the outputs back: every payment must be there exactly once.
It touches no other network and no file. Exit code 1 where the check fails, with the first violations.`,
		Example: `  make demo                                      # builds the module, then runs:
  wasmflow demo --module dist/guests/payments-go.wasm
  wasmflow demo --module dist/guests/payments-go.wasm --payments 100000 --seed 7 -o json`,
		Args: arguments(0, 0, "no arguments"),
		RunE: c.verb(func(cmd *cobra.Command, _ []string) (outcome, error) {
			if o.Payments < 1 {
				return outcome{}, &usageError{code: "usage", err: errors.New("--payments is at least 1"), help: cmd.CommandPath() + " --help"}
			}
			return c.demo(cmd.Context(), module, o)
		}),
	}
	cmd.Flags().StringVar(&module, "module", "dist/guests/payments-go.wasm", "the payments guest (make demo builds it)")
	cmd.Flags().IntVar(&o.Payments, "payments", 20_000, "how many payments")
	cmd.Flags().Uint64Var(&o.Seed, "seed", 1, "of the generator: the same seed gives the same payments")
	noError(cmd.MarkFlagFilename("module", "wasm"))
	return cmd
}

func (c *cli) demo(ctx context.Context, module string, o demo.Options) (outcome, error) {
	wasm, err := readModule(module)
	var usage *usageError
	if errors.As(err, &usage) {
		usage.suggestion = "make demo builds it"
	}
	if err == nil {
		if _, err = guest.Inspect(ctx, wasm); err != nil { // Else only the first host would say why it does not run.
			err = fmt.Errorf("%s: %w", module, err)
		}
	}
	if err != nil {
		return outcome{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return outcome{}, fmt.Errorf("find this program to start the first host: %w", err)
	}
	o.Module = wasm
	o.Host = func(ctx context.Context, broker string, maxRecords, killAt int) *exec.Cmd {
		return exec.CommandContext(ctx, self, demoHost, "--module", module, "--broker", broker,
			"--max-records", strconv.Itoa(maxRecords), "--kill-at", strconv.Itoa(killAt))
	}
	if o.Log, err = newLogger(c.err, "warn", "auto"); err != nil {
		return outcome{}, err
	}
	p := &progress{w: c.err, bars: isTerminal(c.err)}
	o.Progress = p.show
	r, err := demo.Run(ctx, o)
	p.end()
	if err != nil {
		return outcome{}, err
	}
	out := outcome{r, func(w io.Writer) { printDemo(w, &r) }}
	if r.OK() {
		return out, nil
	}
	return out, demoFailures(&r)
}

// demoFailures says in words what the table shows in figures.
func demoFailures(r *demo.Result) error {
	var f failures
	for _, v := range r.Violations {
		f = append(f, errors.New(v))
	}
	if n := r.Missing + r.Twice + r.Wrong + r.Unknown + r.Order - len(r.Violations); n > 0 {
		f = append(f, fmt.Errorf("%d further violations", n))
	}
	if r.Lag != 0 {
		f = append(f, fmt.Errorf("the offsets of %d payments are not committed", r.Lag))
	}
	if r.Leaked > 0 {
		f = append(f, fmt.Errorf("%d records of the open transaction were visible to read_committed readers", r.Leaked))
	}
	if r.Open == 0 {
		f = append(f, errors.New("the killed host left no open transaction: nothing was put to the test"))
	}
	if r.Hidden != r.Open {
		f = append(f, fmt.Errorf("%d records were written in transactions that did not commit, not the %d of the killed host", r.Hidden, r.Open))
	}
	return f
}

func printDemo(w io.Writer, r *demo.Result) {
	t := newTable(w)
	n := func(i int) string { return humanize.Comma(int64(i)) }
	t.AppendHeader(table.Row{"", "found", "expected"})
	t.AppendRows([]table.Row{
		{"payments produced", n(r.Payments), ""},
		{"on payments.accepted", n(r.Accepted), ""},
		{"on payments.rejected, with a reason", n(r.Rejected), ""},
	})
	t.AppendSeparator()
	t.AppendRows([]table.Row{
		{"on exactly one output, exactly once", n(r.Payments - r.Missing - r.Twice), n(r.Payments)},
		{"missing", n(r.Missing), "0"},
		{"more than once", n(r.Twice), "0"},
		{"on the wrong output, or changed", n(r.Wrong + r.Unknown), "0"},
		{"out of order within an account", n(r.Order), "0"},
		{"payments not committed (lag)", n(int(r.Lag)), "0"},
	})
	t.AppendSeparator()
	t.AppendRows([]table.Row{
		{"transactions committed before the host was killed", n(r.CommittedBefore), ""},
		{"records that it had written and not committed", n(r.Open), "more than 0"},
		{"of these seen by read_committed readers", n(r.Leaked), "0"},
		{"transactions committed by the host that took over", n(r.CommittedAfter), ""},
		{"aborted records, seen by read_uncommitted readers only", n(r.Hidden), n(r.Open)},
	})
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 2, Align: text.AlignRight}, {Number: 3, Align: text.AlignRight}})
	t.Render()
	verdict := "exactly once: held"
	if !r.OK() {
		verdict = "exactly once: BROKEN"
	}
	fmt.Fprintf(w, "%s (%s payments in %s, host killed and replaced)\n", verdict, n(r.Payments), r.Took.Round(10*time.Millisecond))
}

func newDemoHost(c *cli) *cobra.Command {
	var v demo.Victim
	var module string
	cmd := &cobra.Command{
		Use:    demoHost,
		Short:  "Run the host that demo kills",
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if v.Module, err = readModule(module); err != nil {
				return err
			}
			v.Report = c.out
			return v.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&module, "module", "", "the payments guest")
	cmd.Flags().StringSliceVar(&v.Brokers, "broker", nil, "where to connect to")
	cmd.Flags().IntVar(&v.MaxRecords, "max-records", 1000, "of a transaction")
	cmd.Flags().IntVar(&v.KillAt, "kill-at", 1, "the transaction before whose end the process dies")
	return cmd
}
