package guest

import (
	"bytes"
	"fmt"
	"time"

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

// log hands a line on, within the rate of the instance.
func (i *Instance) log(level abi.Level, stream string, line []byte) {
	if i.m.config.Log == nil {
		return
	}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 {
		return
	}
	ok, dropped := i.rate.allow(time.Now())
	i.reportDropped(dropped)
	if ok {
		i.m.config.Log(LogLine{Transform: i.m.config.Name, Level: level, Text: clean(string(line), maxLine), Stream: stream})
	}
}

func (i *Instance) reportDropped(n int) {
	if n > 0 && i.m.config.Log != nil {
		i.m.config.Log(LogLine{
			Transform: i.m.config.Name, Level: abi.LevelWarn, Stream: streamHost,
			Text: fmt.Sprintf("%d log lines were dropped: more than %d in a second", n, linesPerSecond),
		})
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
