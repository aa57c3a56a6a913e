// Package script runs script tests: a file tells a story in commands, each with the exact output that it must print.
//
//	# A comment, kept.
//	command argument name=value
//	input, line by line
//	----
//	the output that is expected
//
// An empty line ends a command. Tests run with -update write what they got into the files.
package script

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the outputs of script tests into their files")

// Command is one command of a script.
type Command struct {
	// Name is the first word; Args are the following ones without "=", Options those with one.
	Name    string
	Args    []string
	Options map[string]string
	// Input are the lines before "----".
	Input []string
	// Line of the file that the command stands on.
	Line int

	comment  []string
	text     string
	expected []string
}

// Option is the value of an option, or what stands for it where it was not given.
func (c *Command) Option(name, otherwise string) string {
	if v, ok := c.Options[name]; ok {
		return v
	}
	return otherwise
}

// RunDir runs every .txt file of a folder as a subtest, with a handler of its own: begin returns it, and may use t.Cleanup.
func RunDir(t *testing.T, dir string, begin func(t *testing.T) func(*Command) string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in %s (%v)", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			run(t, file, begin(t))
		})
	}
}

func run(t *testing.T, file string, do func(*Command) string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	commands, err := parse(string(text))
	if err != nil {
		t.Fatalf("%s:%v", file, err)
	}
	for _, c := range commands {
		got := strings.TrimRight(do(c), "\n")
		want := strings.Join(c.expected, "\n")
		if got != want && !*update {
			t.Errorf("%s:%d: %s\nwant:\n%s\ngot:\n%s", file, c.Line, c.text, indent(want), indent(got))
		}
		c.expected = nil
		if got != "" {
			c.expected = strings.Split(got, "\n")
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(format(commands)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func parse(text string) ([]*Command, error) {
	var out []*Command
	var c *Command
	inOutput := false
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		switch {
		case line == "" && (c == nil || c.text == ""):
			if c != nil { // a comment that stands alone
				c.comment = append(c.comment, "")
			}
		case line == "":
			out, c, inOutput = append(out, c), nil, false
		case inOutput:
			c.expected = append(c.expected, line)
		case line == "----" && c != nil && c.text != "":
			inOutput = true
		case strings.HasPrefix(line, "#") && (c == nil || c.text == ""):
			if c == nil {
				c = &Command{}
			}
			c.comment = append(c.comment, line)
		case c == nil || c.text == "":
			if c == nil {
				c = &Command{}
			}
			c.Line, c.text = i+1, line
			c.words(line)
		default:
			c.Input = append(c.Input, line)
		}
	}
	if c != nil && c.text != "" {
		out = append(out, c)
	}
	for _, c := range out {
		if c.Name == "" {
			return nil, fmt.Errorf("%d: a command without a name", c.Line)
		}
	}
	return out, nil
}

func (c *Command) words(line string) {
	c.Options = map[string]string{}
	for i, word := range strings.Fields(line) {
		name, value, ok := strings.Cut(word, "=")
		switch {
		case i == 0:
			c.Name = word
		case ok:
			c.Options[name] = value
		default:
			c.Args = append(c.Args, word)
		}
	}
}

func format(commands []*Command) string {
	var b strings.Builder
	for i, c := range commands {
		if i > 0 {
			b.WriteString("\n")
		}
		for _, line := range append(append(append(append([]string{}, c.comment...), c.text), c.Input...), "----") {
			fmt.Fprintln(&b, line)
		}
		for _, line := range c.expected {
			fmt.Fprintln(&b, line)
		}
	}
	return b.String()
}

func indent(s string) string { return "\t" + strings.ReplaceAll(s, "\n", "\n\t") }
