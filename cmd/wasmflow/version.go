package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wasmflow/wasmflow/abi"
)

// version is set by the build where it knows better than the Go tool (make build).
var version string

// versions is the result of the verb.
type versions struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	ABI      int    `json:"abi"`
	Wazero   string `json:"wazero"`
	Franz    string `json:"franz_go"`
}

func newVersion(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and those of what it is made of",
		Example: `  wasmflow version
  wasmflow version -o json`,
		Args: arguments(0, 0, "no arguments"),
		RunE: c.verb(func(*cobra.Command, []string) (outcome, error) {
			v := buildVersions(debug.ReadBuildInfo())
			return outcome{v, v.print}, nil
		}),
	}
}

// buildVersions reads what the Go tool wrote into the binary; what it did not write is "unknown".
func buildVersions(info *debug.BuildInfo, ok bool) versions {
	v := versions{
		Version: "unknown", Commit: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		ABI: abi.Version, Wazero: "unknown", Franz: "unknown",
	}
	if !ok {
		return v
	}
	v.Version = cmp.Or(version, info.Main.Version, v.Version)
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	for _, d := range info.Deps {
		if d.Replace != nil {
			d.Version = d.Replace.Path + " " + d.Replace.Version
		}
		switch d.Path {
		case "github.com/tetratelabs/wazero":
			v.Wazero = d.Version
		case "github.com/twmb/franz-go":
			v.Franz = d.Version
		}
	}
	return v
}

func (v versions) print(w io.Writer) {
	commit := v.Commit
	if v.Modified {
		commit += " (modified)"
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintf(t, "wasmflow\t%s\ncommit\t%s\ngo\t%s %s\nabi\tv%d\nwazero\t%s\nfranz-go\t%s\n", v.Version, commit, v.Go, v.Platform, v.ABI, v.Wazero, v.Franz)
}
