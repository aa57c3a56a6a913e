package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// Module is a transform that was loaded: compiled once, checked, ready to be instantiated. It is safe for use by several
// goroutines at once.
type Module struct {
	config   Config
	digest   string
	info     Info
	settings []byte
	// environ is what an instance finds in its environment, NAME=value each.
	environ []string
	limits  abi.Limits
	// names of the exported functions, by index: what is left where the module has no names of its own.
	names map[string]string
	// prefix is the module's own name, which precedes those of its functions in a trace.
	prefix string
	// paid is the module as it was rewritten, without its bytes. key is the identity of these: what was given, and how it was
	// rewritten.
	paid meter.Module
	key  string
	// slice is how much fuel an instance is granted at once.
	slice int64
	// tables is what the tables of an instance may take, in bytes.
	tables int64
	// stack says that global 0 is the pointer to a stack in memory.
	stack bool

	runtime  wazero.Runtime
	compiled wazero.CompiledModule

	mu        sync.Mutex
	closed    bool
	instances map[*Instance]struct{}
}

// Load reads, checks and compiles a transform; nothing of it runs. A module that is not one, or that asks for what a guest
// does not get, is a *RefusedError with all reasons. With Config.Cache a module is compiled once for each digest, else at
// every Load. The module is to be closed after use.
//
// A context that is done ends Load at once, but not the compiler, which cannot be interrupted: it goes on in the background,
// reads Config.Wasm for so long, and what it makes is thrown away.
func Load(ctx context.Context, c Config) (*Module, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, settings, err := c.complete()
	if err != nil {
		return nil, err
	}
	if c.Native != nil {
		m := newModule(c, "")
		m.settings = settings
		return m, nil
	}
	environ, err := c.environ()
	if err != nil {
		return nil, err
	}
	m, b, err := open(c)
	if err != nil {
		return nil, err
	}
	m.settings, m.environ, m.names, m.prefix = settings, environ, b.exportNames(), b.name
	problems, imports := b.problems(c.Limits.Memory)
	if len(problems) > 0 {
		offer := ""
		if imports {
			offer = allowed()
		}
		return nil, m.refused(offer, problems...)
	}
	if err := m.await(ctx, func() error { return m.build(ctx, b, c.Wasm) }); err != nil {
		return nil, err
	}
	return m, nil
}

func newModule(c Config, digest string) *Module {
	c.Wasm = nil
	c.Limits, c.Capabilities = c.Limits.complete(), c.Capabilities.Complete()
	var pays *Meter
	if c.Native == nil {
		pays = &Meter{c.Limits.FuelMode, meter.Version}
	}
	return &Module{
		config: c, digest: digest, slice: defaultSlice,
		info:      Info{Meter: pays, Digest: digest, ABI: []int{}, Imports: []Extern{}, Exports: []Extern{}, Problems: []string{}},
		limits:    abi.Limits{Records: c.Limits.OutputRecords, Headers: c.Limits.OutputRecords, Bytes: c.Limits.OutputBytes},
		instances: map[*Instance]struct{}{},
	}
}

func (m *Module) refused(allowed string, problems ...string) *RefusedError {
	return &RefusedError{Transform: m.config.Name, Digest: m.digest, Problems: problems, Allowed: allowed}
}

// Capabilities are those that the module was granted, complete with the defaults. They are not to be written to.
func (m *Module) Capabilities() Capabilities { return m.config.Capabilities }

// Info describes the module; of a native transform there is nothing to describe.
func (m *Module) Info() Info { return m.info }

// Close discards all instances, each after the call that it is in, and the compiled module. It may be called twice.
func (m *Module) Close(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	instances := slices.Collect(maps.Keys(m.instances))
	m.mu.Unlock()
	var errs []error
	for _, i := range instances {
		errs = append(errs, i.Close(ctx))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.runtime != nil {
		errs = append(errs, m.runtime.Close(ctx), m.compiled.Close(ctx))
		m.runtime, m.compiled = nil, nil
	}
	return errors.Join(errs...)
}

// complete fills in the defaults, copies what the caller may change, and makes the settings image.
func (c Config) complete() (Config, []byte, error) {
	var errs []error
	if (c.Wasm != nil) == (c.Native != nil) {
		errs = append(errs, fmt.Errorf("transform %q: give either Wasm or Native", c.Name))
	}
	for _, err := range []error{c.Limits.check(), c.Capabilities.check()} {
		if err != nil {
			errs = append(errs, fmt.Errorf("transform %q: %w", c.Name, err))
		}
	}
	params := []byte("{}")
	if c.Params != nil {
		var err error
		if params, err = json.Marshal(c.Params); err != nil {
			errs = append(errs, fmt.Errorf("transform %q: Params: %w", c.Name, err))
		}
	}
	c.Limits, c.Capabilities = c.Limits.complete(), c.Capabilities.Complete()
	c.Outputs = append([]string{}, c.Outputs...)
	if len(errs) > 0 {
		return c, nil, errors.Join(errs...)
	}
	settings, err := json.Marshal(abi.Settings{
		ABI: abi.Version, Transform: c.Name, Outputs: c.Outputs, Stores: []string{}, Features: []string{}, Config: params,
	})
	return c, settings, err
}
