package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/internal/deadletters"
)

// listed is the result of `dlq list`.
type listed struct {
	Topic    string         `json:"topic"`
	Group    string         `json:"group"`
	Pending  int            `json:"pending"`
	Chosen   int            `json:"chosen"`
	Foreign  int            `json:"foreign"`
	Kinds    map[string]int `json:"kinds"`
	Letters  []letterRow    `json:"letters"`
	Warnings []string       `json:"warnings"`

	names []string // of Kinds, in order
}

// letterRow is a letter without its record.
type letterRow struct {
	Partition int32              `json:"partition"`
	Offset    int64              `json:"offset"`
	Time      time.Time          `json:"time"`
	Done      bool               `json:"done"`
	Replayed  int                `json:"replayed"`
	Source    *deadletters.Place `json:"source"` // null where no host wrote it
	Pipeline  string             `json:"pipeline,omitempty"`
	Transform string             `json:"transform,omitempty"`
	Module    string             `json:"module,omitempty"`
	Kind      string             `json:"kind,omitempty"`
	Message   string             `json:"message,omitempty"`
	Attempts  int                `json:"attempts,omitempty"`
}

func newDLQList(c *cli) *cobra.Command {
	var f dlqFlags
	var choose filterFlags
	var all bool
	var limit int
	cmd := &cobra.Command{
		Use:   "list -c FILE...",
		Short: "List the dead letters that are not done, with their causes",
		Long: `list reads the letters that were neither replayed nor purged, and counts them by kind. A letter is named by its partition
and offset in the dead-letter topic; its time is that of the record. It changes nothing.`,
		Example: `  wasmflow dlq list -c config.yaml
  wasmflow dlq list -c config.yaml --pipeline payments --kind refused --since 2h
  wasmflow dlq list -c config.yaml --source payments.raw/3 --limit 0 -o json`,
		Args: arguments(0, 0, "no arguments"),
		RunE: c.verb(func(cmd *cobra.Command, _ []string) (outcome, error) {
			filter, err := choose.filter(time.Now())
			if err != nil {
				return outcome{}, err
			}
			_, pipeline, topic, err := f.open(cmd)
			if err != nil {
				return outcome{}, err
			}
			defer topic.Close()
			l, err := topic.List(cmd.Context(), filter, all, limit)
			if err != nil {
				return outcome{}, dlqError(cmd, err)
			}
			out := listing(pipeline, l)
			return outcome{out, out.print}, nil
		}),
	}
	f.add(cmd)
	choose.add(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "also those that are done and still lie there")
	cmd.Flags().IntVar(&limit, "limit", 100, "the newest so many; 0: all")
	return cmd
}

func listing(p host.Config, l *deadletters.Listing) *listed {
	out := &listed{
		Topic: l.Topic, Group: l.Group, Pending: l.Pending, Chosen: l.Chosen, Foreign: l.Foreign, Kinds: map[string]int{},
		Letters: []letterRow{}, Warnings: []string{},
	}
	for _, kind := range l.KindNames() {
		name := kind
		if name == "" {
			name = "unknown"
		}
		out.names = append(out.names, name)
		out.Kinds[name] = l.Kinds[kind]
	}
	for _, one := range l.Letters {
		out.Letters = append(out.Letters, rowOf(one))
	}
	if l.Foreign > 0 {
		out.Warnings = append(out.Warnings, foreignWarning(p.Name, l.Foreign))
	}
	if len(l.OtherGroups) > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%s has offsets in this topic too: what it has done is not known here; see --group", strings.Join(l.OtherGroups, ", ")))
	}
	return out
}

func foreignWarning(pipeline string, n int) string {
	return fmt.Sprintf("%d records of the topic are no dead letters of pipeline %q: replay and purge leave them", n, pipeline)
}

func rowOf(l *deadletters.Letter) letterRow {
	row := letterRow{Partition: l.Partition, Offset: l.Offset, Time: l.Time.UTC(), Done: l.Done, Replayed: l.Replayed}
	if c := l.Cause; c != nil {
		row.Source, row.Pipeline, row.Transform, row.Module = &c.Source, c.Pipeline, c.Transform, c.Digest
		row.Kind, row.Message, row.Attempts = c.Kind, c.Message, c.Attempts
	}
	return row
}

func (l *listed) print(w io.Writer) {
	if len(l.Letters) > 0 {
		l.printLetters(w)
		t := newTable(w)
		t.AppendHeader(table.Row{"kind", "letters"})
		for _, kind := range l.names {
			t.AppendRow(table.Row{kind, l.Kinds[kind]})
		}
		t.Render()
	}
	if n := len(l.Letters); n < l.Chosen {
		fmt.Fprintf(w, "the newest %d of %d letters; --limit 0 shows all\n", n, l.Chosen)
	}
	fmt.Fprintf(w, "%d letters of topic %s are not done, by group %s\n", l.Pending, l.Topic, l.Group)
	for _, text := range l.Warnings {
		fmt.Fprintf(w, "warning: %s\n", text)
	}
}

// leastMessage is how much of a message is shown, however narrow the terminal is.
const leastMessage = 24

func (l *listed) printLetters(w io.Writer) {
	t := newTable(w)
	head := table.Row{"letter", "time", "source", "transform", "kind", "back", "message"}
	t.AppendHeader(head)
	widths := make([]int, len(head)-1)
	for i := range widths {
		widths[i] = len(head[i].(string))
	}
	rows := make([]table.Row, len(l.Letters))
	for i, one := range l.Letters {
		source := "unknown"
		if one.Source != nil {
			source = one.Source.String()
		}
		letter := fmt.Sprintf("%d/%d", one.Partition, one.Offset)
		if one.Done {
			letter += " done"
		}
		cells := []string{letter, one.Time.Format(time.RFC3339), source, printable(one.Transform), printable(one.Kind), fmt.Sprint(one.Replayed)}
		for n, cell := range cells {
			widths[n] = max(widths[n], len([]rune(cell)))
			rows[i] = append(rows[i], cell)
		}
	}
	left := terminalWidth(w) - len("|  |")
	for _, n := range widths {
		left -= n + len(" | ")
	}
	for i, one := range l.Letters {
		t.AppendRow(append(rows[i], clip(printable(one.Message), max(left, leastMessage))))
	}
	t.Render()
}

// printable is a text in one line without anything that a terminal would obey.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

// clip cuts a text to so many characters.
func clip(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most-1]) + "…"
}
