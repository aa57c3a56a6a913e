package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host/guest"
)

// maxModule bounds the file that inspect reads, in bytes: far above any module, far below what a device file never ends with.
const maxModule = 256 << 20

// refusal is one reason why a module that was inspected would not be loaded.
type refusal struct{ file, reason string }

func (r *refusal) Error() string { return r.file + ": " + r.reason }

// inspected is a module, and the transform of a configuration that it stands in.
type inspected struct {
	Pipeline     string              `json:"pipeline,omitempty"`
	Transform    string              `json:"transform,omitempty"`
	Capabilities *guest.Capabilities `json:"capabilities,omitempty"`
	guest.Info
	Run *fixtureRun `json:"run,omitempty"`
}

func newInspect(c *cli) *cobra.Command {
	var f inspectFlags
	cmd := &cobra.Command{
		Use:   "inspect [FILE | -c CONFIG]",
		Short: "Show what is in a module, why it would be refused, and what it costs",
		Long: `inspect reads a module and runs nothing of it: digest, ABI, imports, exports, memory, producers, and what the guest
says of itself. With -c it shows the modules of a configuration, and what they are granted. Exit code 1 where run
would refuse a module, with every reason.

With --run it runs the module on the records of a fixture, within the same limits as run, and tells the fuel that they
take. Configuration and outputs come from the fixture, or from the transform of -c.`,
		Example: `  wasmflow inspect payments.wasm
  wasmflow inspect payments.wasm -o json
  wasmflow inspect payments.wasm --run fixture.yaml
  wasmflow inspect -c config.yaml --transform validate --run fixture.yaml`,
		Args: arguments(0, 1, "one file"),
		RunE: c.verb(func(cmd *cobra.Command, args []string) (outcome, error) {
			return f.inspect(cmd, args)
		}),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"wasm"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.transform, "transform", "", "only the transform of this name")
	cmd.Flags().StringVar(&f.fixture, "run", "", "fixture to run the module on")
	noError(cmd.MarkFlagFilename("run", "yaml", "yml"))
	return cmd
}

// inspectFlags are those of the verb.
type inspectFlags struct {
	configFlags
	transform, fixture string
}

// subject is a module that is inspected.
type subject struct {
	file     string
	pipeline string // "" where it is of no configuration
	conf     guest.Config
	configAt config.Place
}

func (f *inspectFlags) inspect(cmd *cobra.Command, args []string) (outcome, error) {
	ctx := cmd.Context()
	var fixture *config.Fixture
	if f.fixture != "" {
		var err error
		if fixture, err = config.LoadFixture(f.fixture); err != nil {
			return outcome{}, err
		}
	}
	subjects, cache, err := f.subjects(cmd, args, fixture)
	if err != nil {
		return outcome{}, err
	}
	defer cache.close(ctx)
	all := make([]inspected, 0, len(subjects))
	var failed failures
	for i := range subjects {
		one, err := subjects[i].inspect(ctx, fixture)
		var several failures
		if err != nil && !errors.As(err, &several) {
			return outcome{}, err
		}
		all, failed = append(all, one), append(failed, several...)
	}
	o := outcome{struct {
		Transforms []inspected `json:"transforms"`
	}{all}, func(w io.Writer) {
		for i := range all {
			all[i].print(w, subjects[i].file)
		}
	}}
	if len(f.files) == 0 {
		o.result = all[0]
	}
	if len(failed) > 0 {
		return o, failed
	}
	return o, nil
}

