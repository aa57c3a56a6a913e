package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expected problems in testdata")

// TestGolden loads every testdata/*.yaml and compares what Load says with the .txt beside it. Lines "# env NAME=value",
// "# set a::b=value", "# -X name=value" and "# then FILE" at the head of a file add sources; of the variables that
// ${env:...} reads, only "# var NAME=value" are set.
func TestGolden(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if strings.Contains(name, ".part.") {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			want := strings.TrimSuffix(name, ".yaml") + ".txt"
			got := outcome(t, headOptions(t, name))
			if *update {
				if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			data, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(data), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func headOptions(t *testing.T, name string) Options {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{}
	o := Options{Files: []string{name}, LookupEnv: func(k string) (string, bool) { v, ok := vars[k]; return v, ok }}
	for line := range strings.Lines(string(data)) {
		word, rest, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(line, "# "), "\n"), " ")
		switch {
		case !strings.HasPrefix(line, "# "):
			return o
		case word == "env":
			o.Environ = append(o.Environ, rest)
		case word == "set":
			o.Set = append(o.Set, rest)
		case word == "-X":
			o.Kafka = append(o.Kafka, rest)
		case word == "then":
			o.Files = append(o.Files, filepath.Join("testdata", rest))
		case word == "var":
			k, v, _ := strings.Cut(rest, "=")
			vars[k] = v
		}
	}
	return o
}

func outcome(t *testing.T, o Options) string {
	t.Helper()
	conf, err := Load(o)
	var b strings.Builder
	var problems *Problems
	if errors.As(err, &problems) {
		for _, p := range problems.List {
			if p.File == "" || p.Message == "" || p.Code == "" {
				t.Errorf("a problem without its source, words or code: %+v", p)
			}
			fmt.Fprintf(&b, "%s: %s\n", p.Code, p.Error())
		}
		return b.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	b.WriteString("ok\n")
	for _, p := range conf.Warnings {
		fmt.Fprintf(&b, "warning: %s: %s\n", p.Code, p.Error())
	}
	return b.String()
}
