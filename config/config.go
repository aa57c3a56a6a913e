// Package config turns files, environment variables and flags into the pipelines that a host runs. Whatever is wrong is
// reported at once, each mistake with the place where it was written, the path of its key, and what to do.
//
// It reads files and modules, opens no connection and starts nothing.
package config

import (
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host"
)

// Options say where configuration comes from. Later sources win: defaults, files in order, environment, Set, Kafka.
type Options struct {
	// Files are paths of YAML files. Mappings are merged key by key; of lists the later one replaces the earlier.
	Files []string
	// Environ is the environment in the form of os.Environ; variables WASMFLOW_A__B set a::b. Nil sets nothing.
	Environ []string
	// Set are settings a::b=value, as of the flag --set. An item of a list is named by its index or its name.
	Set []string
	// Kafka are settings property=value with Kafka's own names, as of the flag -X.
	Kafka []string
	// Pipelines are the names of those that are wanted, as of the flag --pipeline; none means all. The others are held to the
	// rules too, but their modules are not read and they are left out of the result.
	Pipelines []string
	// LookupEnv finds the variables of ${env:X}; nil means os.LookupEnv.
	LookupEnv func(string) (string, bool)
}

// Config is what a configuration says, checked.
type Config struct {
	// Pipelines are complete but for Logger, Metrics, Hooks and the transforms' Cache and Log, which the caller sets.
	Pipelines []host.Config
	// Modules says for each transform of each pipeline, in order, where its module came from.
	Modules []Module
	// Brokers and Kafka are the connection that all pipelines share; each pipeline has them too.
	Brokers []string
	// Kafka are the client options made of kafka.properties: TLS and SASL above all.
	Kafka []kgo.Opt
	// Embedded asks for the broker inside the process. Brokers is empty then, and the caller sets it once that broker runs.
	Embedded bool
	// CacheDir is the folder for compiled modules, ours; empty where neither the file nor the system names one.
	CacheDir string
	// CacheDirAt is where it is written, or what would hold it.
	CacheDirAt Place
	// Log is how the process logs.
	Log Log
	// Drain bounds the end of open transactions at shutdown.
	Drain time.Duration
	// Warnings are worth a log line each, and stop nothing.
	Warnings []Problem
}

// Module is the module of one transform.
type Module struct {
	// Pipeline and Transform that it belongs to.
	Pipeline, Transform string
	// Path of the file that was read.
	Path string
	// Pinned is the sha256 that the configuration demands, in lower-case hexadecimal; empty where it demands none.
	Pinned string
	// Digest is the sha256 of what was read, in lower-case hexadecimal.
	Digest string
	// At is where the module is named; ConfigAt where the transform's own configuration stands, At where it has none.
	At, ConfigAt Place
}

// Place is where something is written in a configuration: for errors that are found only later.
type Place struct {
	// File, Line, Column and Path as a Problem has them.
	File         string
	Line, Column int
	Path         string
}

// Log says how a process logs.
type Log struct {
	// Level is debug, info, warn or error.
	Level string
	// Format is auto (console on a terminal, else JSON), console or json.
	Format string
}

// Load reads all sources, checks them together, and reads the modules. The error is a *Problems with every mistake.
func Load(o Options) (*Config, error) {
	l := &loader{lookup: o.LookupEnv}
	if l.lookup == nil {
		l.lookup = os.LookupEnv
	}
	tree, root := l.sources(o)
	if tree == nil {
		return nil, l.err()
	}
	var f file
	d := &decoder{loader: l, places: map[string]place{}, bad: map[string]bool{}, raw: map[string]string{}}
	d.decode(&f, tree, root)

	c := &checker{decoder: d, file: &f, only: o.Pipelines}
	conf := c.build()
	if err := l.err(); err != nil {
		return nil, err
	}
	conf.Warnings = l.sorted(l.warnings)
	return conf, nil
}

// loader is what the steps of one Load share.
type loader struct {
	report
	lookup func(string) (string, bool)
	ranks  int // layers given out
}

// resolve makes path relative to the folder of the file in which it is written.
func resolve(path string, at place) string {
	if path == "" || filepath.IsAbs(path) || at.dir == "" {
		return path
	}
	return filepath.Join(at.dir, path)
}
