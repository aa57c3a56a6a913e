package wasmflow

import (
	"reflect"
	"testing"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		image     string
		transform string
		outputs   []string
		config    string
		err       string
	}{
		{`{"abi":1,"transform":"t","outputs":["a","b"],"stores":[],"features":[],"config":{"x":1}}`, "t", []string{"a", "b"}, `{"x":1}`, ""},
		{`{"abi":1}`, "", nil, `{}`, ""},
		{`{"abi":1,"config":null,"outputs":[],"later":{"version":[2]}}`, "", nil, `{}`, ""},
		{`{}`, "", nil, "", "settings: abi is not 1"},
		{`{"abi":2}`, "", nil, "", "settings: abi is not 1"},
		{`{"abi":"1"}`, "", nil, "", "settings: abi is not 1"},
		{`{"abi":1,"outputs":[1]}`, "", nil, "", "settings: outputs: want a list of strings"},
		{`{"abi":1,"config":[]}`, "", nil, "", "settings: config: want an object"},
		{``, "", nil, "", "settings: not a JSON object: byte 0 of 0"},
	} {
		image := []byte(c.image)
		s, err := parseSettings(image)
		if c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%s: %v, want %s", c.image, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.image, err)
			continue
		}
		clear(image) // the host writes the next image to the same place
		if config := string(s.config.Raw()); s.transform != c.transform || !reflect.DeepEqual(s.outputs, c.outputs) || config != c.config {
			t.Errorf("%s: %q %q %s", c.image, s.transform, s.outputs, config)
		}
	}
}

func TestRegistrations(t *testing.T) {
	t.Parallel()
	settings := []byte(`{"abi":1}`)
	f := func(Record, *Output) error { return nil }
	for _, c := range []struct {
		g    guest
		want string
	}{
		{guest{each: f, transforms: 1}, ""},
		{guest{each: f, transforms: 1, starts: 1, start: func(Config) error { return nil }}, ""},
		{guest{}, "the guest registers no transform: call wasmflow.Transform in func init(), since main never runs"},
		{guest{each: f, transforms: 2}, "the guest registers more than one transform: call wasmflow.Transform or TransformBatch once"},
		{guest{each: f, transforms: 1, starts: 2}, "the guest registers more than one init: call wasmflow.Init once"},
	} {
		if got := c.g.init(settings); got != c.want {
			t.Errorf("%d and %d: %s", c.g.transforms, c.g.starts, got)
		}
	}
}
