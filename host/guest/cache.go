package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/tetratelabs/wazero"
)

// Cache keeps compiled modules, in memory while they are loaded and in a folder for the next start of the host. Several
// modules, and several hosts of the same user, may share one. It is safe for use by several goroutines at once.
type Cache struct {
	dir string

	mu     sync.Mutex
	closed bool
	// loading are the modules that are being compiled, stores what keeps the code of each, both by digest.
	loading map[string]chan struct{}
	stores  map[string]wazero.CompilationCache
}

var errCacheClosed = errors.New("the cache of compiled modules is closed")

// OpenCache keeps compiled modules in dir, which it creates with mode 0700 where there is none. The folder holds native code
// that will be run: one that does not belong to the user of this process, or that others may enter, is refused.
func OpenCache(dir string) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache of compiled modules: %w", err)
	}
	// What is checked is what is used, also where a link is pointed elsewhere in between.
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("cache of compiled modules: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("cache of compiled modules: %w", err)
	}
	if err := private(info); err != nil {
		return nil, fmt.Errorf("cache of compiled modules: %s: %w: its files are run as native code", dir, err)
	}
	return &Cache{dir: dir, loading: map[string]chan struct{}{}, stores: map[string]wazero.CompilationCache{}}, nil
}

// Close lets go of what is in memory; the files stay. Modules that were loaded through the cache are to be closed before. What
// is still being compiled, for a Load whose context is done, is let go of when it ends. It may be called twice.
func (c *Cache) Close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return c.free(ctx)
}

// free closes the stores of a closed cache once nothing is compiled any more.
func (c *Cache) free(ctx context.Context) error {
	if !c.closed || len(c.loading) > 0 {
		return nil
	}
	var errs []error
	for digest, store := range c.stores {
		errs = append(errs, store.Close(ctx))
		delete(c.stores, digest)
	}
	return errors.Join(errs...)
}

// lock waits until no one else compiles the module with this digest: who comes second finds it compiled.
func (c *Cache) lock(ctx context.Context, digest string) (unlock func(), err error) {
	for {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return nil, errCacheClosed
		}
		busy := c.loading[digest]
		if busy == nil {
			done := make(chan struct{})
			c.loading[digest] = done
			c.mu.Unlock()
			return func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				delete(c.loading, digest)
				close(done)
				// Close has returned; what is wrong with memory that is given back has nobody to hear of it.
				_ = c.free(context.WithoutCancel(ctx))
			}, nil
		}
		c.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
