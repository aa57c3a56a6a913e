package e2e_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFencedBlocks(t *testing.T) {
	t.Parallel()
	const fence = "```"
	for _, tt := range []struct {
		name, markdown string
		want           []block
		err            string
	}{
		{"none", "# Title\n\ntext\n", nil, ""},
		{"one", "text\n" + fence + "sh\nmake demo\n" + fence + "\n", []block{{3, "sh", "make demo\n"}}, ""},
		{"of other languages", fence + "console\n$ x\n" + fence + "\n" + fence + "\ny\n" + fence, []block{{2, "console", "$ x\n"}, {5, "", "y\n"}}, ""},
		{"two", fence + "sh\na\nb\n" + fence + "\n" + fence + "yaml\nsh\n" + fence + "\n" + fence + "sh\nc\n" + fence, []block{{2, "sh", "a\nb\n"}, {6, "yaml", "sh\n"}, {9, "sh", "c\n"}}, ""},
		{"indented", "1. do\n   " + fence + "sh\n   a\n   " + fence, []block{{3, "sh", "   a\n"}}, ""},
		{"a longer fence", "````md\n" + fence + "sh\na\n" + fence + "\n````\n", []block{{2, "md", fence + "sh\na\n" + fence + "\n"}}, ""},
		{"inline", "use `sh` or " + fence + "sh" + fence + "\n" + fence + "sh a" + fence + "\n", nil, ""},
		{"never closed", "a\n" + fence + "sh\nb\n", nil, "line 2: the fenced block is never closed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := fencedBlocks(tt.markdown)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(block{})); diff != "" {
				t.Errorf("blocks (-want +got):\n%s", diff)
			}
			if (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

// TestRun holds that a block that fails is one that fails the test.
func TestRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, err string }{
		{"works", "test -f go.mod\ntest \"$KAFKA_BROKERS\" = here\n", ""},
		{"the first line fails", "false\ntrue\n", "exit status 1"},
		{"the middle of a pipe fails", "false | cat\n", "exit status 1"},
		{"says why", "echo because >&2\nexit 7\n", "because"},
		{"itself", "make check test\n", "would run this test again"},
		{"itself, of another name", "cd .\n  .ci/run\n", "would run this test again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := run(context.Background(), block{1, shell, tt.text}, "here")
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}
