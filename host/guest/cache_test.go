package guest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// privateDir is a folder as the cache wants it.
func privateDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func cacheFiles(t *testing.T, dir string) map[string]time.Time {
	t.Helper()
	out := map[string]time.Time{}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			out[path] = info.ModTime()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCache(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(privateDir(t), "new", "cache")
	var first map[string]time.Time
	for round := range 2 {
		cache, err := OpenCache(dir)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			m := load(t, "identity", func(c *Config) { c.Cache = cache })
			if _, err := instantiate(t, m).Transform(t.Context(), Env{}, batchOf("a")); err != nil {
				t.Fatal(err)
			}
			if err := m.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := cache.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		files := cacheFiles(t, dir)
		if len(files) != 2 { // the code and its sum
			t.Fatalf("there are %d files", len(files))
		}
		for path, written := range files {
			if round == 1 && !first[path].Equal(written) {
				t.Error("the module was compiled again")
			}
		}
		first = files
		if _, err := Load(t.Context(), Config{Wasm: wasmOf(t, "identity"), Cache: cache}); !errors.Is(err, errCacheClosed) {
			t.Errorf("got %v", err)
		}
	}
}

// codeAndSum are the files of the one module in a cache.
func codeAndSum(t *testing.T, dir string) (code, sum string) {
	t.Helper()
	for path := range cacheFiles(t, dir) {
		if strings.HasSuffix(path, sumSuffix) {
			sum = path
		} else {
			code = path
		}
	}
	if code == "" || sum == "" {
		t.Fatalf("there are %v", cacheFiles(t, dir))
	}
	return code, sum
}

// A damaged file is never used, whatever of it is damaged: it is replaced, and that is said once.
func TestCacheDamaged(t *testing.T) {
	t.Parallel()
	dir := privateDir(t)
	run := func() []LogLine {
		t.Helper()
		var got lines
		cache, err := OpenCache(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer cache.Close(t.Context())
		m := load(t, "identity", func(c *Config) { c.Cache, c.Log = cache, got.add })
		defer m.Close(t.Context())
		if _, err := instantiate(t, m).Transform(t.Context(), Env{}, batchOf("a")); err != nil {
			t.Fatal(err)
		}
		return got.all()
	}
	run()
	code, sum := codeAndSum(t, dir)
	good, err := os.ReadFile(code)
	if err != nil {
		t.Fatal(err)
	}
	flip := func(path string, at int) func() error {
		return func() error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[at] ^= 0x10
			return os.WriteFile(path, b, 0o600)
		}
	}
	for _, c := range []struct {
		name   string
		damage func() error
		said   int
	}{
		{"the preamble", flip(code, 0), 1},
		// The version is 3 letters or more: behind it are the offsets of functions, which the runtime does not check.
		{"an offset", flip(code, len("WAZEVO")+1+int(good[len("WAZEVO")])+4+8), 1},
		{"the code", flip(code, len(good)/2), 1},
		{"the end", flip(code, len(good)-1), 1},
		{"a part", func() error { return os.Truncate(code, int64(len(good)/2)) }, 1},
		{"nothing in it", func() error { return os.Truncate(code, 0) }, 1},
		{"the sum", flip(sum, 3), 1},
		{"no sum", func() error { return os.Remove(sum) }, 0},
		{"no code", func() error { return os.Remove(code) }, 0},
	} {
		if err := c.damage(); err != nil {
			t.Fatal(err)
		}
		said := run()
		if len(said) != c.said || c.said > 0 && (said[0].Stream != streamHost || !strings.Contains(said[0].Text, dir)) {
			t.Errorf("%s: got %v", c.name, said)
		}
		repaired, err := os.ReadFile(code)
		if err != nil || !bytes.Equal(repaired, good) {
			t.Errorf("%s: it was not repaired: %v", c.name, err)
		}
		before := cacheFiles(t, dir)
		if said := run(); len(said) > 0 {
			t.Errorf("%s: at the next start: %v", c.name, said)
		}
		if d := cmp.Diff(before, cacheFiles(t, dir)); d != "" {
			t.Errorf("%s: at the next start: %s", c.name, d)
		}
	}
}

// A cache that cannot be used keeps nothing from running.
func TestCacheUnusable(t *testing.T) {
	t.Parallel()
	dir := privateDir(t)
	for round := range 2 {
		cache, err := OpenCache(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer cache.Close(t.Context())
		var got lines
		m := load(t, "identity", func(c *Config) { c.Cache, c.Log = cache, got.add })
		defer m.Close(t.Context())
		if _, err := instantiate(t, m).Transform(t.Context(), Env{}, batchOf("a")); err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			// A folder stands where the code should.
			code, _ := codeAndSum(t, dir)
			if err := errors.Join(os.Remove(code), os.Mkdir(code, 0o700)); err != nil {
				t.Fatal(err)
			}
		} else if all := got.all(); len(all) != 1 || all[0].Stream != streamHost || !strings.Contains(all[0].Text, "compiled without the cache "+dir) {
			t.Errorf("got %v", all)
		}
	}
}

// Loads of one module share one store, and Close leaves what is still being compiled to its end.
func TestCacheCloseWhileCompiling(t *testing.T) {
	t.Parallel()
	cache, err := OpenCache(privateDir(t))
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := cache.lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	first, err := cache.open("a")
	if err != nil {
		t.Fatal(err)
	}
	if second, err := cache.open("a"); err != nil || first != second {
		t.Errorf("got %v", err)
	}
	if err := cache.Close(t.Context()); err != nil || len(cache.stores) != 1 {
		t.Errorf("got %v, %d stores", err, len(cache.stores))
	}
	if _, err := cache.lock(t.Context(), "b"); !errors.Is(err, errCacheClosed) {
		t.Errorf("got %v", err)
	}
	unlock()
	if len(cache.stores) > 0 {
		t.Errorf("%d stores are left", len(cache.stores))
	}
}

// A context that is done does not wait for the compiler; what it makes then is closed.
func TestLoadDoesNotWait(t *testing.T) {
	t.Parallel()
	m := load(t, "identity", nil)
	ctx, cancel := context.WithCancel(t.Context())
	goOn, ended := make(chan struct{}), make(chan struct{})
	compile := func() error {
		defer close(ended)
		cancel()
		<-goOn
		return nil
	}
	if err := m.await(ctx, compile); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	i := instantiate(t, m)
	close(goOn)
	<-ended
	// Close of the module discards the instance.
	for {
		if _, err := i.Transform(t.Context(), Env{}, batchOf("a")); errors.Is(err, ErrDiscarded) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := m.await(t.Context(), func() error { return errCacheClosed }); !errors.Is(err, errCacheClosed) {
		t.Errorf("got %v", err)
	}
}

// A panic of the runtime while it instantiates is an error.
func TestInstantiateRecovers(t *testing.T) {
	t.Parallel()
	m := load(t, "identity", nil)
	compiled := m.compiled
	m.compiled = nil
	_, err := m.Instantiate(t.Context())
	if trap := trapOf(t, err); trap.Kind != TrapInit || !strings.HasPrefix(trap.Message, "it cannot be instantiated: ") {
		t.Errorf("got %v", err)
	}
	if len(m.instances) > 0 {
		t.Errorf("%d instances are left", len(m.instances))
	}
	m.compiled = compiled
}

func TestCacheIsPrivate(t *testing.T) {
	t.Parallel()
	dir := privateDir(t)
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o750); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(open, link); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{open: "it has mode 0750, not 0700", link: "it has mode 0750, not 0700", file: "not a directory"} {
		if _, err := OpenCache(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", path, err)
		}
	}
	if os.Geteuid() == 0 {
		other := filepath.Join(dir, "other")
		if err := os.Mkdir(other, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(other, 12345, 12345); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenCache(other); err == nil || !strings.Contains(err.Error(), "belongs to user 12345, not to 0") {
			t.Errorf("got %v", err)
		}
	}
}

func TestCacheCompilesOneAtATime(t *testing.T) {
	t.Parallel()
	cache, err := OpenCache(privateDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close(t.Context())
	m := load(t, "identity", func(c *Config) { c.Cache = cache })
	unlock, err := cache.lock(t.Context(), m.key)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	loaded := make(chan error, 2)
	go func() {
		_, err := Load(ctx, Config{Wasm: wasmOf(t, "identity"), Cache: cache})
		loaded <- err
	}()
	// Another module does not wait.
	load(t, "log", func(c *Config) { c.Cache = cache })
	cancel()
	if err := <-loaded; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	go func() {
		m, err := Load(context.Background(), Config{Wasm: wasmOf(t, "identity"), Cache: cache})
		if err == nil {
			err = m.Close(context.Background())
		}
		loaded <- err
	}()
	unlock()
	if err := <-loaded; err != nil {
		t.Error(err)
	}
}
