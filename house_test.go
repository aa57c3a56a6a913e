// Package wasmflow_test holds the rules of the house as tests: which part may import which, what a library may not do, that
// every exported name is documented, how long a file may be. Each rule has a sample beside it that must break it.
//
// The files are found with filepath.WalkDir and read with go/parser, not with `go list`: its answer would be cached, and a
// broken rule would stay green.
package wasmflow_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// source is a file of the tree. ast is nil unless it is a Go file.
type source struct {
	path string // from the root, with slashes
	text string
	fset *token.FileSet
	ast  *ast.File
}

// rule says what is wrong with a file, each violation with its place and what to do.
type rule func(source) []violation

// violation is a broken rule at a place.
type violation struct {
	path string
	line int
	what string
}

func (v violation) String() string { return fmt.Sprintf("%s:%d: %s", v.path, v.line, v.what) }

// generated are folders that hold what tools make, not what people write.
var generated = []string{".git", "bin", "dist", "target", "node_modules", ".wasmflow"}

// written are the endings and names of the files that people write.
var written = []string{".go", ".rs", ".sh", ".md", ".yaml", ".yml", ".toml", ".mod", ".java", ".txt", "Makefile", "run", ".editorconfig"}

// tree reads every written file.
func tree(t *testing.T) []source {
	t.Helper()
	var files []source
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path != "." && slices.Contains(generated, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || !slices.ContainsFunc(written, func(end string) bool { return strings.HasSuffix(path, end) }) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parse(filepath.ToSlash(path), string(text))
		files = append(files, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("only %d files found: the test does not run at the root of the tree", len(files))
	}
	return files
}

func parse(path, text string) (source, error) {
	file := source{path: path, text: text, fset: token.NewFileSet()}
	if !strings.HasSuffix(path, ".go") {
		return file, nil
	}
	var err error
	file.ast, err = parser.ParseFile(file.fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
	return file, err
}

func (f source) line(pos token.Pos) int { return f.fset.Position(pos).Line }

func (f source) at(pos token.Pos, format string, args ...any) violation {
	return violation{f.path, f.line(pos), fmt.Sprintf(format, args...)}
}

func (f source) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// under says whether the file lies in the folder or below it.
func (f source) under(folder string) bool {
	return strings.HasPrefix(f.path, folder+"/")
}

// inTestdata says whether the file is data of a test: guests that misbehave on purpose, scripts, samples.
func (f source) inTestdata() bool {
	return slices.Contains(strings.Split(f.path, "/"), "testdata")
}

// isLibrary says whether the file is Go code that others import: not a test, a program, an example or a test suite.
func (f source) isLibrary() bool {
	if f.ast == nil || f.isTest() || f.inTestdata() || f.ast.Name.Name == "main" {
		return false
	}
	return !f.under("cmd") && !f.under("examples") && !f.under("test") && !f.under("tools")
}

// hold applies a rule to the whole tree.
func hold(t *testing.T, check rule) {
	t.Helper()
	for _, file := range tree(t) {
		for _, broken := range check(file) {
			t.Errorf("%v", broken)
		}
	}
}

// sample is a text that breaks a rule in the lines given, or keeps it.
type sample struct {
	name, path, text string
	lines            []int
}

// catch applies a rule to samples: a rule that cannot fail says nothing about the tree.
func catch(t *testing.T, check rule, samples []sample) {
	t.Helper()
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			file, err := parse(s.path, s.text)
			if err != nil {
				t.Fatal(err)
			}
			var lines []int
			for _, broken := range check(file) {
				lines = append(lines, broken.line)
				if broken.path != s.path || broken.what == "" {
					t.Errorf("violation %v does not say where and what", broken)
				}
			}
			if !slices.Equal(lines, s.lines) {
				t.Errorf("violations in lines %v, want %v", lines, s.lines)
			}
		})
	}
}
