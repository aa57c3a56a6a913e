// Package e2e_test runs what the READMEs tell a reader to type. The stories of the program itself are in cmd/wasmflow.
package e2e_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wasmflow/wasmflow/internal/devbroker"
)

const (
	root = "../.."
	// patience bounds one block; the first builds of a clean machine are in it.
	patience = 8 * time.Minute
)

// TestREADME runs every block of language sh of every README, in order, in a shell at the root of the checkout. Each README
// has an embedded broker of its own, empty, at KAFKA_BROKERS.
func TestREADME(t *testing.T) {
	readmes := findREADMEs(t)
	if len(readmes) == 0 {
		t.Fatal("there is no README")
	}
	for _, file := range readmes {
		t.Run(file, func(t *testing.T) { // One after the other: they build into the same folders.
			text, err := os.ReadFile(filepath.Join(root, file))
			if err != nil {
				t.Fatal(err)
			}
			blocks, err := shellBlocks(string(text))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			needTools(t, blocks)
			broker, err := devbroker.Start(devbroker.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer broker.Close()
			for _, b := range blocks {
				if err := run(t.Context(), b, broker.Addrs()[0]); err != nil {
					t.Fatalf("%s:%d: %v", file, b.line, err) // The blocks after it build on it.
				}
			}
		})
	}
}

// findREADMEs lists the READMEs below the root that belong to the project.
func findREADMEs(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := d.Name(); {
		case d.IsDir() && (strings.HasPrefix(name, ".") && name != ".." || slices.Contains([]string{"target", "node_modules", "bin", "dist", "testdata"}, name)):
			return fs.SkipDir
		case name == "README.md":
			rel, err := filepath.Rel(root, path)
			found = append(found, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// tools are the compilers beside Go that a block may need, and that a machine may lack.
var tools = []string{"cargo", "npm", "java"}

// needTools skips a README whose blocks need a compiler that is not there; where CI is set everything has to be there.
func needTools(t *testing.T, blocks []block) {
	t.Helper()
	for _, b := range blocks {
		for _, tool := range tools {
			if !regexp.MustCompile(`(?m)^\s*` + tool + `\s`).MatchString(b.text) {
				continue
			}
			if _, err := exec.LookPath(tool); err != nil && os.Getenv("CI") != "" {
				t.Fatalf("%s is not installed", tool)
			} else if err != nil {
				t.Skipf("%s is not installed", tool)
			}
		}
	}
}

// itself are commands that would run this test from within: they are to be read only.
var itself = regexp.MustCompile(`(?m)^\s*(make\s+.*\b(test|e2e)\b|\.ci/run)`)

func run(ctx context.Context, b block, broker string) error {
	if at := itself.FindString(b.text); at != "" {
		return fmt.Errorf("%q would run this test again: make it a block of language console", at)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", b.text)
	shell.Dir = root
	shell.Env = append(os.Environ(), "KAFKA_BROKERS="+broker)
	shell.WaitDelay = 10 * time.Second // For what a command that is cut off leaves running.
	if out, err := shell.CombinedOutput(); err != nil {
		return fmt.Errorf("%w:\n%s\n%s", err, b.text, out)
	}
	return nil
}
