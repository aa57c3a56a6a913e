package guest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	// paid knows which functions were moved, and nothing else. key is the identity of these: what was given, and how it was
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
	m := newModule(c)
	m.settings = settings
	if c.Native != nil {
		return m, nil
	}
	if m.environ, err = c.environ(); err != nil {
		return nil, err
	}
	err = m.await(ctx, func() error {
		paying, _, err := m.read(c.Wasm)
		if err != nil {
			return err
		}
		return m.compile(ctx, paying)
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// newModule is a module that has not been read.
func newModule(c Config) *Module {
	m := &Module{slice: defaultSlice, instances: map[*Instance]struct{}{}}
	m.info = Info{Size: len(c.Wasm), ABI: []int{}, Imports: []Extern{}, Exports: []Extern{}, Problems: []string{}}
	c.Limits, c.Capabilities = c.Limits.complete(), c.Capabilities.Complete()
	if c.Native == nil {
		m.info.Meter = &Meter{c.Limits.FuelMode, meter.Version}
		if len(c.Wasm) <= maxModule {
			sum := sha256.Sum256(c.Wasm)
			m.digest = hex.EncodeToString(sum[:])
		}
	}
	m.info.Digest = m.digest
	m.limits = abi.Limits{Records: c.Limits.OutputRecords, Headers: c.Limits.OutputRecords, Bytes: c.Limits.OutputBytes}
	c.Wasm = nil
	m.config = c
	return m
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
