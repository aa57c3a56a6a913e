package config

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
)

// build checks everything and builds what it describes; the result counts only if there is no problem.
func (c *checker) build() *Config {
	c.files = map[string]wasmFile{}
	c.names, c.groups, c.ids = map[string]string{}, map[string]string{}, map[string]string{}
	c.limits("defaults.limits", c.file.Defaults.Limits)
	conn := c.kafka()
	c.conf.Brokers, c.conf.Kafka, c.conf.Embedded = conn.brokers, conn.opts, conn.embedded
	c.conf.Log = Log{Level: c.file.Log.Level, Format: c.file.Log.Format}
	c.conf.Drain = c.file.Shutdown.Drain
	c.conf.CacheDir = c.cacheDir()
	if len(c.file.Pipelines) == 0 && !c.bad["pipelines"] {
		c.wrong("pipelines", CodeMissing, "", "needs at least one pipeline")
	}
	for i := range c.file.Pipelines {
		c.conf.Pipelines = append(c.conf.Pipelines, c.pipeline(i, conn))
	}
	c.circles()
	c.leave()
	return &c.conf
}

// wants says whether the pipeline is one of those that were asked for.
func (c *checker) wants(pipeline string) bool {
	return len(c.only) == 0 || slices.Contains(c.only, pipeline)
}

// leave leaves the pipelines that were asked for.
func (c *checker) leave() {
	names := make([]string, len(c.conf.Pipelines)) // as an error may show them
	for i, p := range c.conf.Pipelines {
		names[i] = c.shownPath("pipelines["+strconv.Itoa(i)+"].name", p.Name)
	}
	for _, name := range c.only {
		known := slices.ContainsFunc(c.conf.Pipelines, func(p host.Config) bool { return p.Name == name })
		if !known && !c.bad["pipelines"] {
			at := place{file: "flag --pipeline " + name}
			c.source(at.file)
			c.add(at, CodeUnknownPipeline, "", didYouMean(name, names), "there is no pipeline %s; there are %s", quoted(name), strings.Join(names, ", "))
		}
	}
	c.conf.Pipelines = slices.DeleteFunc(c.conf.Pipelines, func(p host.Config) bool { return !c.wants(p.Name) })
	c.conf.Modules = slices.DeleteFunc(c.conf.Modules, func(m Module) bool { return !c.wants(m.Pipeline) })
}

func (c *checker) cacheDir() string {
	c.conf.CacheDirAt = c.placed("modules.cache_dir")
	if dir := c.file.Modules.CacheDir; dir != "" {
		return resolve(dir, c.at("modules.cache_dir"))
	}
	dir := DefaultCacheDir()
	if dir == "" {
		c.warn(c.at("modules"), CodeNoEffect, "modules.cache_dir", "set it to keep compiled modules", "the system names no cache folder: modules are compiled at every start")
	}
	return dir
}

// DefaultCacheDir is the folder of compiled modules where a configuration names none, "" where the system names no folder for caches.
func DefaultCacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "wasmflow", "modules")
}

func (c *checker) limits(path string, l limits) {
	memory := l.Memory
	if memory == 0 {
		memory = guest.DefaultMemory
	}
	if l.InputBytes > memory && !c.bad[path+".memory"] && !c.bad["defaults.limits.memory"] {
		c.wrong(path+".input_bytes", CodeConflict, "", "%s do not fit into a memory of %s", humanize.IBytes(uint64(l.InputBytes)), humanize.IBytes(uint64(memory)))
	}
}

func (c *checker) transform(path, pipeline string, t *transform, names map[string]string) guest.Config {
	if c.name(path+".name", "a name", t.Name) {
		c.differ(names, path+".name", "the name", t.Name, "")
	}
	l := t.Limits
	d := c.file.Defaults.Limits
	for _, one := range []struct{ own, other *size }{
		{&l.Memory, &d.Memory}, {&l.InputBytes, &d.InputBytes}, {&l.OutputBytes, &d.OutputBytes},
	} {
		if *one.own == 0 {
			*one.own = *one.other
		}
	}
	l.OutputRecords = cmp.Or(l.OutputRecords, d.OutputRecords)
	if t.Limits != (limits{}) {
		c.limits(path+".limits", l)
	}
	g := guest.Config{Name: t.Name, Params: t.Config, Limits: guest.Limits{
		Memory: int64(l.Memory), InputBytes: int64(l.InputBytes),
		OutputRecords: l.OutputRecords, OutputBytes: int64(l.OutputBytes),
		Timeout: cmp.Or(l.Timeout, d.Timeout), FuelMode: guest.FuelMode(cmp.Or(l.FuelMode, d.FuelMode)),
		FuelPerRecord: cmp.Or(l.FuelPerRecord, d.FuelPerRecord), FuelPerBatch: cmp.Or(l.FuelPerBatch, d.FuelPerBatch),
	}}
	if g.Capabilities = c.capabilities(path, pipeline, t); len(g.Capabilities.Env) > 0 {
		g.LookupEnv = c.lookup
	}
	m := Module{Pipeline: pipeline, Transform: t.Name, At: c.placed(path + ".module")}
	m.ConfigAt = m.At
	if _, given := c.places[path+".config"]; given {
		m.ConfigAt = c.placed(path + ".config")
	}
	g.Wasm = c.module(path, t, &m)
	c.conf.Modules = append(c.conf.Modules, m)
	return g
}
