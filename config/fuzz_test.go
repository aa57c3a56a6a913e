package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLoad gives any bytes as a file: no panic, and every problem says where it stands.
func FuzzLoad(f *testing.F) {
	names, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "a::b=c", "x=y")
	}
	f.Add([]byte("a: &a {b: &b [*a, *b]}\n<<: [*a, {<<: *b}]"), "pipelines::0::name=x", "sasl.jaas.config=x required a=\"\\")
	f.Add([]byte(small), "pipelines::p::transforms::t::config=[{a: &a [*a]}]", "ssl.truststore.certificates=-----BEGIN X-----")
	f.Fuzz(func(t *testing.T, data []byte, set, kafka string) {
		l := &loader{lookup: func(string) (string, bool) { return "hunter2", true }}
		tree := l.readYAML(data, place{file: "f.yaml", dir: t.TempDir(), layer: 1})
		if tree == nil && len(l.problems) == 0 {
			t.Fatal("neither a mapping nor a problem")
		}
		name := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(Options{Files: []string{name}, Set: []string{set}, Kafka: []string{kafka}, Environ: []string{"WASMFLOW_" + set}, LookupEnv: l.lookup})
		var problems *Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("%T: %v", err, err)
		}
		if problems == nil {
			return
		}
		for _, p := range problems.List {
			outside := strings.HasPrefix(p.File, "flag ") || strings.HasPrefix(p.File, "environment ")
			if p.File == "" || p.Line == 0 && p.File == name && p.Code != CodeEmpty && p.Code != CodeMissing && p.Code != CodeTooLarge || p.Line != 0 && outside {
				t.Errorf("without its place: %+v", p)
			}
			if strings.Contains(p.Error(), "hunter2") && !strings.Contains(string(data)+set+kafka, "hunter2") {
				t.Errorf("a secret shows: %v", p)
			}
		}
	})
}
