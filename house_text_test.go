package wasmflow_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Longest files, in lines. A file that wants to be longer lacks a noun.
const (
	maxLines     = 300
	maxTestLines = 500
)

// checkLength holds that code fits into a head. Data of tests and prose have their own rules.
func checkLength(file source) []violation {
	code := slices.ContainsFunc([]string{".go", ".rs", ".sh", ".java"}, func(end string) bool { return strings.HasSuffix(file.path, end) })
	limit := maxLines
	if file.isTest() || file.inTestdata() || file.under("test") || strings.Contains(file.path, "/tests/") {
		limit = maxTestLines
	}
	lines := strings.Count(file.text, "\n")
	if !code || lines <= limit {
		return nil
	}
	return []violation{{file.path, limit + 1, "the file has more lines than a file may have: find the noun that it lacks"}}
}

var (
	// unfinished words end as promises that nobody keeps. They are put together here so that this file has none.
	unfinished = regexp.MustCompile(`\b(` + strings.Join([]string{"TO" + "DO", "FIX" + "ME", "HA" + "CK"}, "|") +
		`)\b|\b(to` + `do|unimplemented)!\(|\bnot ` + `implemented\b`)
	// machine is a path that exists on one machine only.
	machine = regexp.MustCompile(`(^|[^\w.~$}/-])/(root|home|work|Users)/\w`)
	// vague package names say nothing about what is inside.
	vague = []string{"util", "utils", "common", "types", "helper", "helpers", "manager", "misc", "base", "shared"}
)

// checkWords holds that nothing is left unfinished and nothing speaks of one machine.
func checkWords(file source) []violation {
	var broken []violation
	for i, line := range strings.Split(file.text, "\n") {
		if word := unfinished.FindString(line); word != "" {
			broken = append(broken, violation{file.path, i + 1, "\"" + word + "\" is a promise: finish it, or leave it out"})
		}
		if path := machine.FindString(line); path != "" {
			broken = append(broken, violation{file.path, i + 1, "a path of one machine: " + strings.TrimSpace(path)})
		}
	}
	return broken
}

// checkPackage holds that a package has a name that says something.
func checkPackage(file source) []violation {
	if file.ast == nil {
		return nil
	}
	name := strings.TrimSuffix(file.ast.Name.Name, "_test")
	if slices.Contains(vague, name) {
		return []violation{file.at(file.ast.Name.Pos(), "package %s says nothing: name it after what it holds", name)}
	}
	return nil
}

func TestFilesAreShort(t *testing.T)           { hold(t, checkLength) }
func TestNothingIsLeftUnfinished(t *testing.T) { hold(t, checkWords) }
func TestPackagesAreNamed(t *testing.T)        { hold(t, checkPackage) }

func TestLengthCatch(t *testing.T) {
	long := "package host\n" + strings.Repeat("\n", maxLines)
	catch(t, checkLength, []sample{
		{"as long as it may be", "host/a.go", long[:len(long)-1], nil},
		{"one line more", "host/a.go", long, []int{maxLines + 1}},
		{"a test may be longer", "host/a_test.go", long, nil},
		{"a test too long", "host/a_test.go", long + strings.Repeat("\n", maxTestLines-maxLines), []int{maxTestLines + 1}},
		{"prose", "docs/a.md", long, nil},
		{"a crate", "guest-sdk/rust/src/lib.rs", long, []int{maxLines + 1}},
	})
}

func TestWordsCatch(t *testing.T) {
	catch(t, checkWords, []sample{
		{"promise", "host/a.go", "package host\n// TO" + "DO: more\n", []int{2}},
		{"promise of a crate", "guest-sdk/rust/src/lib.rs", "fn f() { to" + "do!() }\n", []int{1}},
		{"part of a word", "docs/a.md", "mastodon and HA" + "CKER\n", nil},
		{"machine", "docs/a.md", "first\nsee /ro" + "ot/x\n", []int{2}},
		{"part of a path", "docs/a.md", "see ~/home/x and a/root/b\n", nil},
	})
}

func TestPackageCatch(t *testing.T) {
	catch(t, checkPackage, []sample{
		{"vague", "host/util/a.go", "package util\n", []int{1}},
		{"vague test", "host/util/a_test.go", "package util_test\n", []int{1}},
		{"noun", "host/a.go", "package host\n", nil},
	})
}
