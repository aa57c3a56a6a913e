package deadletters

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host"
)

func header(key, value string) abi.Header { return abi.Header{Key: key, Value: []byte(value)} }

// block are the headers that a host writes.
func block(topic, kind string, more ...abi.Header) []abi.Header {
	return append([]abi.Header{
		header(host.HeaderException, "wasmflow."+kind), header(host.HeaderMessage, "why"), header(host.HeaderStacktrace, "main.f"),
		header(host.HeaderTopic, topic), header(host.HeaderPartition, "2"), header(host.HeaderOffset, "17"),
		header(host.HeaderPipeline, "p"), header(host.HeaderTransform, "f"), header(host.HeaderDigest, "abc"),
		header(host.HeaderAttempts, "3"), header(host.HeaderKind, kind), header(host.HeaderStack, "main.f"),
	}, more...)
}

func join(lists ...[]abi.Header) (all []abi.Header) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// TestParse: of a letter's headers the last whole block is the host's, and everything before is the record's own.
func TestParse(t *testing.T) {
	t.Parallel()
	own := []abi.Header{header("a", "1"), {Key: "a"}}
	cause := func(topic, kind string) *Cause {
		return &Cause{Place{topic, 2, 17}, "p", "f", "abc", kind, "why", "main.f", 3}
	}
	odd := header(host.HeaderTimestamp, "253402300800000000")
	for name, test := range map[string]struct {
		in    []abi.Header
		own   []abi.Header
		cause *Cause
		back  []abi.Header
	}{
		"plain":             {join(own, block("in", "panic")), own, cause("in", "panic"), join(own, []abi.Header{header(HeaderReplayed, "1")})},
		"none of its own":   {block("in", "panic"), []abi.Header{}, cause("in", "panic"), []abi.Header{header(HeaderReplayed, "1")}},
		"odd time":          {join(own, block("in", "panic", odd)), own, cause("in", "panic"), join(own, []abi.Header{odd, header(HeaderReplayed, "1")})},
		"time to come":      {join(own, block("in", "panic", header(host.HeaderTimestamp, "4102444800000"))), own, cause("in", "panic"), join(own, []abi.Header{header(HeaderReplayed, "1")})},
		"a dead letter's":   {join(block("x", "fuel", odd), block("in", "refused")), block("x", "fuel", odd), cause("in", "refused"), join(block("x", "fuel", odd), []abi.Header{header(HeaderReplayed, "1")})},
		"back before":       {join(own, []abi.Header{header(HeaderReplayed, "9")}, block("in", "fuel")), join(own, []abi.Header{header(HeaderReplayed, "9")}), cause("in", "fuel"), join(own, []abi.Header{header(HeaderReplayed, "10")})},
		"not our count":     {join([]abi.Header{header(HeaderReplayed, "x")}, block("in", "fuel")), []abi.Header{header(HeaderReplayed, "x")}, cause("in", "fuel"), []abi.Header{header(HeaderReplayed, "x"), header(HeaderReplayed, "1")}},
		"no headers":        {nil, nil, nil, nil},
		"foreign":           {own, own, nil, nil},
		"Kafka Streams'":    {block("in", "fuel")[:6], block("in", "fuel")[:6], nil, nil},
		"something behind":  {join(block("in", "fuel"), own), join(block("in", "fuel"), own), nil, nil},
		"one twice":         {block("in", "fuel", header(host.HeaderKind, "fuel")), block("in", "fuel", header(host.HeaderKind, "fuel")), nil, nil},
		"no number":         {join(block("in", "fuel")[:4], []abi.Header{header(host.HeaderPartition, "x")}, block("in", "fuel")[5:]), join(block("in", "fuel")[:4], []abi.Header{header(host.HeaderPartition, "x")}, block("in", "fuel")[5:]), nil, nil},
		"less than nothing": {join(block("in", "fuel")[:4], []abi.Header{header(host.HeaderPartition, "-1")}, block("in", "fuel")[5:]), join(block("in", "fuel")[:4], []abi.Header{header(host.HeaderPartition, "-1")}, block("in", "fuel")[5:]), nil, nil},
	} {
		gotOwn, gotCause := parse(test.in)
		if diff := cmp.Diff(test.own, gotOwn); diff != "" {
			t.Errorf("%s: own headers, - expected, + got:\n%s", name, diff)
		}
		if diff := cmp.Diff(test.cause, gotCause); diff != "" {
			t.Errorf("%s: cause, - expected, + got:\n%s", name, diff)
		}
		if test.cause == nil {
			continue
		}
		back, ms := revived(gotOwn, test.in, 1000)
		if diff := cmp.Diff(test.back, back); diff != "" {
			t.Errorf("%s: headers of the replayed record, - expected, + got:\n%s", name, diff)
		}
		if want := map[bool]int64{true: 4102444800000, false: 1000}[name == "time to come"]; ms != want {
			t.Errorf("%s: timestamp %d, want %d", name, ms, want)
		}
	}
}

