package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// keys calls f for every key of the file: its path, its struct and its field.
func keys(t reflect.Type, path string, f func(path string, in reflect.Type, field reflect.StructField)) {
	for i := range t.NumField() {
		field := t.Field(i)
		sub := join(path, field.Tag.Get("yaml"))
		f(sub, t, field)
		inner := field.Type
		switch {
		case inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct:
			inner, sub = inner.Elem(), sub+"[]"
		case inner.Kind() == reflect.Map && inner.Elem().Kind() == reflect.Struct && inner != reflect.TypeFor[properties]():
			inner, sub = inner.Elem(), sub+".NAME"
		}
		if inner.Kind() == reflect.Struct {
			keys(inner, sub, f)
		}
	}
}

func exampleFolder(t *testing.T) string {
	t.Helper()
	example, err := os.ReadFile("example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return write(t, map[string]string{
		"example.yaml": string(example), "payments.wasm": wasm, "audit.wasm": wasm,
		"client.properties": "client.id=payments\n", "kafka-password": "hunter2\n",
	})
}

// TestExampleHasEveryKey loads the annotated example, and looks every key up in it.
func TestExampleHasEveryKey(t *testing.T) {
	t.Parallel()
	name := filepath.Join(exampleFolder(t), "example.yaml")
	conf, err := Load(Options{Files: []string{name}, LookupEnv: func(string) (string, bool) { return "", false }})
	if err != nil {
		t.Fatal(err)
	}
	if len(conf.Warnings) > 0 {
		t.Errorf("warnings %v", conf.Warnings)
	}
	l := &loader{}
	tree := l.file(name)
	if err := l.err(); err != nil {
		t.Fatal(err)
	}
	present := map[string]bool{}
	var walk func(v any, path string)
	walk = func(v any, path string) {
		present[path] = true
		if m, ok := v.(map[string]any); ok {
			for key, item := range m {
				if key == here {
					continue
				}
				walk(item, join(path, key))
				walk(item, join(path, "NAME"))
			}
			return
		}
		if c := cellOf(v); c.kind == kindList {
			for _, item := range c.items {
				walk(item, path+"[]")
			}
		}
	}
	walk(tree, "")
	keys(reflect.TypeFor[file](), "", func(path string, _ reflect.Type, _ reflect.StructField) {
		if ofDefaults(path) {
			path = strings.Replace(path, "pipelines[].transforms[]", "defaults", 1) // the same struct
		}
		if !present[path] {
			t.Errorf("example.yaml lacks %s", path)
		}
	})
}

// TestEveryKeyIsDocumented compares the table of docs/configuration.md with the structs; -update writes it.
func TestEveryKeyIsDocumented(t *testing.T) {
	t.Parallel()
	const name, begin, end = "../docs/configuration.md", "| key | |\n| --- | --- |\n", "\n\n"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 || strings.Count(string(data), "\n") >= 200 {
		t.Fatal("no table of keys, or too many lines")
	}
	var rows []string
	keys(reflect.TypeFor[file](), "", func(path string, _ reflect.Type, field reflect.StructField) {
		doc := field.Tag.Get("doc")
		if doc == "" || !strings.HasSuffix(doc, ".") {
			t.Errorf("%s: no doc tag", path)
		}
		if ofDefaults(path) {
			return
		}
		rows = append(rows, "| `"+path+"` | "+row(field)+" |")
	})
	want := strings.Join(rows, "\n")
	if *update {
		if err := os.WriteFile(name, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// ofDefaults says that a key of a transform is in a struct that defaults has too.
func ofDefaults(path string) bool {
	return strings.Contains(path, "transforms[].limits.") || strings.Contains(path, "transforms[].capabilities.")
}

// row is what the documentation says of a key.
func row(field reflect.StructField) string {
	text := field.Tag.Get("doc")
	if field.Tag.Get("required") != "" {
		text += " Required."
	}
	if v := field.Tag.Get("enum"); v != "" {
		text += " One of `" + strings.ReplaceAll(v, ",", "`, `") + "`."
	}
	if v := field.Tag.Get("default"); v != "" {
		text += " Default: `" + v + "`."
	}
	if low := field.Tag.Get("min"); low != "" && low != field.Tag.Get("max") {
		text += " From " + low + " to " + field.Tag.Get("max") + "."
	}
	return text
}

// TestTags reads what the decoder takes from tags for granted.
func TestTags(t *testing.T) {
	t.Parallel()
	structs := map[string]bool{}
	keys(reflect.TypeFor[file](), "", func(path string, in reflect.Type, field reflect.StructField) {
		structs[in.Name()] = true
		if field.Tag.Get("yaml") == "" {
			t.Errorf("%s of %s has no key", field.Name, in)
		}
		low, high := field.Tag.Get("min"), field.Tag.Get("max")
		if (low == "") != (high == "") {
			t.Errorf("%s has one bound", path)
		}
		for _, text := range []string{low, high, field.Tag.Get("default")} {
			if text == "" {
				continue
			}
			v := reflect.New(field.Type).Elem()
			if _, ok := setScalar(v, &cell{text: text, loose: true}); !ok {
				t.Errorf("%s: %q is not %s", path, text, wanted(field.Type))
			}
			if low != "" && (v.Int() < bound(field.Type, low) || v.Int() > bound(field.Type, high)) {
				t.Errorf("%s: %s is out of its range", path, text)
			}
		}
		if d := field.Tag.Get("enum"); d != "" && field.Tag.Get("default") != "" && !strings.Contains(","+d+",", ","+field.Tag.Get("default")+",") {
			t.Errorf("%s: the default is not a value", path)
		}
		if field.Type == reflect.TypeFor[time.Duration]() && low == "" {
			t.Errorf("%s has no bounds", path)
		}
	})
	for name := range later {
		if !structs[name] {
			t.Errorf("later names %s, which is no struct of the file", name)
		}
	}
}
