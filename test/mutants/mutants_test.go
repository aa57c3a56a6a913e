// Package mutants_test shows that the checker of test/chaos can find something: it breaks the host in one place at a time, and
// each of these mutants must be caught by the verdict that is named for it in the table. The places are texts of the host's own
// code, changed for one build by the compiler's overlay: the host as it is has no seam for it.
package mutants_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/test/chaos"
)

// TestMutants runs each scenario twice: with the host as it is, which must keep the promise, and with the mutant.
func TestMutants(t *testing.T) {
	dir := t.TempDir()
	module, digest, err := chaos.BuildGuest(dir)
	if err != nil {
		t.Fatal(err)
	}
	lab := &lab{module: module, digest: digest, cache: filepath.Join(dir, "cache")}
	host, err := chaos.Build(dir, "host")
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			if found := lab.audit(t, host, m); found.String() != "" {
				t.Fatalf("the host as it is:\n%s", found)
			}
			broken, err := chaos.Build(dir, fmt.Sprintf("mutant-%d", i), m.edits...)
			if err != nil {
				t.Fatal(err)
			}
			found := lab.audit(t, broken, m)
			if !slices.Contains(found.Has(), m.verdict) {
				t.Fatalf("not caught by %q, but by %q:\n%s", string(m.verdict), found.Has(), found)
			}
			t.Logf("%s: caught by %v (%d)", m.name, m.verdict, found.Count(m.verdict))
		})
	}
}

// lab is what all scenarios share.
type lab struct{ module, digest, cache string }

// audit plays a scenario on a broker of its own, and says what is wrong afterwards.
func (l *lab) audit(t *testing.T, program string, m mutant) *chaos.Findings {
	t.Helper()
	w := l.world(t, program, m)
	if m.feed == nil {
		w.write(40, 0)
	} else {
		m.feed(w)
	}
	m.play(w)
	if w.found.String() != "" { // it cannot go on
		return &w.found
	}
	books, err := chaos.Audit(w.ctx, w.broker.Addrs(), group, w.topics, l.digest)
	if err != nil {
		t.Fatal(err)
	}
	if books.Records() == 0 {
		t.Fatal("no record was there")
	}
	return &books.Findings
}

// TestTableIsWhole: each verdict has a mutant that it catches, and no mutant is there twice.
func TestTableIsWhole(t *testing.T) {
	names, verdicts := map[string]bool{}, map[chaos.Verdict]bool{}
	for _, m := range mutants {
		if names[m.name] || len(m.edits) == 0 {
			t.Errorf("%q is there twice, or breaks nothing", m.name)
		}
		names[m.name], verdicts[m.verdict] = true, true
	}
	for _, v := range chaos.Verdicts {
		if !verdicts[v] && v != chaos.Leaked { // no host can take back what was committed: that is a broker's
			t.Errorf("no mutant for %v", v)
		}
	}
}

// TestEditsAreHeld: an edit whose text is not there, or there twice, builds nothing.
func TestEditsAreHeld(t *testing.T) {
	for name, e := range map[string]chaos.Edit{
		"not there":   {File: "host/step.go", Old: "no such text", New: ""},
		"there twice": {File: "host/step.go", Old: "return nil", New: "return nil"},
		"no file":     {File: "host/nothing.go", Old: "package", New: "package"},
	} {
		if _, err := chaos.Build(t.TempDir(), "none", e); err == nil || !strings.Contains(err.Error(), "host/") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// source of keys: the same traffic in every run.
func source() *rand.Rand { return rand.New(rand.NewPCG(1, 0)) }