// FuzzParse: whatever headers a record had, they come back as they were from behind a host's block, and count up.
func FuzzParse(f *testing.F) {
	f.Add("a", "1", host.HeaderException, "x", HeaderReplayed, "3")
	f.Add(host.HeaderTimestamp, "1", host.HeaderTopic, "in", host.HeaderStack, "")
	f.Add(HeaderReplayed, "-1", HeaderReplayed, "+1", HeaderReplayed, "99999999999999999999")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2, k3, v3 string) {
		own := []abi.Header{header(k1, v1), header(k2, v2), header(k3, v3)}
		got, cause := parse(join(own, block("in", "fuel")))
		if cause == nil || cmp.Diff(own, got) != "" {
			t.Fatalf("%v became %v, cause %v", own, got, cause)
		}
		back, _ := revived(got, join(own, block("in", "fuel")), 0)
		if n := replayed(got); replayed(back) != n+1 || string(back[len(back)-1].Value) != strconv.Itoa(n+1) {
			t.Fatalf("%v was back %d times, and %d after that", own, n, replayed(back))
		}
		if parse(own); cmp.Diff(own, []abi.Header{header(k1, v1), header(k2, v2), header(k3, v3)}) != "" {
			t.Fatalf("the headers were written to: %v", own)
		}
	})
}

func TestFilter(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(5000)
	letter := &Letter{Time: at, Cause: &Cause{Source: Place{"in", 2, 17}, Transform: "f", Kind: "fuel"}}
	source := func(s string) []Source {
		out, err := ParseSource(s)
		if err != nil {
			t.Fatal(err)
		}
		return []Source{out}
	}
	for name, test := range map[string]struct {
		f    Filter
		want bool
	}{
		"all":               {Filter{}, true},
		"kind":              {Filter{Kinds: []string{"panic", "fuel"}}, true},
		"other kind":        {Filter{Kinds: []string{"panic"}}, false},
		"transform":         {Filter{Transforms: []string{"f"}}, true},
		"other transform":   {Filter{Transforms: []string{"g"}}, false},
		"kind or transform": {Filter{Kinds: []string{"fuel"}, Transforms: []string{"g"}}, false},
		"since":             {Filter{Since: at}, true},
		"since later":       {Filter{Since: at.Add(1)}, false},
		"until":             {Filter{Until: at}, false},
		"until later":       {Filter{Until: at.Add(1)}, true},
		"topic":             {Filter{Sources: source("in")}, true},
		"other topic":       {Filter{Sources: source("inn")}, false},
		"partition":         {Filter{Sources: source("in/2")}, true},
		"other partition":   {Filter{Sources: source("in/1")}, false},
		"offset":            {Filter{Sources: source("in/2/17")}, true},
		"other offset":      {Filter{Sources: append(source("in/2/18"), source("x")...)}, false},
	} {
		if got := test.f.matches(letter); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
		if test.f.matches(&Letter{Time: at}) && name != "all" && name != "since" && name != "until later" {
			t.Errorf("%s: a record without a cause was chosen", name)
		}
	}
	for _, bad := range []string{"", "/1", "in/", "in/x", "in/-1", "in/1/", "in/1/x", "in/1/2/3", "in/2147483648", "in/0/9223372036854775808"} {
		if _, err := ParseSource(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestRate: letters are spread over the time that the rate gives them.
func TestRate(t *testing.T) {
	t.Parallel()
	m := mover{rate: 1000}
	before := time.Now()
	for range 3 {
		if err := m.wait(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
	}
	if behind := m.next.Sub(before); behind < 6*time.Millisecond {
		t.Errorf("six letters had %v", behind)
	}
	if m.next.After(time.Now()) {
		t.Error("the last letter did not wait")
	}
}
