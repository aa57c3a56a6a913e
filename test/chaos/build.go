package chaos

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Edit is one place of the tree that is other in a program that Build makes: the text Old, which is there exactly once.
type Edit struct {
	// File from the root of the tree.
	File     string
	Old, New string
}

// Root is the folder of the tree.
func Root() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	return strings.TrimSpace(string(out)), err
}

// Build makes the runner, with edits that are nowhere but in it: the compiler is told to read changed copies (go build -overlay).
// An edit whose text is not there exactly once is an error: it does not say any more what it was meant to.
func Build(dir, name string, edits ...Edit) (program string, err error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	overlay, err := overlay(root, filepath.Join(dir, name+".edits"), edits)
	if err != nil {
		return "", err
	}
	program = filepath.Join(dir, name)
	build := exec.Command("go", "build", "-ldflags=-s -w", "-overlay", overlay, "-o", program, "./test/chaos/runner")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return program, nil
}

// overlay writes the changed copies and the file that names them.
func overlay(root, dir string, edits []Edit) (file string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	texts := map[string]string{}
	for _, e := range edits {
		path := filepath.Join(root, filepath.FromSlash(e.File))
		text, ok := texts[path]
		if !ok {
			read, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			text = string(read)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return "", fmt.Errorf("%s: the text to be changed is there %d times, not once: %q", e.File, n, e.Old)
		}
		texts[path] = strings.Replace(text, e.Old, e.New, 1)
	}
	replace := map[string]string{}
	for path, text := range texts {
		replace[path] = filepath.Join(dir, fmt.Sprintf("%d-%s", len(replace), filepath.Base(path)))
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, text, 0o600)
}

// BuildGuest makes the guest, and returns its file and the digest that dead letters name.
func BuildGuest(dir string) (file, digest string, err error) {
	root, err := Root()
	if err != nil {
		return "", "", err
	}
	file = filepath.Join(dir, "chaos-go.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-buildvcs=false", "-trimpath", "-o", file, ".")
	build.Dir = filepath.Join(root, "test", "chaos", "guests", "chaos-go")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("build the guest: %w\n%s", err, out)
	}
	wasm, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	sum := sha256.Sum256(wasm)
	return file, "sha256:" + hex.EncodeToString(sum[:]), nil
}

// ShortSession makes a group expel a host sooner that does not answer: 6 s, the least that brokers allow by default, instead of
// 30 s, so that a minute is enough for a storm. Nothing else of the host differs.
var ShortSession = Edit{"host/client.go", "const SessionTimeout = 30 * time.Second", "const SessionTimeout = 6 * time.Second"}
