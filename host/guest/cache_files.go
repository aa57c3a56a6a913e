package guest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tetratelabs/wazero"
)

// sumSuffix is the ending of the file beside each file of the cache that holds its SHA-256. The runtime itself checks but a
// part of what it reads there, and the rest says where in the code to jump to.
const sumSuffix = ".sha256"

// folder holds the files of one module, so that no other's are read when it is verified.
func (c *Cache) folder(digest string) string { return filepath.Join(c.dir, digest) }

// open gives the store of a module: one for all that load it, so that they share its code.
func (c *Cache) open(digest string) (wazero.CompilationCache, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if store := c.stores[digest]; store != nil {
		return store, nil
	}
	store, err := wazero.NewCompilationCacheWithDir(c.folder(digest))
	if err == nil {
		c.stores[digest] = store
	}
	return store, err
}

// verify removes the files of a module that are not what was written, and says how many had been damaged; those that have no
// sum yet, since a host ended between the two, are no damage. It is called before every use.
func (c *Cache) verify(digest string) (damaged int, err error) {
	err = c.files(digest, func(path string) error {
		want, err := os.ReadFile(path + sumSuffix)
		summed := err == nil
		if got, err := sumOf(path); summed && err == nil && got == string(want) {
			return nil
		}
		if summed {
			damaged++
		}
		return errors.Join(remove(path), remove(path+sumSuffix))
	})
	return damaged, err
}

// record writes the sums of the files that have none.
func (c *Cache) record(digest string) error {
	return c.files(digest, func(path string) error {
		if _, err := os.Lstat(path + sumSuffix); err == nil {
			return nil
		}
		sum, err := sumOf(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another host, which found it without a sum, has removed it
		} else if err != nil {
			return err
		}
		return writeSum(path+sumSuffix, sum)
	})
}

// files calls f for each file of compiled code of a module.
func (c *Cache) files(digest string, f func(path string) error) error {
	err := filepath.WalkDir(c.folder(digest), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, sumSuffix) || strings.HasSuffix(path, ".tmp") {
			return err
		}
		return f(path)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the first time
	}
	return err
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// writeSum puts a whole file in place, so that another host never reads a part of it.
func writeSum(path, sum string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.WriteString(sum)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
