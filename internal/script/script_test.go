package script

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const story = `# A greeting.
say hello to=world
first line
second line
----
hello, world
first line|second line

# Nothing comes of it.

quiet
----
`

func TestParseAndFormat(t *testing.T) {
	t.Parallel()
	commands, err := parse(story)
	if err != nil {
		t.Fatal(err)
	}
	if len(commands) != 2 || commands[0].Line != 2 || commands[1].Name != "quiet" {
		t.Fatalf("parsed %+v", commands)
	}
	c := commands[0]
	if c.Name != "say" || c.Option("to", "") != "world" || c.Option("from", "me") != "me" || !cmp.Equal(c.Args, []string{"hello"}) {
		t.Errorf("command %+v", c)
	}
	if diff := cmp.Diff(story, format(commands)); diff != "" {
		t.Error(diff)
	}
}

func TestRunDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte(story), 0o600); err != nil {
		t.Fatal(err)
	}
	RunDir(t, dir, func(*testing.T) func(*Command) string {
		return func(c *Command) string {
			if c.Name == "quiet" {
				return ""
			}
			return c.Args[0] + ", " + c.Options["to"] + "\n" + strings.Join(c.Input, "|")
		}
	})
}
