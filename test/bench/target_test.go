package bench_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMisses holds that a run fails where a figure misses its target, and names the row.
func TestMisses(t *testing.T) {
	t.Parallel()
	rows := []result{
		{Name: "fast enough", Value: 120, Unit: "ns/record", Target: "<= 120"},
		{Name: "too slow", Value: 120.1, Unit: "ns/record", Target: "<= 120"},
		{Name: "near enough", Value: 0.8, Unit: "ratio", Target: ">= 0.8"},
		{Name: "too far", Value: 0.79, Unit: "ratio", Target: ">= 0.8"},
		{Name: "not measured", Value: math.NaN(), Unit: "ratio", Target: ">= 0.8"},
		{Name: "no target", Value: 1e9, Unit: "records/s"},
	}
	want := []string{"too slow: 120.1 ns/record, want <= 120", "too far: 0.79 ratio, want >= 0.8", "not measured: NaN ratio, want >= 0.8"}
	if diff := cmp.Diff(want, misses(rows)); diff != "" {
		t.Errorf("misses (-want +got):\n%s", diff)
	}
}

// TestTargetSaysWhat holds that a target that nothing can be held to does not pass for one that is met.
func TestTargetSaysWhat(t *testing.T) {
	t.Parallel()
	for _, bad := range []target{"120", "< 120", "<= fast", "<=120"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("target %q passed for one", bad)
				}
			}()
			bad.missed(1)
		}()
	}
}

// TestTurns holds that each side of a comparison comes first as often as the other, whatever number of rounds is asked for.
func TestTurns(t *testing.T) {
	for asked, want := range map[string]string{
		"":  "ab ba ab ba ab ba",
		"1": "ab ba ab ba ab ba",
		"7": "ab ba ab ba ab ba ab ba",
	} {
		t.Setenv("BENCH_COUNT", asked)
		var order []string
		for round := range rounds() {
			both := turns(round, "a", "b")
			order = append(order, both[0]+both[1])
		}
		if got := strings.Join(order, " "); got != want {
			t.Errorf("asked for %q rounds: order %q, want %q", asked, got, want)
		}
	}
}
