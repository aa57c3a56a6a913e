package main

import (
	"context"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/internal/devbroker"
	"github.com/wasmflow/wasmflow/internal/topics"
)

// embeddedPartitions is the number of partitions that topics of the embedded broker have.
const embeddedPartitions = 4

func newRun(c *cli) *cobra.Command {
	var f configFlags
	var once bool
	cmd := &cobra.Command{
		Use:   "run -c FILE...",
		Short: "Run pipelines until a signal, or to the end of their inputs",
		Long: `run runs every pipeline of the configuration. Mistakes of its files, a module that cannot be read among them, are told
before anything runs. A pipeline that fails, or whose module is refused, does not stop the others; at
the end each failure is named. The first SIGINT or SIGTERM drains: what is open is committed, then run ends with 0, or
with 1 where --once had not come to the end of an input. The second one stops at once, and what was open is done again
by the next run.`,
		Example: `  wasmflow run -c config.yaml
  wasmflow run -c base.yaml -c production.yaml --pipeline payments
  wasmflow run -c config.yaml --once             # stop at the ends of the inputs as they are now
  wasmflow run -c config.yaml -X security.protocol=SSL --set log::level=debug`,
		Args: arguments(0, 0, "no arguments"),
		RunE: c.verb(func(cmd *cobra.Command, _ []string) (outcome, error) {
			cfg, err := f.load(cmd)
			if err != nil {
				return outcome{}, err
			}
			log, err := newLogger(c.err, cfg.Log.Level, cfg.Log.Format)
			if err != nil {
				return outcome{}, err
			}
			for _, w := range cfg.Warnings {
				log.Warn(w.Error())
			}
			for i := range cfg.Pipelines {
				cfg.Pipelines[i].Once = once
				cfg.Pipelines[i].Logger = log
			}
			return outcome{}, runAll(cmd.Context(), cfg, once, log)
		}),
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&once, "once", false, "stop when everything that the inputs hold at the start is committed")
	return cmd
}

// runAll runs every pipeline of the configuration until ctx is done, or all have ended. One that cannot begin does not keep
// the others from it.
func runAll(ctx context.Context, cfg *config.Config, once bool, log *zap.Logger) error {
	if cfg.Embedded {
		broker, err := embed(cfg)
		if err != nil {
			return err
		}
		defer broker.Close()
		log.Warn("embedded broker: its records are gone when this process ends", zap.Strings("brokers", broker.Addrs()))
	}
	cache, err := useCache(cfg)
	if err != nil {
		return err
	}
	defer cache.close(ctx)
	r := &runner{cfg: cfg, once: once, log: log}
	r.start(ctx)
	r.run(ctx)
	r.close(ctx)
	if len(r.failed) > 0 {
		return r.failed
	}
	return nil
}

// embed starts the embedded broker with all topics and points the pipelines to it.
func embed(cfg *config.Config) (*devbroker.Broker, error) {
	create := map[string]int32{}
	for _, name := range topics.Names(cfg.Pipelines) {
		create[name] = embeddedPartitions
	}
	broker, err := devbroker.Start(devbroker.Options{Topics: create})
	if err != nil {
		return nil, err
	}
	for i := range cfg.Pipelines {
		cfg.Pipelines[i].Brokers = broker.Addrs()
	}
	return broker, nil
}
