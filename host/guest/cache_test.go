package guest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
		if len(files) != 1 {
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

func TestCacheDamaged(t *testing.T) {
	t.Parallel()
	dir := privateDir(t)
	run := func(log func(LogLine)) {
		cache, err := OpenCache(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer cache.Close(t.Context())
		m := load(t, "identity", func(c *Config) { c.Cache, c.Log = cache, log })
		defer m.Close(t.Context())
		if _, err := instantiate(t, m).Transform(t.Context(), Env{}, batchOf("a")); err != nil {
			t.Fatal(err)
		}
	}
	run(nil)
	for path := range cacheFiles(t, dir) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 0xff
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got lines
	run(got.add)
	if all := got.all(); len(all) != 1 || all[0].Stream != streamHost || !strings.Contains(all[0].Text, dir) {
		t.Errorf("got %v", all)
	}
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
	unlock, err := cache.lock(t.Context(), m.Info().Digest)
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
