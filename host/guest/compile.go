package guest

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"

	"github.com/wasmflow/wasmflow/abi"
)

// await compiles on a goroutine of its own, so that a context that is done does not wait for it. The compiler has a mode that
// looks at the context, between two functions, but in goroutines where a panic of it would end the process.
func (m *Module) await(ctx context.Context, compile func() error) error {
	done := make(chan error)
	go func() {
		err := compile()
		select {
		case done <- err:
		case <-ctx.Done():
			if err == nil {
				// Nobody knows of this module; nothing of it ran.
				_ = m.Close(context.WithoutCancel(ctx))
			}
		}
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// compile makes native code of the module, in a runtime of its own: to close the runtime is to close all that came of it.
func (m *Module) compile(ctx context.Context, wasm []byte) error {
	config := wazero.NewRuntimeConfig()
	cache := m.config.Cache
	if cache == nil {
		return m.compileIn(ctx, wasm, config)
	}
	unlock, err := cache.lock(ctx, m.key)
	if err != nil {
		return err
	}
	defer unlock()
	damaged, err := cache.verify(m.key)
	var store wazero.CompilationCache
	if err == nil {
		store, err = cache.open(m.key)
	}
	if err == nil {
		err = m.compileIn(ctx, wasm, config.WithCompilationCache(store))
	}
	if err == nil {
		if damaged > 0 {
			m.say(fmt.Sprintf("compiled again: in the cache %s were %d damaged files of this module; they were replaced", cache.dir, damaged))
		}
		if err = cache.record(m.key); err != nil {
			m.say(fmt.Sprintf("compiled, but not kept in the cache %s: %v", cache.dir, err))
		}
		return nil
	}
	// A cache that cannot be read, or whose disk is full, must not keep a good module from running.
	if err2 := m.compileIn(ctx, wasm, config); err2 != nil {
		return err2
	}
	m.say(fmt.Sprintf("compiled without the cache %s: %v", cache.dir, err))
	return nil
}

// say logs what the host has to say about the module.
func (m *Module) say(text string) {
	if m.config.Log != nil {
		m.config.Log(LogLine{Transform: m.config.Name, Level: abi.LevelWarn, Stream: streamHost, Text: flat(text, maxLine)})
	}
}

func (m *Module) compileIn(ctx context.Context, wasm []byte, config wazero.RuntimeConfig) (err error) {
	pages := max(0, m.config.Limits.Memory-m.tables) / pageSize
	config = config.WithMemoryLimitPages(uint32(pages)).WithDebugInfoEnabled(false)
	rt := wazero.NewRuntimeWithConfig(ctx, config)
	defer func() {
		// Some invalid modules make the compiler panic.
		if p := recover(); p != nil {
			err = m.refused("", flat(fmt.Sprintf("it cannot be compiled: %v", p), maxMessage))
		}
		if err != nil {
			// The runtime holds nothing yet whose end could fail.
			_ = rt.Close(ctx)
		}
	}()
	compiled, err := rt.CompileModule(ctx, wasm)
	if err != nil {
		return m.refused("", flat("it is not valid WebAssembly: "+err.Error(), maxMessage))
	}
	if err := instantiateHost(ctx, rt); err != nil {
		return fmt.Errorf("offer the host's functions: %w", err)
	}
	m.runtime, m.compiled = rt, compiled
	return nil
}
