package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host/guest"
)

// maxModule bounds the file that inspect reads, in bytes: far above any module, far below what a device file never ends with.
const maxModule = 256 << 20

// refusal is one reason why a module that was inspected would not be loaded.
type refusal struct{ file, reason string }

func (r *refusal) Error() string { return r.file + ": " + r.reason }

func newInspect(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what is in a module, and why it would be refused",
		Long: `inspect reads a module and runs nothing of it: digest, ABI, imports, exports, memory, producers, and what the guest
says of itself. Exit code 1 where run would refuse the module, with every reason.`,
		Example: `  wasmflow inspect payments.wasm
  wasmflow inspect payments.wasm -o json`,
		Args: arguments(1, 1, "one file"),
		RunE: c.verb(func(cmd *cobra.Command, args []string) (outcome, error) {
			return inspect(cmd.Context(), args[0])
		}),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"wasm"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
}

func inspect(ctx context.Context, file string) (outcome, error) {
	wasm, err := readModule(file)
	if err != nil {
		return outcome{}, err
	}
	info, err := guest.Inspect(ctx, wasm)
	var refused *guest.RefusedError
	if err != nil && !errors.As(err, &refused) {
		return outcome{}, err
	}
	o := outcome{info, func(w io.Writer) { printInfo(w, file, info) }}
	var f failures
	for _, reason := range info.Problems {
		f = append(f, &refusal{file, reason})
	}
	if len(f) > 0 {
		return o, f
	}
	return o, nil
}

// readModule reads a regular file: a pipe could make us wait for ever, a device never end.
func readModule(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, &usageError{code: config.CodeUnreadable, err: fmt.Errorf("read %s: %w", file, bare(err))}
	}
	wasm, err := readAll(file)
	if err != nil {
		return nil, &usageError{code: config.CodeUnreadable, err: fmt.Errorf("read %s: %w", file, bare(err))}
	}
	return wasm, nil
}

// bare is err without the name of the file that it is about.
func bare(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

func readAll(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	wasm, err := io.ReadAll(io.LimitReader(f, maxModule+1))
	if err != nil {
		return nil, err
	}
	if len(wasm) > maxModule {
		return nil, fmt.Errorf("larger than %s, that is no module", humanize.IBytes(maxModule))
	}
	return wasm, nil
}

func printInfo(w io.Writer, file string, info guest.Info) {
	t := newTable(w)
	t.AppendRows([]table.Row{{"file", file}, {"sha256", info.Digest}, {"size", humanize.Comma(int64(info.Size)) + " bytes"}})
	if info.Name != "" {
		t.AppendRow(table.Row{"name", info.Name})
	}
	if len(info.ABI) > 0 {
		t.AppendRow(table.Row{"abi", strings.Trim(fmt.Sprintf("v%d", info.ABI), "v[]")})
	}
	if m := info.Memory; m != nil {
		size := humanize.IBytes(m.MinPages << 16)
		if m.MaxPages != nil {
			size += " to " + humanize.IBytes(*m.MaxPages<<16)
		}
		t.AppendRow(table.Row{"memory", size})
	}
	for _, p := range info.Producers {
		t.AppendRow(table.Row{p.Field, strings.TrimSpace(p.Name + " " + p.Version)})
	}
	if len(info.Metadata) > 0 {
		t.AppendRow(table.Row{"metadata", string(info.Metadata)})
	}
	appendExterns(t, "imports", info.Imports)
	appendExterns(t, "exports", info.Exports)
	t.AppendRow(table.Row{"loads", map[bool]string{true: "yes", false: "no"}[len(info.Problems) == 0]})
	t.Render()
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
