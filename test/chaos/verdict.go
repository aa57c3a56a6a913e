package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Verdict is a way in which a pipeline can break its promise.
type Verdict string

const (
	// Lost: a committed input record is found nowhere.
	Lost Verdict = "lost"
	// Twice: a record is in one topic more than once.
	Twice Verdict = "twice"
	// Torn: a record is in one of the two outputs and not in the other.
	Torn Verdict = "torn"
	// Order: records of one key are not in the order of the input.
	Order Verdict = "order"
	// Poison: outputs and dead letters disagree about who is guilty, or a dead letter is not the record that came.
	Poison Verdict = "poison"
	// Phantom: what comes out was never committed to the input.
	Phantom Verdict = "phantom"
	// Committed: the group's offset is not the one behind the last record.
	Committed Verdict = "committed"
	// Leaked: a reader saw during the run what is not there at its end.
	Leaked Verdict = "leaked"
	// Digest: a record was done with by another module than the one that ran.
	Digest Verdict = "digest"
	// Recovery: a restart waited for what a dead host had left open, instead of aborting it.
	Recovery Verdict = "recovery"
)

// Verdicts are all of them, in the order of a report.
var Verdicts = []Verdict{Lost, Twice, Torn, Order, Poison, Phantom, Committed, Leaked, Digest, Recovery}

var sentences = map[Verdict]string{
	Lost:      "records of the input are in no output and in no dead letter",
	Twice:     "records are in one topic more than once",
	Torn:      "records are in one output and not in the other, which are written in one transaction",
	Order:     "records of a key are not in the order of the input",
	Poison:    "a guilty record is in an output, an innocent one in the dead letters, or a dead letter is not the record that came",
	Phantom:   "records came out that no transaction of the input had committed",
	Committed: "the group's offset is not the one behind the last record",
	Leaked:    "a read_committed reader saw during the run what is not there at its end",
	Digest:    "a dead letter names another module than the one that ran",
	Recovery:  "a restarted host asked for the group's offsets before it had aborted what the dead one left open",
}

// String is the verdict with its sentence.
func (v Verdict) String() string { return string(v) + ": " + sentences[v] }

// mostFindings are shown of one verdict.
const mostFindings = 5

// Findings are what was found, by verdict: the first few of each, and how many.
type Findings struct {
	first map[Verdict][]string
	count map[Verdict]int
}

// Find adds one.
func (f *Findings) Find(v Verdict, format string, args ...any) {
	if f.count == nil {
		f.first, f.count = map[Verdict][]string{}, map[Verdict]int{}
	}
	if f.count[v]++; f.count[v] <= mostFindings {
		f.first[v] = append(f.first[v], fmt.Sprintf(format, args...))
	}
}

// Count is how often a verdict was found.
func (f *Findings) Count(v Verdict) int { return f.count[v] }

// Has lists the verdicts that were found.
func (f *Findings) Has() []Verdict {
	return slices.DeleteFunc(slices.Clone(Verdicts), func(v Verdict) bool { return f.count[v] == 0 })
}

// Counts is one line with all verdicts.
func (f *Findings) Counts() string {
	var parts []string
	for _, v := range Verdicts {
		parts = append(parts, fmt.Sprintf("%d %s", f.count[v], string(v)))
	}
	return strings.Join(parts, ", ")
}

// String tells what was found, a sentence and a few examples for each verdict; "" is nothing.
func (f *Findings) String() string {
	var b strings.Builder
	for _, v := range f.Has() {
		fmt.Fprintf(&b, "%v (%d)\n", v, f.count[v])
		for _, what := range f.first[v] {
			fmt.Fprintf(&b, "\t%s\n", what)
		}
		if more := f.count[v] - len(f.first[v]); more > 0 {
			fmt.Fprintf(&b, "\tand %d more\n", more)
		}
	}
	return b.String()
}

// counts is a line of counters by name.
func counts[K ~string](m map[K]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%d %s", m[name], string(name)))
	}
	return strings.Join(parts, ", ")
}
