package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/wasmflow/wasmflow/host/guest"
)

// print writes the module as a table, and what it did with a fixture as another.
func (one *inspected) print(w io.Writer, file string) {
	t := newTable(w)
	if one.Transform != "" {
		t.AppendRows([]table.Row{{"pipeline", one.Pipeline}, {"transform", one.Transform}})
	}
	t.AppendRows([]table.Row{{"file", file}, {"sha256", one.Digest}, {"size", humanize.Comma(int64(one.Size)) + " bytes"}})
	if one.Name != "" {
		t.AppendRow(table.Row{"name", one.Name})
	}
	if len(one.ABI) > 0 {
		t.AppendRow(table.Row{"abi", strings.Trim(fmt.Sprintf("v%d", one.ABI), "v[]")})
	}
	if m := one.Memory; m != nil {
		size := humanize.IBytes(m.MinPages << 16)
		if m.MaxPages != nil {
			size += " to " + humanize.IBytes(*m.MaxPages<<16)
		}
		t.AppendRow(table.Row{"memory", size})
	}
	if one.Meter != nil {
		t.AppendRow(table.Row{"fuel", fmt.Sprintf("%s, meter version %d", one.Meter.Mode, one.Meter.Version)})
	}
	if one.Capabilities != nil {
		lines := granted(*one.Capabilities)
		if len(lines) == 0 {
			lines = []string{"none"}
		}
		t.AppendRow(table.Row{"granted", strings.Join(lines, "\n")})
	}
	for _, p := range one.Producers {
		t.AppendRow(table.Row{p.Field, strings.TrimSpace(p.Name + " " + p.Version)})
	}
	if len(one.Metadata) > 0 {
		t.AppendRow(table.Row{"metadata", string(one.Metadata)})
	}
	appendExterns(t, "imports", one.Imports)
	appendExterns(t, "exports", one.Exports)
	t.AppendRow(table.Row{"loads", map[bool]string{true: "yes", false: "no"}[len(one.Problems) == 0]})
	t.Render()
	if one.Run != nil {
		one.Run.print(w)
	}
}

func appendExterns(t table.Writer, title string, list []guest.Extern) {
	for _, x := range list {
		name := x.Name
		if x.Module != "" {
			name = x.Module + "." + name
		}
		t.AppendRow(table.Row{title, strings.TrimSpace(name + " " + strings.TrimPrefix(x.Type, "func"))})
		title = ""
	}
}
