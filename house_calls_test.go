package wasmflow_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// banned are names of other packages that a library leaves alone: it has no say over the process that it lives in.
var banned = map[string][]string{
	"fmt": {"Print", "Printf", "Println"},
	"os":  {"Exit", "Stdout", "Stderr"},
}

// mayPanic are functions for which a panic is not an end but a way, by file and name, each with the reason.
var mayPanic = map[string]string{
	"host/guest/imports.go interrupt": "the WebAssembly runtime recovers it: so a host function traps its guest",
}

// checkProcess holds that a library prints nothing, ends nothing and does not panic. A guest may: there a panic is the way to
// trap, and its process is a sandbox.
func checkProcess(file source) []violation {
	if !file.isLibrary() {
		return nil
	}
	var broken []violation
	for _, spec := range file.ast.Imports {
		if path, _ := strconv.Unquote(spec.Path.Value); path == "log" {
			broken = append(broken, file.at(spec.Pos(), "a library does not write to the global log: return an error, or use the logger of its Config"))
		}
	}
	function := ""
	ast.Inspect(file.ast, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncDecl:
			function = node.Name.Name
		case *ast.SelectorExpr:
			if pkg, ok := node.X.(*ast.Ident); ok && slices.Contains(banned[imported(file.ast, pkg.Name)], node.Sel.Name) {
				broken = append(broken, file.at(node.Pos(), "a library does not use %s.%s: return what is to be said, or take an io.Writer", pkg.Name, node.Sel.Name))
			}
		case *ast.CallExpr:
			name, ok := node.Fun.(*ast.Ident)
			allowed := file.under("guest-sdk") || mayPanic[file.path+" "+function] != ""
			if ok && slices.Contains([]string{"panic", "print", "println"}, name.Name) && (name.Name != "panic" || !allowed) {
				broken = append(broken, file.at(node.Pos(), "a library does not %s: return an error that says where and what to do", name.Name))
			}
		}
		return true
	})
	return broken
}

// imported is the path that a package's name in a file stands for.
func imported(file *ast.File, name string) string {
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		base := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil && spec.Name.Name == name || spec.Name == nil && base == name {
			return path
		}
	}
	return ""
}

// checkWaiting holds that a test waits for something and not for a while.
func checkWaiting(file source) []violation {
	if file.ast == nil || !file.isTest() {
		return nil
	}
	var broken []violation
	ast.Inspect(file.ast, func(node ast.Node) bool {
		if sel, ok := node.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
			if pkg, ok := sel.X.(*ast.Ident); ok && imported(file.ast, pkg.Name) == "time" {
				broken = append(broken, file.at(node.Pos(), "a test does not sleep: wait for a channel, a hook or a state that can be asked for"))
			}
		}
		return true
	})
	return broken
}

// checkSkips holds that a function that skips a test looks at the environment variable CI: there nothing is skipped.
func checkSkips(file source) []violation {
	if file.ast == nil || !file.isTest() {
		return nil
	}
	var broken []violation
	for _, decl := range file.ast.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		skips, looks := token.NoPos, false
		ast.Inspect(fn.Body, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.CallExpr:
				if sel, ok := node.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
					skips = node.Pos()
				}
			case *ast.BasicLit:
				looks = looks || node.Value == `"CI"`
			}
			return true
		})
		if skips.IsValid() && !looks {
			broken = append(broken, file.at(skips, "%s skips a test without looking at the environment variable CI: fail there, and name the missing tool here", fn.Name.Name))
		}
	}
	return broken
}

func TestLibrariesLeaveTheProcessAlone(t *testing.T) { hold(t, checkProcess) }
func TestTestsDoNotSleep(t *testing.T)               { hold(t, checkWaiting) }
func TestNothingIsSkippedInCI(t *testing.T)          { hold(t, checkSkips) }

func TestProcessCatch(t *testing.T) {
	print := "package host\nimport \"fmt\"\nfunc f() {\n\tfmt.Println(1)\n}\n"
	catch(t, checkProcess, []sample{
		{"print", "host/a.go", print, []int{4}},
		{"print of a program", "cmd/wasmflow/a.go", print, nil},
		{"print of a test", "host/a_test.go", print, nil},
		{"print under another name", "host/a.go", "package host\nimport p \"fmt\"\nfunc f() { p.Print(1) }\n", []int{3}},
		{"format", "host/a.go", "package host\nimport \"fmt\"\nfunc f() string { return fmt.Sprint(1) }\n", nil},
		{"exit", "config/a.go", "package config\nimport \"os\"\nfunc f() {\n\n\tos.Exit(1)\n}\n", []int{5}},
		{"standard output", "abi/a.go", "package abi\nimport \"os\"\nvar out = os.Stdout\n", []int{3}},
		{"global log", "abi/a.go", "package abi\nimport (\n\t\"log\"\n)\nfunc f() { log.Fatal() }\n", []int{3}},
		{"panic", "host/a.go", "package host\nfunc f() { panic(1) }\n", []int{2}},
		{"panic as a way", "host/guest/imports.go", "package guest\nfunc interrupt() { panic(1) }\nfunc f() { panic(1) }\n", []int{3}},
		{"panic of a guest", "guest-sdk/go/a.go", "package wasmflow\nfunc f() { panic(1) }\n", nil},
		{"built-in print", "host/guest/a.go", "package guest\nfunc f() { println(1) }\n", []int{2}},
	})
}

func TestWaitingCatch(t *testing.T) {
	sleep := "package host\nimport \"time\"\nfunc f() { time.Sleep(1) }\n"
	catch(t, checkWaiting, []sample{
		{"a test sleeps", "host/a_test.go", sleep, []int{3}},
		{"a worker backs off", "host/a.go", sleep, nil},
	})
}

func TestSkipsCatch(t *testing.T) {
	catch(t, checkSkips, []sample{
		{"skips anywhere", "host/a_test.go", "package host\nfunc f(t T) {\n\tt.Skip(1)\n}\n", []int{3}},
		{"looks at CI", "host/a_test.go", "package host\nfunc f(t T) {\n\tif os.Getenv(\"CI\") == \"\" { t.Skip(1) }\n}\n", nil},
	})
}
