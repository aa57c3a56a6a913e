package guest

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wasmflow/wasmflow/abi"
)

// Bounds of what a guest prints. maxWrite, in bytes, and maxVectors bound one fd_write, which may write less than it was asked to.
const (
	maxLine    = 4 << 10
	maxCrash   = 16 << 10
	maxWrite   = maxLook
	maxVectors = 1024
)

func quote(s string) string { return strconv.Quote(s) }

// clean makes a guest's text valid UTF-8 of at most n bytes, without characters that steer a terminal but line ends and tabs.
func clean(s string, n int) string {
	s = strings.ToValidUTF8(s[:min(len(s), n+utf8.UTFMax)], "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && steers(r) {
			return -1
		}
		return r
	}, s)
	return strings.TrimRight(cut(s, n), "\n")
}

// flat is clean for what must be one line, whoever shows it: names, places, reasons.
func flat(s string, n int) string { return strings.ReplaceAll(clean(s, n), "\n", " ") }

// steers says whether a character moves the cursor, changes colours or turns the direction of the text around it: what is
// shown would not be what is there.
func steers(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// escape writes JSON that is valid so that it means the same and steers nothing. Such characters are in strings alone.
func escape(valid []byte) []byte {
	out := make([]byte, 0, len(valid))
	for _, r := range string(valid) {
		if r >= ' ' && steers(r) {
			out = fmt.Appendf(out, "\\u%04x", r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// cut shortens s to n bytes between two characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// stream is standard output, standard error or what goes to the import log: it makes lines of what is written.
type stream struct {
	name  string
	level abi.Level
	line  []byte
}

// write takes what the guest printed. Of a line it keeps the first 4 KiB.
func (s *stream) write(b []byte, i *Instance) {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		whole := end >= 0
		if !whole {
			end = len(b)
		}
		s.line = append(s.line, b[:min(end, max(0, maxLine+utf8.UTFMax-len(s.line)))]...)
		if !whole {
			return
		}
		b = b[end+1:]
		if !s.flush(i) && s.name != streamStderr {
			// None of the others may pass in this second. Looking for them one by one would be work that the guest gets for nothing.
			rest := bytes.LastIndexByte(b, '\n') + 1
			i.rate.dropped += countLines(b[:rest])
			b = b[rest:]
		}
	}
}

// flush hands on the line that is open, and says whether it passed.
func (s *stream) flush(i *Instance) bool {
	if len(s.line) == 0 {
		return true
	}
	if s.name == streamStderr {
		i.said.add(s.line)
	}
	ok := i.log(s.level, s.name, s.line)
	s.line = s.line[:0]
	return ok
}

// said keeps the end of what a guest wrote to standard error during a call, and the beginning of a crash: a Go guest prints
// its panic and then a trace that may be longer than anyone keeps.
type said struct {
	tail, report []byte
}

func (s *said) reset() { s.tail, s.report = s.tail[:0], s.report[:0] }

func (s *said) add(line []byte) {
	text := string(line[:min(len(line), 32)])
	// "fatal error: out of memory" follows a line that says more.
	starts := strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "runtime: out of memory") ||
		strings.HasPrefix(text, "fatal error: ") && !strings.HasPrefix(string(s.report), "runtime: out of memory")
	if starts {
		s.report = s.report[:0]
	}
	if (starts || len(s.report) > 0) && len(s.report) < maxCrash {
		s.report = append(append(s.report, line...), '\n')
	}
	s.tail = append(append(s.tail, line...), '\n')
	if over := len(s.tail) - maxMessage; over > maxMessage {
		s.tail = append(s.tail[:0], s.tail[over:]...)
	}
}

// flush ends the lines that the guest left open.
func (s *said) flush(i *Instance) {
	i.stdout.flush(i)
	i.stderr.flush(i)
}

// text is the end of what was written.
func (s *said) text() string {
	return strings.TrimSpace(string(s.tail[max(0, len(s.tail)-maxMessage):]))
}

// crash is what a Go runtime reported of its end: the text, and where in the guest's own code it came from.
func (s *said) crash() (string, bool) {
	if len(s.report) == 0 {
		return "", false
	}
	text, trace, _ := strings.Cut(string(s.report), "\ngoroutine ")
	if before, after, ok := strings.Cut(text, "\nruntime stack:\n"); ok {
		text, trace = before, after+"\n"+trace
	}
	text = strings.TrimSpace(text)
	function := ""
	for line := range strings.SplitSeq(trace, "\n") {
		if !strings.HasPrefix(line, "\t") {
			function = line
			continue
		}
		if strings.HasPrefix(function, "panic(") || strings.HasPrefix(function, "runtime.") || !strings.Contains(line, ".go:") {
			continue
		}
		place, _, _ := strings.Cut(strings.TrimSpace(line), " +0x")
		place, _, _ = strings.Cut(place, " fp=0x")
		return cut(text, maxMessage-len(place)-1) + "\n" + place, true
	}
	return text, true
}
