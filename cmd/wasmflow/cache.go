package main

import (
	"context"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host/guest"
)

// moduleCache is the cache of compiled modules, or none where the configuration and the system name no folder for it.
type moduleCache struct{ cache *guest.Cache }

// useCache opens it for all transforms of the configuration.
func useCache(cfg *config.Config) (moduleCache, error) {
	if cfg.CacheDir == "" {
		return moduleCache{}, nil
	}
	cache, err := guest.OpenCache(cfg.CacheDir)
	if err != nil {
		return moduleCache{}, &mistake{
			code: "cache_dir", at: cfg.CacheDirAt, err: err,
			suggestion: "set modules.cache_dir to a folder that this user can make, or that is this user's alone",
		}
	}
	for _, p := range cfg.Pipelines {
		for i := range p.Transforms {
			p.Transforms[i].Cache = cache
		}
	}
	return moduleCache{cache}, nil
}

// useDefaultCache opens the one that a configuration has by default. Without one modules are compiled anew.
func useDefaultCache() moduleCache {
	dir := config.DefaultCacheDir()
	if dir == "" {
		return moduleCache{}
	}
	cache, err := guest.OpenCache(dir)
	if err != nil {
		return moduleCache{}
	}
	return moduleCache{cache}
}

// close lets go of it, also where ctx is done. Its files stay; what cannot be freed goes with the process.
func (c moduleCache) close(ctx context.Context) {
	if c.cache != nil {
		_ = c.cache.Close(context.WithoutCancel(ctx))
	}
}
