package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/wasmflow/wasmflow/host/guest"
)

// capabilities are those of a transform, or the defaults where it says nothing: its env replaces the other as a whole, so that
// an empty list takes everything away.
func (c *checker) capabilities(path, pipeline string, t *transform) guest.Capabilities {
	own, d := t.Capabilities, c.file.Defaults.Capabilities
	at := path + ".capabilities.env"
	env := own.Env
	if _, given := c.places[at]; !given {
		at, env = "defaults.capabilities.env", d.Env
	}
	c.env(at, env, c.wants(pipeline))
	return guest.Capabilities{
		Clock: guest.Clock(cmp.Or(own.Clock, d.Clock)), Random: guest.Random(cmp.Or(own.Random, d.Random)), Env: env,
	}
}

// env checks names of variables, and that they are set where the transform is to run: one that is missing is more likely to be
// forgotten than meant to be absent.
func (c *checker) env(path string, names []string, runs bool) {
	for i, name := range names {
		at := path + "[" + strconv.Itoa(i) + "]"
		switch {
		case c.bad[at]:
		case name == "" || strings.ContainsAny(name, "=\x00"):
			c.wrong(at, CodeBadValue, "its name alone, without $ and value", "%s is not the name of a variable", c.shown(at, name))
		case slices.Contains(names[:i], name):
			c.wrong(at, CodeDuplicateName, "", "%s is in the list already", c.shown(at, name))
		case runs:
			if _, ok := c.lookup(name); !ok {
				c.wrong(at, CodeMissing, "set it, or take the name out", "the variable %s is not set", c.shown(at, name))
			}
		}
	}
}
