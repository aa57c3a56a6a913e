package wasmflow_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
	"github.com/wasmflow/wasmflow/guest-sdk/go/strictjson"
	"github.com/wasmflow/wasmflow/guest-sdk/go/wasmflowtest"
)

func TestConfig(t *testing.T) {
	wasmflow.Transform(func(wasmflow.Record, *wasmflow.Output) error { return nil })
	const config = `{"s": "é\n", "empty": "", "n": -42, "most": 9223372036854775807, "t": true, "f": false,
		"list": ["a", "b"], "none": [], "deep": {"x": [1]}, "s": "the last one"}`
	wasmflow.Init(func(c wasmflow.Config) error {
		s, ok := c.String("s")
		equal(t, []any{s, ok}, []any{"the last one", true})
		s, ok = c.String("empty")
		equal(t, []any{s, ok}, []any{"", true})
		s, ok = c.String("missing")
		equal(t, []any{s, ok}, []any{"", false})
		n, ok := c.Int("n")
		equal(t, []any{n, ok}, []any{int64(-42), true})
		n, ok = c.Int("most")
		equal(t, []any{n, ok}, []any{int64(9223372036854775807), true})
		b, ok := c.Bool("t")
		equal(t, []any{b, ok}, []any{true, true})
		b, ok = c.Bool("f")
		equal(t, []any{b, ok}, []any{false, true})
		b, ok = c.Bool("missing")
		equal(t, []any{b, ok}, []any{false, false})
		l, ok := c.Strings("list")
		equal(t, []any{l, ok}, []any{[]string{"a", "b"}, true})
		l, ok = c.Strings("none")
		equal(t, []any{l, ok}, []any{[]string{}, true})
		equal(t, string(c.Value("deep").Raw()), `{"x": [1]}`)
		equal(t, c.Value("missing").Kind(), strictjson.Nothing)
		equal(t, string(c.Raw()), config)
		equal(t, c.Transform(), `a "name"`)
		equal(t, c.Outputs(), []string{"out", "é"})
		c.Only("s", "empty", "n", "most", "t", "f", "list", "none", "deep")
		return nil
	})
	err := wasmflowtest.Init(wasmflowtest.Settings{Transform: `a "name"`, Outputs: []string{"out", "é"}, Config: config})
	if err != nil {
		t.Error(err)
	}
}

func TestConfigThatIsWrong(t *testing.T) {
	wasmflow.Transform(func(wasmflow.Record, *wasmflow.Output) error { return nil })
	for _, c := range []struct {
		config string
		f      func(wasmflow.Config) error
		want   string
	}{
		{`{"x": 1}`, func(c wasmflow.Config) error { c.String("x"); return nil }, "config.x: want a string"},
		{`{"x": null}`, func(c wasmflow.Config) error { c.String("x"); return nil }, "config.x: want a string"},
		{`{"x": "1"}`, func(c wasmflow.Config) error { c.Int("x"); return nil }, "config.x: want a whole number"},
		{`{"x": 1.5}`, func(c wasmflow.Config) error { c.Int("x"); return nil }, "config.x: want a whole number of 64 bits"},
		{`{"x": 9223372036854775808}`, func(c wasmflow.Config) error { c.Int("x"); return nil }, "config.x: want a whole number of 64 bits"},
		{`{"x": "true"}`, func(c wasmflow.Config) error { c.Bool("x"); return nil }, "config.x: want true or false"},
		{`{"x": "a"}`, func(c wasmflow.Config) error { c.Strings("x"); return nil }, "config.x: want a list of strings"},
		{`{"x": ["a", 1]}`, func(c wasmflow.Config) error { c.Strings("x"); return nil }, "config.x: want a list of strings"},
		{`{"x": 1, "y": 2}`, func(c wasmflow.Config) error { c.Only("x"); return nil }, "config.y: unknown key"},
		{`{"x": 1}`, func(c wasmflow.Config) error { c.Only(); c.String("x"); return errors.New("last") }, "config.x: unknown key"},
		{`{}`, func(c wasmflow.Config) error { return errors.New("own words") }, "own words"},
		{`{}`, func(c wasmflow.Config) error { return errors.New("") }, "init failed without a reason"},
		{`{}`, func(c wasmflow.Config) error { return errors.New(strings.Repeat("é", 3000)) }, strings.Repeat("é", 2048)},
		{`{}`, func(c wasmflow.Config) error { wasmflow.Out("a \"b\""); return nil }, `output "a \"b\"" is not declared: the pipeline has ["out", "other"]`},
		{`[]`, func(c wasmflow.Config) error { return nil }, "settings: config: want an object"},
		{`{`, func(c wasmflow.Config) error { return nil }, "settings: not a JSON object: byte "},
	} {
		wasmflow.Init(c.f)
		err := wasmflowtest.Init(wasmflowtest.Settings{Outputs: []string{"out", "other"}, Config: c.config})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || len(err.Error()) > 4096 {
			t.Errorf("%s: %v, want %s", c.config, err, c.want)
		}
	}
	wasmflow.Init(func(wasmflow.Config) error { return nil })
	if err := wasmflowtest.Init(settings); err != nil {
		t.Errorf("after all these failures: %v", err)
	}
}

func TestOutOutsideOfInit(t *testing.T) {
	const want = "wasmflow: Out outside of the function that Init registers"
	equal(t, panics(t, func() { wasmflow.Out("out") }), want)
	run(t, func(wasmflow.Record, *wasmflow.Output) error {
		equal(t, panics(t, func() { wasmflow.Out("out") }), want)
		return nil
	}, record("", ""))
}
