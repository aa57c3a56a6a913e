package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/wasmflow/wasmflow/config"
)

// configFlags are the flags of every verb that reads a configuration.
type configFlags struct {
	files, pipelines, kafka, set []string
}

func (f *configFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.files, "config", "c", nil, "configuration file; of several, later ones win")
	flags.StringArrayVar(&f.pipelines, "pipeline", nil, "only the pipeline of this name, without the modules of the others; may be repeated")
	flags.StringArrayVarP(&f.kafka, "kafka", "X", nil, "Kafka client property, as sasl.username=app; may be repeated")
	flags.StringArrayVar(&f.set, "set", nil, "configuration key, as log::level=debug; may be repeated")
	noError(cmd.MarkFlagFilename("config", "yaml", "yml"))
}

// load reads the configuration and leaves the pipelines that were asked for.
func (f *configFlags) load(cmd *cobra.Command) (*config.Config, error) {
	if len(f.files) == 0 {
		return nil, &usageError{code: "usage", err: fmt.Errorf("%s needs a configuration: -c FILE", cmd.CommandPath()), help: cmd.CommandPath() + " --help"}
	}
	return config.Load(config.Options{
		Files: f.files, Environ: os.Environ(), Set: f.set, Kafka: f.kafka, Pipelines: f.pipelines, LookupEnv: os.LookupEnv,
	})
}
