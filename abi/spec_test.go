package abi

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// holders are where the tests lie that a holder in SPEC.md names: "[guest: TestTraps]".
var holders = map[string]struct{ folder, ending, declaration string }{
	"":      {".", "_test.go", "func NAME("},
	"guest": {"../host/guest", "_test.go", "func NAME("},
	"host":  {"../host", "_test.go", "func NAME("},
	"go":    {"../guest-sdk/go", "_test.go", "func NAME("},
	"rust":  {"../guest-sdk/rust", ".rs", "fn NAME("},
}

var (
	codeSpan = regexp.MustCompile("`[^`]*`")
	must     = regexp.MustCompile(`\bMUST\b`)
	bracket  = regexp.MustCompile(`\[([^\]]+)\]`)
	// holder is what a bracket may say: a vector, a script, or a test and a part of it.
	holder = regexp.MustCompile(`^(?:(vector|script:) ([a-z0-9-]+)|(?:([a-z]+): )?([A-Za-z][A-Za-z0-9_]*)(?:/([a-z0-9_]+))?)$`)
)

// specItem is a paragraph, a bullet or a row of SPEC.md on one line, and where it begins.
type specItem struct {
	line int
	text string
}

// specItems divides a page. Fenced blocks, code spans and quoted words say nothing normative.
func specItems(page string) (items []specItem) {
	fenced, open := false, false
	for i, line := range strings.Split(page, "\n") {
		text := strings.TrimSpace(line)
		if strings.HasPrefix(text, "```") {
			fenced, open = !fenced, false
			continue
		}
		if fenced || text == "" {
			open = false
			continue
		}
		starts := strings.HasPrefix(text, "- ") || strings.HasPrefix(text, "|") || strings.HasPrefix(text, "#") || regexp.MustCompile(`^\d+\. `).MatchString(text)
		if starts || !open {
			items = append(items, specItem{line: i + 1})
			open = !strings.HasPrefix(text, "|") && !strings.HasPrefix(text, "#")
		}
		items[len(items)-1].text += text + " "
	}
	for i := range items {
		items[i].text = codeSpan.ReplaceAllString(items[i].text, "")
		items[i].text = regexp.MustCompile(`"MUST( NOT)?"`).ReplaceAllString(items[i].text, "")
	}
	return items
}

// unheld gives the lines of the MUSTs that no holder stands behind: it must come before the next MUST of the item.
func unheld(page string) (lines []int) {
	for _, item := range specItems(page) {
		for _, claim := range must.Split(item.text, -1)[1:] {
			if !bracket.MatchString(claim) {
				lines = append(lines, item.line)
			}
		}
	}
	return lines
}

func TestEveryMustIsHeld(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range unheld(string(page)) {
		t.Errorf("SPEC.md:%d: a MUST here names nothing that holds it", line)
	}
	claims := 0
	for _, item := range specItems(string(page)) {
		claims += len(must.FindAllString(item.text, -1))
		for _, b := range bracket.FindAllStringSubmatch(item.text, -1) {
			if why := missing(b[1]); why != "" {
				t.Errorf("SPEC.md:%d: [%s]: %s", item.line, b[1], why)
			}
		}
	}
	if claims < 80 {
		t.Errorf("only %d MUSTs found: this test does not read the page any more", claims)
	}
}

// missing says why a holder does not hold; it is empty where it does.
func missing(name string) string {
	m := holder.FindStringSubmatch(name)
	if m == nil {
		return "neither a vector, a script nor a test"
	}
	file := ""
	switch m[1] {
	case "vector":
		file = filepath.Join(vectorDir, m[2]+".input.bin")
	case "script:":
		file = filepath.Join("../host/testdata/loop", m[2]+".txt")
	}
	if file != "" {
		if _, err := os.Stat(file); err != nil {
			return err.Error()
		}
		return ""
	}
	place, ok := holders[m[3]]
	if !ok {
		return "no part is called " + m[3]
	}
	found, part := false, m[5] == ""
	err := filepath.WalkDir(place.folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if e.Name() == "target" || path != place.folder && (m[3] == "" || m[3] == "host") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, place.ending) {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := string(data)
		if at := strings.Index(text, strings.Replace(place.declaration, "NAME", m[4], 1)); at >= 0 {
			found = true
			part = part || strings.Contains(text[at:], `t.Run("`+m[5]+`"`)
		}
		return nil
	})
	switch {
	case err != nil:
		return err.Error()
	case !found:
		return "no such test under " + place.folder
	case !part:
		return "the test has no part of that name"
	}
	return ""
}

// The rule above must be able to fail.
func TestEveryMustIsHeldCatches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		page string
		want int
	}{
		"held":                     {"A host MUST x [vector identity].", 0},
		"not held":                 {"A host MUST x.", 1},
		"held over two lines":      {"A host MUST\nx [TestCheck].", 0},
		"the next one's":           {"A host MUST x and MUST y [TestCheck].", 1},
		"one of three bullets":     {"- MUST x [TestCheck]\n- MUST NOT y\n- MUST z [TestCheck]", 1},
		"a row":                    {"| a | MUST x |\n| b | MUST y [TestCheck] |", 1},
		"another paragraph's":      {"A host MUST x.\n\n[TestCheck]", 1},
		"quoted, code and fenced":  {"\"MUST\" and `MUST` are\n```\nMUST\n```\n", 0},
		"a bracket in a code span": {"A host MUST x `[TestCheck]`.", 1},
	} {
		if got := unheld(c.page); len(got) != c.want {
			t.Errorf("%s: lines %v, want %d", name, got, c.want)
		}
	}
	for name, want := range map[string]bool{
		"vector identity": true, "vector none": false, "script: chain": true, "script: none": false,
		"TestCheck": true, "TestNone": false, "TestDecodeResult/size_63": true, "TestDecodeResult/size_64": false,
		"guest: TestTraps": true, "guest: TestNone": false, "moon: TestTraps": false, "some words": false,
	} {
		if why := missing(name); (why == "") != want {
			t.Errorf("[%s]: %q", name, why)
		}
	}
}
