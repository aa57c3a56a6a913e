package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/internal/devbroker"
	"github.com/wasmflow/wasmflow/internal/topics"
)

// closeTimeout is how long the end waits for transforms that did not come back within the drain.
const closeTimeout = 2 * time.Second

// embeddedPartitions is the number of partitions that topics of the embedded broker have.
const embeddedPartitions = 4

func newRun(c *cli) *cobra.Command {
	var f configFlags
	var once bool
	cmd := &cobra.Command{
		Use:   "run -c FILE...",
		Short: "Run pipelines until a signal, or to the end of their inputs",
		Long: `run runs every pipeline of the configuration. One that fails does not stop the others; at the end each failure is
named. The first SIGINT or SIGTERM drains: what is open is committed, then run ends with 0. The second one stops at
once, and what was open is done again by the next run.`,
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
			return outcome{}, runAll(cmd.Context(), cfg, log)
		}),
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&once, "once", false, "stop when everything that the inputs hold at the start is committed")
	return cmd
}

// runAll runs every pipeline of the configuration until ctx is done, or all have ended.
func runAll(ctx context.Context, cfg *config.Config, log *zap.Logger) (err error) {
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
	hosts, err := newHosts(ctx, cfg.Pipelines)
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout) // ctx is done by then
		defer cancel()
		for _, h := range hosts {
			err = errors.Join(err, h.Close(closing))
		}
	}()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		log.Info("draining: a second signal stops at once", zap.String("cause", context.Cause(ctx).Error()), zap.Duration("drain", cfg.Drain))
	})
	defer stop()
	return runHosts(ctx, cfg.Pipelines, hosts)
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

// newHosts makes a host of every pipeline. Beside an error the hosts that could be made are returned, to be closed.
func newHosts(ctx context.Context, pipelines []host.Config) ([]*host.Host, error) {
	var hosts []*host.Host
	var errs failures
	for _, p := range pipelines {
		h, err := host.New(ctx, p)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		hosts = append(hosts, h)
	}
	if len(errs) > 0 {
		return hosts, errs
	}
	return hosts, nil
}

// runHosts runs the hosts side by side and waits for all of them. One that fails says so in the log at once.
func runHosts(ctx context.Context, pipelines []host.Config, hosts []*host.Host) error {
	errs := make([]error, len(hosts))
	var running sync.WaitGroup
	for i, h := range hosts {
		running.Go(func() { errs[i] = h.Run(ctx) })
	}
	running.Wait()
	var failed failures
	for i, err := range errs {
		if err != nil {
			failed = append(failed, &pipelineError{pipelines[i].Name, err})
		}
	}
	if len(failed) > 0 {
		return failed
	}
	return nil
}
