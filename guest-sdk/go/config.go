package wasmflow

import (
	"strconv"

	"github.com/wasmflow/wasmflow/guest-sdk/go/strictjson"
)

// To is an output that records can be sent to: a topic, by the name that the pipeline's configuration gives it. The zero
// To is the default output.
type To struct{ index uint16 }

// Out looks an output up by its name. Call it in Init's function and keep what it returns: elsewhere it panics. A name
// that the configuration does not declare makes Init fail with that name.
func Out(name string) To { return instance.out(name) }

func (g *guest) out(name string) To {
	s := g.settings
	if s == nil {
		panic("wasmflow: Out outside of the function that Init registers")
	}
	for i, o := range s.outputs {
		if o == name {
			return To{uint16(i)}
		}
	}
	s.fail("output " + strconv.Quote(name) + " is not declared: the pipeline has " + list(s.outputs))
	return To{}
}

// list writes names as ["a", "b"].
func list(names []string) string {
	b := []byte{'['}
	for i, name := range names {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendQuote(b, name)
	}
	return string(append(b, ']'))
}

// settings are what the host told the instance, while init runs.
type settings struct {
	transform string
	outputs   []string
	config    strictjson.Value
	wrong     string // the first thing that was found wrong
}

func (s *settings) fail(text string) {
	if s.wrong == "" {
		s.wrong = text
	}
}

// parseSettings reads a settings image. Names that it does not know are those of a later host, and ignored.
func parseSettings(image []byte) (*settings, error) {
	image = clone(image) // the host writes the first batch over it
	all, err := strictjson.ParseObject(image, strictjson.MaxDepth)
	if err != nil {
		return nil, settingsError("settings: " + err.Error())
	}
	s := &settings{}
	s.config, _ = strictjson.ParseObject([]byte("{}"), 1)
	version := ""
	for name, v := range all.Members() {
		switch {
		case name.Is("abi"):
			version = string(v.Raw())
		case name.Is("transform"):
			s.transform = v.Text()
		case name.Is("outputs"):
			s.outputs = nil
			for e := range v.Elements() {
				if e.Kind() != strictjson.String {
					return nil, settingsError("settings: outputs: want a list of strings")
				}
				s.outputs = append(s.outputs, e.Text())
			}
		case name.Is("config") && v.Kind() != strictjson.Null:
			if v.Kind() != strictjson.Object {
				return nil, settingsError("settings: config: want an object")
			}
			s.config = v
		}
	}
	if version != "1" {
		return nil, settingsError("settings: abi is not 1")
	}
	return s, nil
}

type settingsError string

func (e settingsError) Error() string { return string(e) }

// Config is the transform's own configuration: `config:` of the transform in the pipeline's file. It is valid while Init's
// function runs.
//
// A value of the wrong type makes Init fail with the value's name, so that the getters need no error result.
type Config struct{ s *settings }

// Transform is the name that the pipeline gives to the transform.
func (c Config) Transform() string { return c.s.transform }

// Outputs are the names of the pipeline's outputs, the default one first.
func (c Config) Outputs() []string { return append([]string(nil), c.s.outputs...) }

// Raw is the configuration as JSON, an object, for json.Unmarshal or strictjson: "{}" where the pipeline gives none. A
// module that imports encoding/json is 1.5 MB larger; the getters below need none of it.
func (c Config) Raw() []byte { return clone(c.s.config.Raw()) }

// Value is the value of that name as it is written, for what the getters below do not know; of kind strictjson.Nothing
// where there is none. It stays valid after Init.
func (c Config) Value(name string) (value strictjson.Value) {
	for n, v := range c.s.config.Members() {
		if n.Is(name) {
			value = v // the last one where names repeat, as encoding/json reads it
		}
	}
	return value
}

// Only makes Init fail where the configuration has a value with any other name: a misspelled name is a mistake, not a
// default.
func (c Config) Only(names ...string) {
	for name := range c.s.config.Members() {
		known := false
		for _, n := range names {
			known = known || name.Is(n)
		}
		if !known {
			c.s.fail("config." + name.Text() + ": unknown key")
			return
		}
	}
}

// String is the string of that name, and whether there is one.
func (c Config) String(name string) (value string, ok bool) {
	v, ok := c.value(name, strictjson.String, "want a string")
	return v.Text(), ok
}

// Bool is the boolean of that name, and whether there is one.
func (c Config) Bool(name string) (value, ok bool) {
	v, ok := c.value(name, strictjson.Bool, "want true or false")
	return ok && v.Raw()[0] == 't', ok
}

// Int is the whole number of that name, and whether there is one.
func (c Config) Int(name string) (value int64, ok bool) {
	v, ok := c.value(name, strictjson.Number, "want a whole number")
	if !ok {
		return 0, false
	}
	value, err := strconv.ParseInt(string(v.Raw()), 10, 64)
	if err != nil {
		c.s.fail("config." + name + ": want a whole number of 64 bits")
		return 0, false
	}
	return value, true
}

// Strings is the list of strings of that name, and whether there is one.
func (c Config) Strings(name string) (values []string, ok bool) {
	const want = "want a list of strings"
	v, ok := c.value(name, strictjson.Array, want)
	if !ok {
		return nil, false
	}
	values = []string{}
	for e := range v.Elements() {
		if e.Kind() != strictjson.String {
			c.s.fail("config." + name + ": " + want)
			return nil, false
		}
		values = append(values, e.Text())
	}
	return values, true
}

// value is the value of that name, if it is of that kind.
func (c Config) value(name string, kind strictjson.Kind, want string) (value strictjson.Value, ok bool) {
	value = c.Value(name)
	switch value.Kind() {
	case strictjson.Nothing:
		return value, false
	case kind:
		return value, true
	}
	c.s.fail("config." + name + ": " + want)
	return strictjson.Value{}, false
}
