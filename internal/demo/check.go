package demo

import (
	"bytes"
	"fmt"
	"time"
)

// Seen is a record that a reader of an output saw.
type Seen struct {
	// Output is accepted or rejected.
	Output string
	// Key and Value are the record's; ID is the payment's in the value, "" where the value is no payment.
	Key   string
	Value []byte
	ID    string
	// Reason is the header of a rejected payment.
	Reason string
	// Time is the record's timestamp.
	Time time.Time
	// Partition and Offset of the output's topic.
	Partition int32
	Offset    int64
}

// Findings compare what came out with what went in. Every count but the first two is 0 where exactly-once held.
type Findings struct {
	// Accepted and Rejected are numbers of payments on each output.
	Accepted int `json:"accepted"`
	Rejected int `json:"rejected"`
	// Missing are on no output, Twice are records beyond a payment's first.
	Missing int `json:"missing"`
	Twice   int `json:"more_than_once"`
	// Wrong are on the wrong output, or have another key, value, timestamp or reason than they must. Unknown were never produced.
	Wrong   int `json:"wrong"`
	Unknown int `json:"unknown"`
	// Order are before an earlier payment of their account.
	Order int `json:"out_of_order"`
	// Violations are the first maxViolations of them, in words.
	Violations []string `json:"violations,omitempty"`
}

const maxViolations = 10

// OK says that nothing was found.
func (f *Findings) OK() bool { return f.Missing+f.Twice+f.Wrong+f.Unknown+f.Order == 0 }

func (f *Findings) violation(count *int, format string, args ...any) {
	*count++
	if len(f.Violations) < maxViolations {
		f.Violations = append(f.Violations, fmt.Sprintf(format, args...))
	}
}

// Check holds the records that were seen, each output's partitions in offset order, against the payments that were produced.
// Every payment must be seen exactly once, where and as it has to be; the payments of one account in the order of production.
func Check(payments []Payment, seen []Seen) Findings {
	var f Findings
	first := make(map[string]*Seen, len(payments))
	want := make(map[string]*Payment, len(payments))
	for i := range payments {
		want[payments[i].ID] = &payments[i]
	}
	last := map[[2]string]string{} // The last id by output and account.
	for i := range seen {
		s := &seen[i]
		p, ok := want[s.ID]
		if !ok {
			f.violation(&f.Unknown, "%s: id %q was never produced: %s", s.place(), s.ID, s.Value)
			continue
		}
		if was, ok := first[s.ID]; ok {
			f.violation(&f.Twice, "%s: payment %s is there again, it was at %s", s.place(), s.ID, was.place())
			continue
		}
		first[s.ID] = s
		f.place(p, s)
		line := [2]string{s.Output, s.Key}
		if s.ID <= last[line] {
			f.violation(&f.Order, "%s: payment %s of %s stands after %s", s.place(), s.ID, s.Key, last[line])
		}
		last[line] = s.ID
	}
	for i := range payments {
		if p := &payments[i]; first[p.ID] == nil {
			f.violation(&f.Missing, "payment %s is on no output, it belongs on %s", p.ID, p.Output)
		}
	}
	return f
}

// place holds one record against its payment.
func (f *Findings) place(p *Payment, s *Seen) {
	switch s.Output {
	case accepted:
		f.Accepted++
	case rejected:
		f.Rejected++
	}
	switch {
	case s.Output != p.Output:
		f.violation(&f.Wrong, "%s: payment %s belongs on %s", s.place(), p.ID, p.Output)
	case s.Key != p.Account:
		f.violation(&f.Wrong, "%s: payment %s has key %q, not %q", s.place(), p.ID, s.Key, p.Account)
	case s.Reason != p.Reason:
		f.violation(&f.Wrong, "%s: payment %s was rejected for %q, not %q", s.place(), p.ID, s.Reason, p.Reason)
	case !s.Time.Equal(p.Time):
		f.violation(&f.Wrong, "%s: payment %s has the timestamp %d, not %d", s.place(), p.ID, s.Time.UnixMilli(), p.Time.UnixMilli())
	case !bytes.Equal(s.Value, p.Want):
		f.violation(&f.Wrong, "%s: payment %s reads %s, not %s", s.place(), p.ID, s.Value, p.Want)
	}
}

func (s *Seen) place() string { return fmt.Sprintf("%s/%d@%d", s.Output, s.Partition, s.Offset) }
