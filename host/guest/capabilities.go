package guest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Clock says what the clocks of a guest show.
type Clock string

const (
	// ClockRecord shows the largest timestamp of the batch, and a tick more at each look. Nothing takes time: to wait moves it on.
	ClockRecord Clock = "record"
	// ClockWall shows the time of the host, also while an instance is initialized. To wait takes time, at most Limits.Timeout.
	ClockWall Clock = "wall"
)

// Random says where the random numbers of a guest come from.
type Random string

const (
	// RandomSeeded numbers follow from module, topic, partition and offset: the same batch gets the same ones. They are
	// guessable.
	RandomSeeded Random = "seeded"
	// RandomSystem numbers are those of the operating system.
	RandomSystem Random = "system"
)

// Capabilities open what is closed to a guest by default. With any of them an equal history of calls gives equal results no
// more. Zero fields mean the defaults; a native transform has them all, as Go code of the host.
type Capabilities struct {
	// Clock is ClockRecord by default.
	Clock Clock `json:"clock"`
	// Random is RandomSeeded by default.
	Random Random `json:"random"`
	// Env are the names of the variables of the host's environment that the guest finds in its own, none by default. Load
	// reads them, and refuses a name that is not set; an empty value is one.
	Env []string `json:"env"`
}

// check says which capabilities do not exist, all of them.
func (c Capabilities) check() error {
	var errs []error
	if c.Clock != "" && c.Clock != ClockRecord && c.Clock != ClockWall {
		errs = append(errs, fmt.Errorf("Capabilities.Clock: %s or %s (got %q)", ClockRecord, ClockWall, c.Clock))
	}
	if c.Random != "" && c.Random != RandomSeeded && c.Random != RandomSystem {
		errs = append(errs, fmt.Errorf("Capabilities.Random: %s or %s (got %q)", RandomSeeded, RandomSystem, c.Random))
	}
	for n, name := range c.Env {
		switch {
		case name == "" || strings.ContainsAny(name, "=\x00"):
			errs = append(errs, fmt.Errorf("Capabilities.Env: %q is not the name of a variable", name))
		case slices.Contains(c.Env[:n], name):
			errs = append(errs, fmt.Errorf("Capabilities.Env: %s is given twice", name))
		}
	}
	return errors.Join(errs...)
}

// Complete is c with the defaults where it is empty, and a list of its own.
func (c Capabilities) Complete() Capabilities {
	if c.Clock == "" {
		c.Clock = ClockRecord
	}
	if c.Random == "" {
		c.Random = RandomSeeded
	}
	c.Env = append([]string{}, c.Env...)
	return c
}

// environ are the variables that the guest gets, NAME=value each. Values may be secrets: no error shows one.
func (c *Config) environ() (vars []string, err error) {
	lookup := c.LookupEnv
	if lookup == nil {
		lookup = os.LookupEnv
	}
	var errs []error
	for _, name := range c.Capabilities.Env {
		value, ok := lookup(name)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("transform %q: Capabilities.Env: %s is not set in the environment of the host: set it, or take the name out", c.Name, name))
		case strings.Contains(value, "\x00"):
			errs = append(errs, fmt.Errorf("transform %q: Capabilities.Env: the value of %s holds a zero byte", c.Name, name))
		}
		vars = append(vars, name+"="+value)
	}
	return vars, errors.Join(errs...)
}
