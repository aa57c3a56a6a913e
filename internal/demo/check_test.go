package demo

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 5e5, time.UTC)

// perfect is what a reader sees where nothing went wrong.
func perfect(payments []Payment) []Seen {
	seen := make([]Seen, len(payments))
	for i, p := range payments {
		seen[i] = Seen{Output: p.Output, Key: p.Account, Value: p.Want, ID: p.ID, Reason: p.Reason, Offset: int64(i), Time: p.Time}
	}
	return seen
}

// TestCheckCatches breaks a perfect outcome in one way each: a checker that passes one of them proves nothing.
func TestCheckCatches(t *testing.T) {
	t.Parallel()
	payments := Traffic(t.Context(), 1, 2000, now)
	isAccepted := func(s Seen) bool { return s.Output == accepted }
	isRejected := func(s Seen) bool { return s.Output == rejected }
	for _, tt := range []struct {
		name  string
		spoil func(seen []Seen) []Seen
		want  Findings
		says  string
	}{
		{"nothing", func(s []Seen) []Seen { return s }, Findings{}, ""},
		{"one lost", func(s []Seen) []Seen { return s[:len(s)-1] }, Findings{Missing: 1}, "payment p-0002000 is on no output"},
		{"all lost", func([]Seen) []Seen { return nil }, Findings{Missing: 2000}, "payment p-0000001 is on no output"},
		{"one twice", func(s []Seen) []Seen { return append(s, s[7]) }, Findings{Twice: 1}, "payment p-0000008 is there again"},
		{"on the other output", func(s []Seen) []Seen {
			s[slices.IndexFunc(s, isAccepted)].Output = rejected
			return s
		}, Findings{Wrong: 1}, "belongs on accepted"},
		{"another value", func(s []Seen) []Seen {
			s[slices.IndexFunc(s, isAccepted)].Value = []byte(`{"id":"p-1"}`)
			return s
		}, Findings{Wrong: 1}, `reads {"id":"p-1"}, not {"id":`},
		{"another reason", func(s []Seen) []Seen {
			s[slices.IndexFunc(s, isRejected)].Reason = ""
			return s
		}, Findings{Wrong: 1}, `was rejected for "", not "`},
		{"another key", func(s []Seen) []Seen {
			s[3].Key = "account-999"
			return s
		}, Findings{Wrong: 1}, `has key "account-999"`},
		{"another timestamp", func(s []Seen) []Seen {
			s[5].Time = s[5].Time.Add(time.Millisecond)
			return s
		}, Findings{Wrong: 1}, "payment p-0000006 has the timestamp 1767225598006, not 1767225598005"},
		{"from nowhere", func(s []Seen) []Seen {
			return append(s, Seen{Output: accepted, ID: "p-x", Value: []byte("{}"), Partition: 2, Offset: 9})
		}, Findings{Unknown: 1}, `accepted/2@9: id "p-x" was never produced: {}`},
		{"out of order", func(s []Seen) []Seen {
			i := slices.IndexFunc(s, isAccepted)
			j := i + 1 + slices.IndexFunc(s[i+1:], func(o Seen) bool { return o.Output == accepted && o.Key == s[i].Key })
			k := j + 1 + slices.IndexFunc(s[j+1:], func(o Seen) bool { return o.Output == accepted && o.Key == s[i].Key })
			s[j], s[k] = s[k], s[j]
			return s
		}, Findings{Order: 1}, "stands after"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := Check(payments, tt.spoil(perfect(payments)))
			if tt.says != "" && (len(got.Violations) == 0 || !strings.Contains(got.Violations[0], tt.says)) {
				t.Errorf("violations %q, want the first to say %q", got.Violations, tt.says)
			}
			if got.OK() != (tt.says == "") {
				t.Errorf("OK() = %v", got.OK())
			}
			if len(got.Violations) > maxViolations {
				t.Errorf("%d violations in words, want at most %d", len(got.Violations), maxViolations)
			}
			got.Accepted, got.Rejected, got.Violations = 0, 0, nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTraffic(t *testing.T) {
	t.Parallel()
	a, b := Traffic(t.Context(), 7, 5000, now), Traffic(t.Context(), 7, 5000, now)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("the same seed gave other payments:\n%s", diff)
	}
	if cmp.Equal(a[:50], Traffic(t.Context(), 8, 50, now)) {
		t.Error("another seed gave the same payments")
	}
	reasons := map[string]int{}
	for _, p := range a {
		reasons[p.Reason]++
		if (p.Output == rejected) != (p.Reason != "") {
			t.Fatalf("payment %+v contradicts itself", p)
		}
	}
	for _, f := range faults {
		if reasons[f.reason] == 0 {
			t.Errorf("no payment is rejected for %q", f.reason)
		}
	}
}

// TestTrafficStops holds that nobody waits for payments that nobody wants any more.
func TestTrafficStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := Traffic(ctx, 1, 1<<40, now); len(got) > 0 {
		t.Errorf("%d payments", len(got))
	}
}

// TestResultOK spoils a result in one way each: what is not looked at proves nothing.
func TestResultOK(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(r *Result){
		"":                             func(*Result) {},
		"missing":                      func(r *Result) { r.Missing = 1 },
		"twice":                        func(r *Result) { r.Twice = 1 },
		"wrong":                        func(r *Result) { r.Wrong = 1 },
		"unknown":                      func(r *Result) { r.Unknown = 1 },
		"order":                        func(r *Result) { r.Order = 1 },
		"lag":                          func(r *Result) { r.Lag = 1 },
		"committed beyond the end":     func(r *Result) { r.Lag = -1 },
		"leaked":                       func(r *Result) { r.Leaked = 1 },
		"nothing open":                 func(r *Result) { r.Open, r.Hidden = 0, 0 },
		"an open transaction was kept": func(r *Result) { r.Hidden = 0 },
		"another one was aborted":      func(r *Result) { r.Hidden = 20 },
	} {
		r := Result{Payments: 100, Open: 10, Hidden: 10}
		r.Accepted, r.Rejected = 90, 10
		spoil(&r)
		if r.OK() != (name == "") {
			t.Errorf("%s: OK() = %v", name, r.OK())
		}
	}
}

// TestPlan holds that the transaction before whose end the first host dies exists, however the records fall into polls.
func TestPlan(t *testing.T) {
	t.Parallel()
	for n := 1; n < 500; n++ {
		if maxRecords, killAt := plan(n); maxRecords < 1 || killAt < 1 || killAt > (n+maxRecords-1)/maxRecords {
			t.Errorf("%d payments: killed in transaction %d, of up to %d records each", n, killAt, maxRecords)
		}
	}
}
