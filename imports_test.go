package wasmflow_test

import (
	"strconv"
	"strings"
	"testing"
)

const (
	ourModule = "github.com/wasmflow/wasmflow"
	franz     = "github.com/twmb/franz-go/"
)

// arrow says what the files of a folder may import beside the standard library: paths as prefixes, our own from the root of
// the module. Of several rows the one with the longest folder applies.
type arrow struct {
	folder string
	allow  []string
	// tests may import these too.
	tests []string
}

var (
	kafka   = []string{franz + "pkg/kgo", franz + "pkg/kadm", franz + "pkg/kmsg", franz + "pkg/kerr", franz + "pkg/sasl"}
	compare = []string{"github.com/google/go-cmp"}
	leaks   = []string{"go.uber.org/goleak"}
	logging = []string{"go.uber.org/zap", franz + "plugin/kzap"}
	metrics = []string{"github.com/prometheus/client_golang", "github.com/prometheus/client_model"}
)

// arrows: bytes <- Wasm <- Kafka, and one door for each third party.
var arrows = []arrow{
	{folder: "."},
	{folder: "abi", tests: compare},
	{folder: "host/guest", allow: []string{"abi", "host/guest", "github.com/tetratelabs/wazero", "golang.org/x/sync"}, tests: all(compare, leaks)},
	{folder: "host/guest/internal/meter", tests: compare},
	{folder: "host/internal", allow: []string{"abi"}, tests: compare},
	{
		folder: "host",
		allow:  all([]string{"abi", "host/guest", "host/internal"}, kafka, logging, metrics),
		tests:  all([]string{"host", "internal/devbroker", "internal/script"}, compare, leaks),
	},
	{
		folder: "config",
		allow: all([]string{
			"host", "host/guest", "github.com/knadh/koanf", "go.yaml.in/yaml/v3", "github.com/dustin/go-humanize",
			"github.com/magiconair/properties", "github.com/spf13/pflag",
		}, kafka),
		tests: all([]string{"config", "internal/devbroker"}, compare),
	},
	{folder: "internal/devbroker", allow: all([]string{franz + "pkg/kfake"}, kafka), tests: all(compare, leaks)},
	{folder: "internal/script", tests: compare},
	{
		folder: "internal",
		allow:  all([]string{"abi", "host", "config", "internal", "github.com/dustin/go-humanize"}, kafka, logging, metrics),
		tests:  all(compare, leaks),
	},
	{
		folder: "cmd",
		allow: all([]string{
			"abi", "host", "config", "internal", "github.com/spf13/cobra", "github.com/spf13/pflag",
			"github.com/jedib0t/go-pretty", "github.com/dustin/go-humanize", "go.yaml.in/yaml/v3",
		}, kafka, logging, metrics),
		tests: all([]string{"cmd", "github.com/rogpeppe/go-internal"}, compare, leaks),
	},
	{folder: "guest-sdk", allow: []string{"guest-sdk/go"}},
	{folder: "examples", allow: []string{"guest-sdk/go"}},
	{folder: "tools"},
	{
		folder: "test",
		allow:  all([]string{"abi", "host", "config", "internal/devbroker", "test", "go.yaml.in/yaml/v3"}, kafka, logging, metrics, compare, leaks),
	},
	{folder: "test/conformance/guests", allow: []string{"guest-sdk/go"}},
	{folder: "test/bench/guests", allow: []string{"guest-sdk/go"}},
	{folder: "test/chaos/guests", allow: []string{"guest-sdk/go"}},
	{folder: "test/hostile/guests", allow: []string{"guest-sdk/go"}},
}

func all(lists ...[]string) []string {
	var joined []string
	for _, list := range lists {
		joined = append(joined, list...)
	}
	return joined
}

// doors: a third party whose types must not spread, and the one folder that may know it.
var doors = map[string]string{
	"github.com/tetratelabs/wazero": "host/guest",
	"github.com/knadh/koanf":        "config",
	franz + "pkg/kfake":             "internal/devbroker",
	"github.com/spf13/cobra":        "cmd",
}

// within says whether an import path is the prefix itself or below it.
func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/")
}

func rowOf(file source) *arrow {
	var best *arrow
	for i := range arrows {
		row := &arrows[i]
		inside := file.under(row.folder) || row.folder == "." && !strings.Contains(file.path, "/")
		if inside && (best == nil || len(row.folder) > len(best.folder)) {
			best = row
		}
	}
	return best
}

