package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
)

// write puts files into a folder of their own, and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const wasm = "\x00asm\x01\x00\x00\x00"

const wasmDigest = "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476"

// loadText loads one file of this text, with a module m.wasm beside it.
func loadText(t *testing.T, text string, o Options) (*Config, error) {
	t.Helper()
	dir := write(t, map[string]string{"c.yaml": text, "m.wasm": wasm})
	o.Files = []string{filepath.Join(dir, "c.yaml")}
	return Load(o)
}

const small = `
kafka: { bootstrap_servers: [k:9092] }
pipelines:
  - name: p
    inputs: { topics: [in] }
    transforms: [{ name: t, module: m.wasm }]
    outputs: { out: { topic: out } }
`

func TestEveryFieldReachesTheHost(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"m.wasm": wasm, "c.yaml": `
version: 1
kafka: { bootstrap_servers: "a:1, b:2" }
modules: { cache_dir: cache, require_digest: true }
defaults: { limits: { memory: 32MiB, input_bytes: 1MB, output_records: 7, output_bytes: 2MiB, timeout: 3s, fuel_per_record: 5, fuel_per_batch: 6, fuel_mode: coarse }, capabilities: { clock: wall, env: [REGION, STAGE] } }
pipelines:
  - name: p
    inputs: { topics_regex: 'in\..*', group: g, start: latest, isolation: read_uncommitted }
    transforms:
      - { name: t, module: m.wasm, sha256: ` + wasmDigest + `, config: { a: [1, 2.50, "x", null, true, { b: 2024-01-01 }] } }
      - { name: u, module: ./m.wasm, sha256: ` + strings.ToUpper(wasmDigest) + `, limits: { memory: 16MiB, output_records: 9, timeout: 4s, fuel_per_record: 7, fuel_per_batch: 8, fuel_mode: exact }, capabilities: { clock: record, random: system, env: [] } }
    outputs: { one: { topic: o1 }, two: { topic: o2, default: true } }
    guarantee: at_least_once
    transaction: { id_prefix: x, timeout: 20s, max_records: 5, max_bytes: 1MiB, max_delay: 1s, max_guest_time: 2s, compression: lz4 }
    instance: i
    workers: 3
    group_protocol: consumer
    require_transaction_v2: enforce
    on_out_of_range: latest
    errors: { on_error: dead_letter, retries: 3, dead_letter: { topic: d, max_ratio: 0.05, window: 2m } }
log: { level: warn, format: json }
shutdown: { drain: 3s, leave: always }
`})
	set := func(name string) (string, bool) { return "", name == "REGION" || name == "STAGE" }
	got, err := Load(Options{Files: []string{filepath.Join(dir, "c.yaml")}, LookupEnv: set})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "m.wasm")
	at := func(line, column int, path string) Place {
		return Place{File: filepath.Join(dir, "c.yaml"), Line: line, Column: column, Path: path}
	}
	want := &Config{
		Brokers: []string{"a:1", "b:2"}, CacheDir: filepath.Join(dir, "cache"), CacheDirAt: at(4, 23, "modules.cache_dir"),
		Log: Log{Level: "warn", Format: "json"}, Drain: 3 * time.Second,
		Modules: []Module{
			{
				Pipeline: "p", Transform: "t", Path: path, Pinned: wasmDigest, Digest: wasmDigest,
				At: at(10, 28, "pipelines[0].transforms[0].module"), ConfigAt: at(10, 118, "pipelines[0].transforms[0].config"),
			},
			{
				Pipeline: "p", Transform: "u", Path: path, Pinned: wasmDigest, Digest: wasmDigest,
				At: at(11, 28, "pipelines[0].transforms[1].module"), ConfigAt: at(11, 28, "pipelines[0].transforms[1].module"),
			},
		},
		Pipelines: []host.Config{{
			Name: "p", Brokers: []string{"a:1", "b:2"}, Group: "g", InputsRegex: `in\..*`,
			Outputs: map[string]string{"one": "o1", "two": "o2"}, DefaultOutput: "two",
			Transforms: []guest.Config{
				{
					Name: "t", Wasm: []byte(wasm), Params: map[string]any{"a": []any{
						int64(1), json.Number("2.50"), "x", nil, true, map[string]any{"b": "2024-01-01"},
					}},
					Limits: guest.Limits{
						Memory: 32 << 20, InputBytes: 1e6, OutputRecords: 7, OutputBytes: 2 << 20,
						Timeout: 3 * time.Second, FuelPerRecord: 5, FuelPerBatch: 6, FuelMode: guest.FuelCoarse,
					},
					Capabilities: guest.Capabilities{Clock: guest.ClockWall, Env: []string{"REGION", "STAGE"}},
				},
				{
					Name: "u", Wasm: []byte(wasm),
					Limits: guest.Limits{
						Memory: 16 << 20, InputBytes: 1e6, OutputRecords: 9, OutputBytes: 2 << 20,
						Timeout: 4 * time.Second, FuelPerRecord: 7, FuelPerBatch: 8, FuelMode: guest.FuelExact,
					},
					Capabilities: guest.Capabilities{Clock: guest.ClockRecord, Random: guest.RandomSystem, Env: []string{}},
				},
			},
			Start: host.StartLatest, Isolation: host.ReadUncommitted, Guarantee: host.AtLeastOnce,
			Instance: "i", IDPrefix: "x", Workers: 3, GroupProtocol: host.GroupConsumer,
			RequireTransactionV2: host.TransactionV2Enforce, OnOutOfRange: host.OutOfRangeLatest,
			TransactionTimeout: 20 * time.Second, MaxRecords: 5, MaxBytes: 1 << 20, MaxDelay: time.Second,
			MaxGuestTime: 2 * time.Second, Compression: host.CompressionLz4, Drain: 3 * time.Second, Leave: host.LeaveAlways,
			Errors: host.ErrorPolicy{OnError: host.OnErrorDeadLetter, Retries: 3, DeadLetter: "d", MaxRatio: 0.05, Window: 2 * time.Minute},
		}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(guest.Config{}, "LookupEnv")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestLaterSourcesWin(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"m.wasm": wasm, "a.yaml": small + "log: { level: warn, format: json }\nshutdown: { drain: 1s }\n",
		"b.yaml": "log: { level: error }\n",
	})
	files := []string{filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")}
	environ := []string{"WASMFLOW_LOG__LEVEL=debug", "WASMFLOW_PIPELINES__P__WORKERS=5", "PATH=/bin", "WASMFLOW_KAFKA__BOOTSTRAP_SERVERS=e:1,f:2"}
	set := []string{"log::level=info", "pipelines::0::inputs::topics=x,y", "pipelines::p::transforms::t::config={a: 1, b: \"2\"}", "pipelines::p::transforms::t::config::c=0x"}
	x := []string{"bootstrap.servers=x:1"}
	type seen struct {
		Level, Format string
		Drain         time.Duration
		Brokers       []string
		Workers       int
		Inputs        []string
		Params        map[string]any
	}
	for name, c := range map[string]struct {
		o    Options
		want seen
	}{
		"defaults and a file": {Options{Files: files[:1]}, seen{"warn", "json", time.Second, []string{"k:9092"}, 0, []string{"in"}, nil}},
		"two files":           {Options{Files: files}, seen{"error", "json", time.Second, []string{"k:9092"}, 0, []string{"in"}, nil}},
		"environment":         {Options{Files: files, Environ: environ}, seen{"debug", "json", time.Second, []string{"e:1", "f:2"}, 5, []string{"in"}, nil}},
		"set": {Options{Files: files, Environ: environ, Set: set}, seen{
			"info", "json", time.Second, []string{"e:1", "f:2"}, 5, []string{"x", "y"}, map[string]any{"a": int64(1), "b": "2", "c": "0x"},
		}},
		"-X": {Options{Files: files, Environ: environ, Kafka: x}, seen{"debug", "json", time.Second, []string{"x:1"}, 5, []string{"in"}, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf, err := Load(c.o)
			if err != nil {
				t.Fatal(err)
			}
			p := conf.Pipelines[0]
			got := seen{conf.Log.Level, conf.Log.Format, conf.Drain, p.Brokers, p.Workers, p.Inputs, p.Transforms[0].Params}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestEnvironmentAlone(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"m.wasm": wasm})
	conf, err := Load(Options{Environ: []string{
		"WASMFLOW_KAFKA__BOOTSTRAP_SERVERS=embedded",
		"WASMFLOW_PIPELINES__0__NAME=p",
		"WASMFLOW_PIPELINES__0__INPUTS__TOPICS=a,b",
		"WASMFLOW_PIPELINES__0__TRANSFORMS__0__NAME=t",
		"WASMFLOW_PIPELINES__0__TRANSFORMS__0__MODULE=" + filepath.Join(dir, "m.wasm"),
		"WASMFLOW_PIPELINES__0__OUTPUTS__OUT__TOPIC=c",
		"WASMFLOW_PORT_8080_TCP_ADDR=10.0.0.1", "WASMFLOW_ADMIN_SERVICE_PORT=1", // what Kubernetes adds
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !conf.Embedded || len(conf.Brokers) != 0 || conf.Pipelines[0].Outputs["out"] != "c" || len(conf.Pipelines[0].Inputs) != 2 {
		t.Errorf("%+v", conf)
	}
}

// TestPipelines asks for one pipeline of two, of which the other one's module is not there.
func TestPipelines(t *testing.T) {
	t.Parallel()
	text := small + "  - { name: q, inputs: { topics: [in] }, transforms: [{ name: t, module: nowhere.wasm, sha256: " + wasmDigest + " }], outputs: { out: { topic: out2 } } }\n"
	conf, err := loadText(t, text, Options{Pipelines: []string{"p"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(conf.Pipelines) != 1 || conf.Pipelines[0].Name != "p" || len(conf.Modules) != 1 || conf.Modules[0].Pipeline != "p" {
		t.Errorf("%+v", conf)
	}
	for name, o := range map[string]Options{
		"all of them":                       {},
		"the broken one":                    {Pipelines: []string{"p", "q"}},
		"a mistake beside":                  {Pipelines: []string{"p"}, Set: []string{"pipelines::q::workers=0"}},
		"one that there is not":             {Pipelines: []string{"p", "r"}},
		"one that there is not, of no name": {Pipelines: []string{""}},
	} {
		if _, err := loadText(t, text, o); err == nil {
			t.Errorf("%s: nothing was said", name)
		}
	}
	_, err = loadText(t, strings.Replace(text, "name: q", "name: '${env:X}'", 1), Options{
		Pipelines: []string{"payment"}, LookupEnv: func(string) (string, bool) { return "payments", true },
	})
	want := `flag --pipeline payment: there is no pipeline "payment"; there are p, ${env:X}`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"no source":   {},
		"no file":     {Files: []string{"nowhere.yaml"}},
		"a folder":    {Files: []string{"."}},
		"bad setting": {Set: []string{"a"}},
	} {
		if conf, err := Load(o); err == nil || conf != nil {
			t.Errorf("%s: %+v, %v", name, conf, err)
		}
	}
}

func TestSubstitution(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"secret": "from file\r\n", "crlf": "a\n\n"})
	l := &loader{lookup: func(name string) (string, bool) {
		v, ok := map[string]string{"X": "x${env:Y}", "EMPTY": ""}[name]
		return v, ok
	}}
	for text, want := range map[string]string{
		"plain $ {x} $$":           "plain $ {x} $$",
		"${env:X}":                 "x${env:Y}", // what is put in is not looked at again
		"a${env:X}b${env:X}":       "ax${env:Y}bx${env:Y}",
		"${env:EMPTY}":             "",
		"${env:EMPTY:-d}":          "d",
		"${env:NO:-}":              "",
		"${env:NO:-a:-b}":          "a:-b",
		"$${env:X}":                "${env:X}",
		"${file:secret}":           "from file",
		"${file:crlf}":             "a\n",
		"${file:" + dir + "/crlf}": "a\n",
	} {
		got, replaced, problem := l.substitute(text, place{dir: dir})
		if problem != nil || got != want || replaced != (strings.Contains(text, "${") && !strings.Contains(text, "$${")) {
			t.Errorf("%q: got %q, %v, %v", text, got, replaced, problem)
		}
	}
}
