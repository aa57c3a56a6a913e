package guest

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/wasmflow/wasmflow/abi"
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

// Every line of one call of log is a line of the log, whole up to 4 KiB; those over the rate are counted, not lost.
func TestLogOfManyLines(t *testing.T) {
	t.Parallel()
	var got lines
	m := load(t, "identity", func(c *Config) { c.Log = got.add })
	call := func(i *Instance, text string) (texts []string) {
		t.Helper()
		got.list = nil
		i.mem.Grow(16)
		i.mem.Write(1024, []byte(text))
		hostLog(i, i.mem, []uint64{1, 1024, uint64(len(text))})
		if err := i.Close(t.Context()); err != nil {
			t.Error(err)
		}
		for _, l := range got.all() {
			texts = append(texts, l.Stream+" "+l.Text)
		}
		return texts
	}
	long, longest := strings.Repeat("a", 3000), strings.Repeat("b", maxLine)
	text := long + "\n" + longest + "b\n\n\r\n" + long + "\r\n" + longest
	want := []string{"log " + long, "log " + longest, "log " + long, "log " + longest}
	if d := cmp.Diff(want, call(instantiate(t, m), text)); d != "" {
		t.Error(d)
	}
	want = slices.Repeat([]string{"log x"}, linesPerSecond)
	if d := cmp.Diff(want, call(instantiate(t, m), strings.Repeat("x\n", linesPerSecond))); d != "" {
		t.Error(d)
	}
	i := instantiate(t, m)
	// The second has not ended while this runs.
	i.rate = rate{since: time.Now().Add(time.Hour)}
	want = append(want, "host 50007 log lines were dropped: more than 100 in a second")
	if d := cmp.Diff(want, call(i, strings.Repeat("x\n", linesPerSecond)+strings.Repeat("\nlost\r\n\n", 50_000)+"a\nb\nc\nd\ne\nf\ng")); d != "" {
		t.Error(d)
	}
}

// What was dropped in a second is said with the first line of the next.
func TestDroppedIsSaidMeanwhile(t *testing.T) {
	t.Parallel()
	var got lines
	i := &Instance{m: &Module{config: Config{Name: "x", Log: got.add}}}
	i.rate = rate{since: time.Now().Add(-2 * time.Second), lines: linesPerSecond, dropped: 7}
	i.log(abi.LevelInfo, streamLog, []byte("next"))
	want := []LogLine{
		{"x", abi.LevelWarn, "7 log lines were dropped: more than 100 in a second", streamHost},
		{"x", abi.LevelInfo, "next", streamLog},
	}
	if d := cmp.Diff(want, got.all()); d != "" || i.rate.dropped != 0 {
		t.Error(d)
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	in := "{\n\t\"a\u009b\": \"\u202e\u0085é\u007f\u2066😀\u2028\"}"
	want := "{\n\t\"a\\u009b\": \"\\u202e\\u0085é\\u007f\\u2066😀\\u2028\"}"
	if got := string(escape([]byte(in))); got != want {
		t.Errorf("got %q", got)
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"abcdef": "abcd", "abcé": "abc", "a\x00b\n": "ab", "\xff": "\uFFFD", "ab\xff": "ab", "": "", "\u009b\u0085a": "a", "\u202ea": "a", "a\u2066": "a", "a\u200f": "a", "a\u2028": "a", "a\tb": "a\tb"} {
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
