package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/wasmflow/wasmflow/internal/deadletters"
)

// shown is the result of `dlq show`: a letter with its record.
type shown struct {
	letterRow
	Key     *content      `json:"key"`   // null as the record has it
	Value   *content      `json:"value"` // likewise
	Headers []shownHeader `json:"headers"`
	Stack   []string      `json:"stack"`
}

type shownHeader struct {
	Key   string   `json:"key"`
	Value *content `json:"value"`
}

// content are bytes as text, or in hexadecimal where they are none.
type content struct {
	Text *string `json:"text,omitempty"`
	Hex  *string `json:"hex,omitempty"`

	raw []byte
}

func newDLQShow(c *cli) *cobra.Command {
	var f dlqFlags
	cmd := &cobra.Command{
		Use:   "show -c FILE... PARTITION/OFFSET",
		Short: "Show one dead letter whole: its record, its cause, the guest's stack",
		Long: `show prints the record of a letter as it was read from its source, with the headers that it had there, and what the host
wrote about it. What is no text is shown in hexadecimal. It changes nothing.`,
		Example: `  wasmflow dlq show -c config.yaml 0/17
  wasmflow dlq show -c config.yaml 0/17 -o json`,
		Args: arguments(1, 1, "the partition and offset of a letter"),
		RunE: c.verb(func(cmd *cobra.Command, args []string) (outcome, error) {
			partition, offset, err := parseLetter(args[0])
			if err != nil {
				return outcome{}, &usageError{code: "usage", err: err, help: cmd.CommandPath() + " --help"}
			}
			_, _, topic, err := f.open(cmd)
			if err != nil {
				return outcome{}, err
			}
			defer topic.Close()
			l, err := topic.Read(cmd.Context(), partition, offset)
			if err != nil {
				return outcome{}, dlqError(cmd, err)
			}
			s := showLetter(l)
			return outcome{s, s.print}, nil
		}),
	}
	f.add(cmd)
	return cmd
}

func parseLetter(s string) (int32, int64, error) {
	first, second, _ := strings.Cut(s, "/")
	partition, err1 := strconv.ParseUint(first, 10, 31)
	offset, err2 := strconv.ParseUint(second, 10, 63)
	if err1 != nil || err2 != nil {
		return 0, 0, errors.New(strconv.Quote(s) + " is not the PARTITION/OFFSET of a letter, as `dlq list` shows it")
	}
	return int32(partition), int64(offset), nil
}

func showLetter(l *deadletters.Letter) *shown {
	s := &shown{letterRow: rowOf(l), Key: contentOf(l.Key), Value: contentOf(l.Value), Headers: []shownHeader{}, Stack: []string{}}
	for _, h := range l.Headers {
		s.Headers = append(s.Headers, shownHeader{strings.ToValidUTF8(h.Key, "\uFFFD"), contentOf(h.Value)})
	}
	if l.Cause != nil && l.Cause.Stack != "" {
		s.Stack = strings.Split(l.Cause.Stack, "\n")
	}
	return s
}

// contentOf is nil for null.
func contentOf(b []byte) *content {
	if b == nil {
		return nil
	}
	c := &content{raw: b}
	if text := string(b); isText(text) {
		c.Text = &text
	} else {
		digits := hex.EncodeToString(b)
		c.Hex = &digits
	}
	return c
}

// isText says whether a terminal can show it as it is.
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' })
}

func (c *content) String() string {
	switch {
	case c == nil:
		return "null"
	case c.Text != nil && *c.Text == "":
		return "empty"
	case c.Text != nil:
		return *c.Text
	}
	return "\n" + strings.TrimSuffix(hex.Dump(c.raw), "\n")
}

func (s *shown) print(w io.Writer) {
	state := "not done"
	if s.Done {
		state = "done: replayed, purged or copied"
	}
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-10s %s\n", name+":", fmt.Sprintf(format, args...))
	}
	line("letter", "%d/%d, %s", s.Partition, s.Offset, state)
	line("time", "%s", s.Time.Format(time.RFC3339Nano))
	line("back", "%d times", s.Replayed)
	if s.Source == nil {
		line("cause", "unknown: no wasmflow wrote it")
	} else {
		line("source", "%s", s.Source)
		line("pipeline", "%s", printable(s.Pipeline))
		line("transform", "%s", printable(s.Transform))
		line("module", "%s", printable(s.Module))
		line("kind", "%s, after %d attempts", printable(s.Kind), s.Attempts)
		line("message", "%s", printable(s.Message))
		for _, f := range s.Stack {
			line("", "  %s", printable(f))
		}
	}
	line("key", "%s", s.Key)
	line("value", "%s", s.Value)
	for _, h := range s.Headers {
		line("header", "%s = %s", printable(h.Key), h.Value)
	}
}