// subjects are the modules that the arguments name.
func (f *inspectFlags) subjects(cmd *cobra.Command, args []string, fixture *config.Fixture) ([]subject, moduleCache, error) {
	usage := func(format string, a ...any) error {
		return &usageError{code: "usage", err: fmt.Errorf(format, a...), help: cmd.CommandPath() + " --help"}
	}
	switch {
	case len(f.files) > 0 && len(args) > 0:
		return nil, moduleCache{}, usage("%s takes a file or -c, not both", cmd.CommandPath())
	case len(f.files) == 0 && (f.transform != "" || len(f.pipelines) > 0):
		return nil, moduleCache{}, usage("--pipeline and --transform name a part of a configuration: -c is missing")
	case len(f.files) == 0:
		file := ""
		if len(args) > 0 {
			file = args[0]
		} else if fixture != nil {
			file = fixture.Module
		}
		if file == "" {
			return nil, moduleCache{}, usage("%s takes one file, or -c, or --run with a fixture that names one", cmd.CommandPath())
		}
		wasm, err := readModule(file)
		cache := moduleCache{}
		if err == nil && fixture != nil { // which runs it, and has it compiled
			cache = useDefaultCache()
		}
		return []subject{{file: file, conf: guest.Config{Name: "fixture", Wasm: wasm, Outputs: []string{"out"}, Cache: cache.cache}}}, cache, err
	}
	cfg, err := f.load(cmd)
	if err != nil {
		return nil, moduleCache{}, err
	}
	var found []subject
	var names []string
	for _, p := range cfg.Pipelines {
		for _, t := range p.Transforms {
			names = append(names, p.Name+"/"+t.Name)
			if f.transform == "" || f.transform == t.Name {
				m := moduleOf(cfg, p.Name, t.Name)
				t.Outputs = p.OutputNames()
				found = append(found, subject{m.Path, p.Name, t, m.ConfigAt})
			}
		}
	}
	switch known := strings.Join(names, ", "); {
	case len(found) == 0:
		return nil, moduleCache{}, usage("there is no transform %q; there are %s", f.transform, known)
	case len(found) > 1 && fixture != nil:
		return nil, moduleCache{}, usage("--run needs one transform: name it with --pipeline and --transform; there are %s", known)
	}
	cache, err := useCache(cfg)
	for i := range found {
		found[i].conf.Cache = cache.cache
	}
	return found, cache, err
}

// inspect describes the module, and runs it on the fixture where there is one. What is wrong with the module itself are failures.
func (s *subject) inspect(ctx context.Context, fixture *config.Fixture) (inspected, error) {
	info, err := guest.Inspect(ctx, s.conf.Wasm)
	var refused *guest.RefusedError
	if err != nil && !errors.As(err, &refused) {
		return inspected{}, err
	}
	one := inspected{Info: info}
	var m *guest.Module
	if s.pipeline != "" || fixture != nil && len(info.Problems) == 0 {
		c := s.conf
		if fixture != nil && (fixture.Config != nil || s.pipeline == "") {
			c.Params, s.configAt = fixture.Config, fixture.ConfigAt
		}
		if fixture != nil && len(fixture.Outputs) > 0 {
			c.Outputs = fixture.Outputs
		}
		// Its limits may allow what those of Inspect do not.
		one.Problems = []string{}
		m, err = guest.Load(ctx, c)
		switch {
		case errors.As(err, &refused):
			one.Problems = refused.Problems
		case err != nil:
			return inspected{}, err
		default:
			defer m.Close(context.WithoutCancel(ctx))
			one.Meter = m.Info().Meter
		}
	}
	if s.pipeline != "" {
		granted := s.conf.Capabilities.Complete()
		one.Pipeline, one.Transform, one.Capabilities = s.pipeline, s.conf.Name, &granted
	}
	var f failures
	for _, reason := range one.Problems {
		f = append(f, &refusal{s.file, reason})
	}
	if len(f) > 0 {
		return one, f
	}
	if fixture != nil {
		if one.Run, err = runFixture(ctx, m, fixture, s.configAt); err != nil {
			return one, err
		}
		for i := range one.Run.Tests {
			if t := one.Run.Tests[i].trap; t != nil {
				f = append(f, fmt.Errorf("test %q: %w", one.Run.Tests[i].Name, t))
			}
		}
	}
	if len(f) > 0 {
		return one, f
	}
	return one, nil
}

// readModule reads a regular file: a pipe could make us wait for ever, a device never end.
func readModule(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, &usageError{code: config.CodeUnreadable, err: fmt.Errorf("read %s: %w", file, bare(err))}
	}
	wasm, err := readAll(file)
	if err != nil {
		return nil, &usageError{code: config.CodeUnreadable, err: fmt.Errorf("read %s: %w", file, bare(err))}
	}
	return wasm, nil
}

// bare is err without the name of the file that it is about.
func bare(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

func readAll(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	wasm, err := io.ReadAll(io.LimitReader(f, maxModule+1))
	if err != nil {
		return nil, err
	}
	if len(wasm) > maxModule {
		return nil, fmt.Errorf("larger than %s, that is no module", humanize.IBytes(maxModule))
	}
	return wasm, nil
}
