package chaos_test

import (
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/test/chaos"
)

// TestHeld: a storm in which nothing happened proves nothing, however good its books are.
func TestHeld(t *testing.T) {
	t.Parallel()
	faults := map[chaos.Fault]int{chaos.Kill: 3, chaos.Pause: 2, chaos.CutLine: 1}
	books := func(change func(*ledger)) *chaos.Books {
		l := good()
		l.watched["a"] = []int64{0}
		change(l)
		return l.books(t)
	}
	whole := func(*ledger) {}
	for name, c := range map[string]struct {
		report chaos.Report
		says   string // "" is held
	}{
		"held":         {chaos.Report{Faults: faults, Books: books(whole)}, ""},
		"no books":     {chaos.Report{Faults: faults}, "not closed"},
		"broken":       {chaos.Report{Faults: faults, Books: books(func(l *ledger) { l.a = l.a[1:] })}, "torn: "},
		"no reader":    {chaos.Report{Faults: faults, Books: books(func(l *ledger) { clear(l.watched) })}, "no reader"},
		"few faults":   {chaos.Report{Faults: map[chaos.Fault]int{chaos.Kill: 2, chaos.Pause: 2, chaos.CutLine: 1}, Books: books(whole)}, "5 faults of 3 kinds"},
		"few kinds":    {chaos.Report{Faults: map[chaos.Fault]int{chaos.KillAt: 4, chaos.Pause: 2, chaos.CutLine: 0}, Books: books(whole)}, "6 faults of 2 kinds"},
		"nobody dies":  {chaos.Report{Faults: map[chaos.Fault]int{chaos.Term: 4, chaos.Pause: 2, chaos.CutLine: 1}, Books: books(whole)}, "a SIGKILL"},
		"nobody stops": {chaos.Report{Faults: map[chaos.Fault]int{chaos.Kill: 4, chaos.Term: 2, chaos.CutLine: 1}, Books: books(whole)}, "a SIGSTOP"},
	} {
		err := c.report.Held(6, 3)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
