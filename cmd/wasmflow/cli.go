package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Forms of a result (-o).
const (
	formatTable = "table"
	formatJSON  = "json"
)

// cli is what all verbs share: the streams and the form of the result.
type cli struct {
	out     *output
	err     io.Writer
	format  string
	refused error // What help could not return.
}

// outcome is what a verb found out: one value, in the two forms that -o offers.
type outcome struct {
	result any
	text   func(w io.Writer)
}

// envelope is the one shape of every JSON answer.
type envelope struct {
	OK      bool      `json:"ok"`
	Command string    `json:"command"`
	Result  any       `json:"result,omitempty"`
	Error   *problem  `json:"error,omitempty"`
	Errors  []problem `json:"errors,omitempty"`
}

// reported is an error that stands in an envelope on stdout already.
type reported struct{ error }

func (r reported) Unwrap() error { return r.error }

// verb makes a cobra function of one that returns its outcome: an outcome is printed also beside an error, where it says
// what was found before it.
func (c *cli) verb(run func(cmd *cobra.Command, args []string) (outcome, error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		o, err := run(cmd, args)
		if c.format == formatJSON {
			return c.envelope(commandName(cmd), o.result, err)
		}
		if o.text != nil {
			o.text(c.out)
		}
		return err
	}
}

// envelope writes the JSON answer and passes err on as reported.
func (c *cli) envelope(command string, result any, err error) error {
	e := envelope{OK: err == nil, Command: command, Result: result}
	if err != nil {
		e.Errors = problems(err)
		e.Error = &e.Errors[0]
	}
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if werr := enc.Encode(e); werr != nil && c.out.err == nil { // A lost answer is told where the program ends.
		return errors.Join(err, fmt.Errorf("write the result: %w", werr))
	}
	if err != nil {
		return reported{err}
	}
	return nil
}

// fail tells the user about an error that nothing has reported yet: in an envelope where JSON was asked for, else on stderr,
// a line for each mistake.
func (c *cli) fail(command string, err error) {
	var r reported
	if err == nil || errors.As(err, &r) {
		return
	}
	if c.format == formatJSON {
		_ = c.envelope(command, nil, err) // It is the error that it was given.
		return
	}
	c.say(err)
}

// lost tells that stdout did not take the answer, and what the answer said of err.
func (c *cli) lost(err, lost error) {
	if c.format == formatJSON && err != nil {
		c.say(err)
	}
	c.say(fmt.Errorf("the result is lost: %w", lost))
}

func (c *cli) say(err error) {
	for _, p := range problems(err) {
		fmt.Fprintln(c.err, p)
	}
}

// commandName is the verb as it was typed, without the program's name: "topics create".
func commandName(cmd *cobra.Command) string {
	return strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()), " ")
}

// wantsJSON looks for -o json before the flags are parsed, so that a mistake in them is answered in JSON too.
func wantsJSON(args []string) bool {
	for i, a := range args {
		switch {
		case a == "--":
			return false
		case a == "-ojson", a == "-o=json", a == "--output=json":
			return true
		case (a == "-o" || a == "--output") && i+1 < len(args) && args[i+1] == formatJSON:
			return true
		}
	}
	return false
}
