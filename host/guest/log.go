package guest

import (
	"bytes"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/wasmflow/wasmflow/abi"
)

// Names of LogLine.Stream.
const (
	streamLog    = "log"
	streamStdout = "stdout"
	streamStderr = "stderr"
	streamHost   = "host"
)

// linesPerSecond bounds what one instance logs.
const linesPerSecond = 100

// log hands a line on, within the rate of the instance. It says whether it did; a blank line is as good as handed on.
func (i *Instance) log(level abi.Level, stream string, line []byte) bool {
	if i.m.config.Log == nil {
		return true
	}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 {
		return true
	}
	ok, dropped := i.rate.allow(time.Now())
	i.reportDropped(dropped)
	if ok {
		line = line[:min(len(line), maxLine+utf8.UTFMax)]
		i.m.config.Log(LogLine{Transform: i.m.config.Name, Level: level, Text: clean(string(line), maxLine), Stream: stream})
	}
	return ok
}

// countLines is the number of lines in a text that are not blank.
func countLines(text []byte) (n int) {
	blank := true
	for _, c := range text {
		switch {
		case c == '\n':
			blank = true
		case blank && c != '\r':
			n, blank = n+1, false
		}
	}
	return n
}

func (i *Instance) reportDropped(n int) {
	if n > 0 {
		i.m.say(fmt.Sprintf("%d log lines were dropped: more than %d in a second", n, linesPerSecond))
	}
}

// rate counts the lines of a second.
type rate struct {
	since          time.Time
	lines, dropped int
}

// allow says whether a line may pass, and how many did not in the second that has ended.
func (r *rate) allow(now time.Time) (ok bool, dropped int) {
	if now.Sub(r.since) >= time.Second || r.since.IsZero() {
		dropped = r.dropped
		r.since, r.lines, r.dropped = now, 0, 0
	}
	if r.lines == linesPerSecond {
		r.dropped++
		return false, dropped
	}
	r.lines++
	return true, dropped
}
