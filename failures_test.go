package wasmflow_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestFailuresNamesTests holds that docs/failures.md has tests for every row, and that these exist.
func TestFailuresNamesTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/failures.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, file := range tree(t) {
		if strings.HasSuffix(file.path, "_test.go") {
			for _, m := range declared.FindAllStringSubmatch(file.text, -1) {
				known[m[1]] = true
			}
		}
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 5 || strings.Contains(line, "---") || strings.Contains(line, "held by") {
			continue
		}
		rows++
		names := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(cells[4], -1)
		if len(names) == 0 {
			t.Errorf("no test holds %q", strings.TrimSpace(cells[0]))
		}
		for _, name := range names {
			if !known[name[1]] {
				t.Errorf("%q is held by %s, which does not exist", strings.TrimSpace(cells[0]), name[1])
			}
		}
	}
	if rows < 20 {
		t.Errorf("%d rows", rows)
	}
}
