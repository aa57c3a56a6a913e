package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/internal/doctor"
)

func newDoctor(c *cli) *cobra.Command {
	var f configFlags
	var principal string
	var printACLs bool
	cmd := &cobra.Command{
		Use:   "doctor -c FILE...",
		Short: "Look for everything on the cluster that would fail later",
		Long: `doctor asks the cluster what the pipelines need of it: addresses, TLS and its certificates, SASL, rights, topics, their
replicas and sizes, the version of transactions, timeouts, committed offsets. Each check is ok, warning, failed or unknown, and says
what to do. It changes nothing on the cluster. With --print-acls it asks nobody, and prints the commands that give the
pipelines their rights.`,
		Example: `  wasmflow doctor -c config.yaml
  wasmflow doctor -c config.yaml --principal User:app -o json
  wasmflow doctor -c config.yaml --print-acls --principal User:app`,
		Args: arguments(0, 0, "no arguments"),
		RunE: c.verb(func(cmd *cobra.Command, _ []string) (outcome, error) {
			cfg, err := f.load(cmd)
			if err != nil {
				return outcome{}, err
			}
			if cfg.Embedded {
				err := errors.New("the broker is embedded: it has no rights and no settings to look at")
				return outcome{}, &usageError{code: "usage", err: err, help: cmd.CommandPath() + " --help"}
			}
			o := doctor.Options{Brokers: cfg.Brokers, Kafka: cfg.Kafka, Pipelines: cfg.Pipelines, Principal: principal}
			if printACLs {
				grants := doctor.Grants(o)
				return outcome{grants, func(w io.Writer) { printGrants(w, grants) }}, nil
			}
			checks := append(doctor.Examine(cmd.Context(), o), checkCache(cmd, cfg))
			return outcome{checks, func(w io.Writer) { printChecks(w, checks) }}, verdict(checks)
		}),
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&printACLs, "print-acls", false, "only print the kafka-acls commands that give the pipelines their rights, offline")
	cmd.Flags().StringVar(&principal, "principal", "", "Kafka's name for the user in these commands, as User:app")
	return cmd
}

// checkCache opens the folder of compiled modules as run would.
func checkCache(cmd *cobra.Command, cfg *config.Config) doctor.Check {
	c := doctor.Check{Name: doctor.CheckCache, About: cfg.CacheDir, State: doctor.OK, Text: "compiled modules are kept there"}
	cache, err := useCache(cfg)
	cache.close(cmd.Context())
	switch {
	case err != nil:
		c.State, c.Text = doctor.Failed, err.Error()
	case cfg.CacheDir == "":
		c.State, c.Text, c.Do = doctor.Warning, "the system names no folder: modules are compiled at every start", "set modules.cache_dir"
	}
	return c
}

// verdict is the error of checks that failed.
func verdict(checks []doctor.Check) error {
	failed := 0
	for _, c := range checks {
		if c.State == doctor.Failed {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d of %d checks failed", host.ErrEnvironment, failed, len(checks))
}

// printChecks prints lines, not a table: what is to do is there to be copied.
func printChecks(w io.Writer, checks []doctor.Check) {
	pipeline := ""
	for _, c := range checks {
		if c.Pipeline != pipeline {
			if pipeline = c.Pipeline; pipeline != "" {
				fmt.Fprintf(w, "pipeline %s\n", pipeline)
			}
		}
		about := c.Name
		if c.About != "" {
			about += " " + c.About
		}
		fmt.Fprintf(w, "%-8s %s: %s\n", c.State, about, c.Text)
		if c.Do != "" {
			fmt.Fprintf(w, "         -> %s\n", c.Do)
		}
	}
}

// printGrants prints what a shell can read.
func printGrants(w io.Writer, grants []doctor.Grant) {
	pipeline, optional := "", false
	for _, g := range grants {
		if g.Pipeline != pipeline || g.Optional != optional {
			pipeline, optional = g.Pipeline, g.Optional
			fmt.Fprintf(w, "# pipeline %s", pipeline)
			if optional {
				fmt.Fprint(w, ", recommended")
			}
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, g.Command)
	}
}
