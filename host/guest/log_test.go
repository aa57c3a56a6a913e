package guest

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestRate(t *testing.T) {
	t.Parallel()
	var r rate
	start := time.Unix(1000, 0)
	passed := 0
	for range 250 {
		if ok, dropped := r.allow(start); ok {
			passed++
		} else if dropped != 0 {
			t.Fatalf("%d dropped before the second ended", dropped)
		}
	}
	if passed != linesPerSecond {
		t.Errorf("%d passed", passed)
	}
	if ok, _ := r.allow(start.Add(time.Second - 1)); ok {
		t.Error("one passed before the second ended")
	}
	if ok, dropped := r.allow(start.Add(time.Second)); !ok || dropped != 151 {
		t.Errorf("got %v, %d", ok, dropped)
	}
}

func TestStreams(t *testing.T) {
	t.Parallel()
	var got lines
	i := &Instance{m: &Module{config: Config{Name: "x", Log: got.add}}, stdout: stream{name: streamStdout}, stderr: stream{name: streamStderr}}
	i.stdout.write([]byte("one\r\ntw"), i)
	i.stderr.write([]byte("err\n\n"), i)
	i.stdout.write([]byte("o\n"), i)
	i.stdout.write([]byte(strings.Repeat("é", 5000)+"\nrest"), i)
	i.said.flush(i)
	var text []string
	for _, l := range got.all() {
		if l.Transform != "x" || !utf8.ValidString(l.Text) || len(l.Text) > maxLine {
			t.Errorf("got %+v", l)
		}
		text = append(text, l.Stream+" "+l.Text)
	}
	want := []string{"stdout one", "stderr err", "stdout two", "stdout " + strings.Repeat("é", maxLine/2), "stdout rest"}
	if d := cmp.Diff(want, text); d != "" {
		t.Error(d)
	}
	if got := i.said.text(); got != "err" {
		t.Errorf("said %q", got)
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"abcdef": "abcd", "abcé": "abc", "a\x00b\n": "ab", "\xff": "\uFFFD", "ab\xff": "ab", "": ""} {
		if got := clean(in, 4); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestSaidKeepsTheEnd(t *testing.T) {
	t.Parallel()
	var s said
	for range 10_000 {
		s.add([]byte("0123456789"))
	}
	s.add([]byte("the end"))
	if got := s.text(); len(got) > maxMessage || !strings.HasSuffix(got, "0123456789\nthe end") {
		t.Errorf("got %d bytes", len(got))
	}
	if len(s.tail) > 3*maxMessage {
		t.Errorf("%d bytes are kept", len(s.tail))
	}
}
