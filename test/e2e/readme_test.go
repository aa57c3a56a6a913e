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

// readOnly are the blocks of commands that are not run, by their exact text, each with the reason. Everything else that a reader
// could take for commands is of language sh, and run.
var readOnly = map[string]string{
	"make test\n": "it runs this test",
	"go get github.com/wasmflow/wasmflow/guest-sdk/go\n": "it takes a release of the SDK from the network; sdk-go and the block before it use the one of the checkout",
	"rustup target add wasm32-unknown-unknown\n":         "it installs from the network, and not every Rust has rustup; scripts/setup.sh does it",
	`             ┌────────────── one Kafka transaction ──────────────┐
 topic ──▶ poll ──▶ batch ─▶ transform.wasm ─▶ records ──▶ produce ──▶ topics
             │                  (wazero)                     │
             └──────────── consumed offsets ─────────────────┴──▶ commit, or abort and nothing happened
`: "a picture",
}

// notCommands are the languages of blocks that nobody types into a shell.
var notCommands = []string{shell, "go", "rust", "yaml", "json", "toml"}

// TestEveryCommandIsRun holds that a README has no commands beside those that TestREADME runs.
func TestEveryCommandIsRun(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, file := range findREADMEs(t) {
		for _, b := range blocksOf(t, file) {
			if slices.Contains(notCommands, b.language) {
				continue
			}
			if found[b.text] = true; readOnly[b.text] == "" {
				t.Errorf("%s:%d: a block of language %q is not run: make it sh, or say here why it cannot be:\n%s", file, b.line, b.language, b.text)
			}
		}
	}
	for text := range readOnly {
		if !found[text] {
			t.Errorf("no README has this block any more:\n%s", text)
		}
	}
}

// TestPrograms builds every whole Go program of a README as a guest, with the SDK of this checkout, and runs the tests that the
// README has for it.
func TestPrograms(t *testing.T) {
	t.Parallel()
	sdk, err := filepath.Abs(filepath.Join(root, "guest-sdk", "go"))
	if err != nil {
		t.Fatal(err)
	}
	built, tested := 0, 0
	for _, file := range findREADMEs(t) {
		dir := ""
		for _, b := range of("go", blocksOf(t, file)) {
			name, command := "main.go", `go mod init example.com/guest
go mod edit -replace github.com/wasmflow/wasmflow/guest-sdk/go="$SDK"
go mod tidy
GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o guest.wasm .`
			switch {
			case !strings.HasPrefix(b.text, "package main\n"):
				continue
			case strings.Contains(b.text, "\nfunc Test"):
				name, command = "main_test.go", "go test ."
				tested++
			default:
				dir = t.TempDir()
				built++
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			shell := exec.Command("bash", "-euc", command)
			shell.Dir, shell.Env = dir, append(os.Environ(), "SDK="+sdk)
			if out, err := shell.CombinedOutput(); err != nil {
				t.Errorf("%s:%d: %v\n%s", file, b.line, err, out)
			}
		}
	}
	if built == 0 || tested == 0 {
		t.Errorf("the READMEs have %d programs and %d tests", built, tested)
	}
}

// TestFirstScreen holds what a reader sees of the project before scrolling: what it is, for whom, the promise, the two commands and
// how it compares.
func TestFirstScreen(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	rest := strings.Join(lines[:min(60, len(lines))], "")
	for _, part := range []string{"# wasmflow\n", "\nFor teams that", "**The promise.**", "\nmake demo\n", "\nmake test\n", "\n| embeddable in a Go program |"} {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Errorf("%q does not follow in the first 60 lines", part)
			continue
		}
		rest = "\n" + after
	}
}

// blocksOf reads the blocks of a README.
func blocksOf(t *testing.T, file string) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := fencedBlocks(string(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return blocks
}

// TestREADME runs every block of language sh of every README, in order, in a shell at the root of the checkout. Each README
// has an embedded broker of its own, empty, at KAFKA_BROKERS.
func TestREADME(t *testing.T) {
	readmes := findREADMEs(t)
	if len(readmes) == 0 {
		t.Fatal("there is no README")
	}
	for _, file := range readmes {
		t.Run(file, func(t *testing.T) { // One after the other: they build into the same folders.
			blocks := of(shell, blocksOf(t, file))
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
	command := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", b.text)
	command.Dir = root
	command.Env = append(os.Environ(), "KAFKA_BROKERS="+broker)
	if strings.Contains(b.text, "--target wasm32") {
		command.Env = append(command.Env, "PATH="+cargoPath(ctx))
	}
	command.WaitDelay = 10 * time.Second // For what a command that is cut off leaves running.
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w:\n%s\n%s", err, b.text, out)
	}
	return nil
}

// cargoPath is a PATH whose cargo can build for WebAssembly: the first one of a machine may lack the target, as scripts/cargo-wasm.sh
// says.
func cargoPath(ctx context.Context) string {
	path := os.Getenv("PATH")
	command, err := exec.CommandContext(ctx, filepath.Join(root, "scripts", "cargo-wasm.sh")).Output()
	words := strings.Fields(string(command))
	if err != nil || len(words) == 0 || !filepath.IsAbs(words[len(words)-1]) {
		return path // The build will say what is missing.
	}
	return filepath.Dir(words[len(words)-1]) + string(filepath.ListSeparator) + path
}
