package guest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:generate testdata/build.sh

// Every .wasm is what its .wat says: the digests of both are in one file, and where the assembler is, it is asked.
func TestTestdata(t *testing.T) {
	t.Parallel()
	files := checkSums(t, "testdata", "*.wa[st]*")
	if len(files) < 50 {
		t.Errorf("%d files", len(files))
	}
	version, err := exec.Command("wat2wasm", "--version").Output()
	if err != nil || strings.TrimSpace(string(version)) != "1.0.32" {
		if os.Getenv("CI") != "" {
			t.Fatalf("wat2wasm 1.0.32 (Debian: wabt) is needed: %s %v", version, err)
		}
		t.Skipf("wat2wasm 1.0.32 is not installed: %s %v", version, err)
	}
	dir := t.TempDir()
	if out, err := exec.Command("testdata/build.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, path := range files {
		if !strings.HasSuffix(path, ".wasm") {
			continue
		}
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		built, err := os.ReadFile(filepath.Join(dir, filepath.Base(path)))
		if err != nil || !bytes.Equal(old, built) {
			t.Errorf("%s is not what its source gives: %v", path, err)
		}
	}
}

// checkSums compares files with the digests beside them, which list each of them and nothing else.
func checkSums(t *testing.T, folder, pattern string) (files []string) {
	t.Helper()
	sums, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("a line without two columns: %q", line)
		}
		listed[name] = sum
	}
	if files, err = filepath.Glob(filepath.Join(folder, pattern)); err != nil || len(files) != len(listed) {
		t.Errorf("%d files in %s, %d are listed: %v", len(files), folder, len(listed), err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		if name := filepath.Base(path); listed[name] != hex.EncodeToString(sum[:]) {
			t.Errorf("%s is not what SHA256SUMS says: build.sh beside it builds it", path)
		}
	}
	return files
}