func checkImports(file source) []violation {
	if file.ast == nil || file.inTestdata() {
		return nil
	}
	row := rowOf(file)
	if row == nil {
		return []violation{file.at(file.ast.Pos(), "the folder has no row in the arrows of imports_test.go: add one that says what it may import")}
	}
	var broken []violation
	for _, spec := range file.ast.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			broken = append(broken, file.at(spec.Pos(), "import path %s cannot be read", spec.Path.Value))
			continue
		}
		if message := refused(file, row, path); message != "" {
			broken = append(broken, file.at(spec.Pos(), "%s", message))
		}
	}
	return broken
}

// refused says why the file may not import the path, or nothing.
func refused(file source, row *arrow, path string) string {
	if path == "C" {
		return "cgo is not used here: a host is one static binary"
	}
	for prefix, folder := range doors {
		if within(path, prefix) && !file.under(folder) {
			return path + " has one door, " + folder + ": use what that package offers"
		}
	}
	own, ours := strings.CutPrefix(path, ourModule)
	own = strings.TrimPrefix(own, "/")
	if first, _, _ := strings.Cut(path, "/"); !ours && !strings.Contains(first, ".") {
		return "" // the standard library
	}
	allowed := row.allow
	if file.isTest() {
		allowed = all(row.allow, row.tests, []string{row.folder})
	}
	for _, prefix := range allowed {
		inside := strings.TrimPrefix(own, prefix)
		if within(path, prefix) || ours && within(own, prefix) && (!strings.Contains(inside, "internal") || file.under(prefix)) {
			return ""
		}
	}
	return row.folder + " may not import " + path + ": move the code to where the arrows of imports_test.go point, or argue for a new arrow there"
}

func TestArrows(t *testing.T) { hold(t, checkImports) }

func TestArrowsCatch(t *testing.T) {
	catch(t, checkImports, []sample{
		{"standard library", "abi/a.go", "package abi\nimport \"os\"\n", nil},
		{"contract imports host", "abi/a.go", "package abi\nimport _ \"" + ourModule + "/host/guest\"\n", []int{2}},
		{"contract imports compare", "abi/a.go", "package abi\nimport _ \"github.com/google/go-cmp/cmp\"\n", []int{2}},
		{"tests of the contract compare", "abi/a_test.go", "package abi_test\nimport (\n_ \"github.com/google/go-cmp/cmp\"\n_ \"" + ourModule + "/abi\"\n)\n", nil},
		{"guest knows Kafka", "host/guest/a.go", "package guest\nimport (\n\t\"context\"\n\t_ \"" + franz + "pkg/kgo\"\n)\n", []int{4}},
		{"guest knows its host", "host/guest/a.go", "package guest\nimport _ \"" + ourModule + "/host\"\n", []int{2}},
		{"host knows wazero", "host/a.go", "package host\nimport _ \"github.com/tetratelabs/wazero/api\"\n", []int{2}},
		{"a test uses kfake", "host/a_test.go", "package host\nimport _ \"" + franz + "pkg/kfake\"\n", []int{2}},
		{"host knows the configuration", "host/a.go", "package host\nimport _ \"" + ourModule + "/config\"\n", []int{2}},
		{"a prefix is not a path", "host/a.go", "package host\nimport _ \"" + ourModule + "/abigail\"\n", []int{2}},
		{"example knows the host", "examples/uppercase/go/main.go", "package main\nimport _ \"" + ourModule + "/abi\"\n", []int{2}},
		{"example uses the SDK", "examples/uppercase/go/main.go", "package main\nimport _ \"" + ourModule + "/guest-sdk/go\"\n", nil},
		{"SDK requires", "guest-sdk/go/a.go", "package wasmflow\nimport _ \"golang.org/x/sync/errgroup\"\n", []int{2}},
		{"suite looks inside", "test/e2e/a_test.go", "package e2e\nimport _ \"" + ourModule + "/host/internal/state\"\n", []int{2}},
		{"cgo", "host/a.go", "package host\nimport \"C\"\n", []int{2}},
		{"folder without a row", "modules/a.go", "package modules\n", []int{1}},
	})
}
