package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"

	"github.com/dustin/go-humanize"
)

// wasmFile is a module that was read, or why it could not be.
type wasmFile struct {
	data   []byte
	digest string
	err    error
}

var digest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// module reads the module of a transform and compares it with the digest that is demanded.
func (c *checker) module(path string, t *transform, m *Module) []byte {
	m.Pinned = strings.ToLower(t.SHA256)
	if _, given := c.places[path+".sha256"]; given && !c.bad[path+".sha256"] && !digest.MatchString(m.Pinned) {
		c.wrong(path+".sha256", CodeBadValue, "as sha256sum prints it", "not 64 hexadecimal digits")
	}
	if t.Module == "" || c.bad[path+".module"] || !c.wants(m.Pipeline) {
		return nil
	}
	at := path + ".module"
	if scheme, _, ok := strings.Cut(t.Module, "://"); ok {
		c.wrong(at, CodeNotYet, "give the path of a file", "modules from %s:// are not in this version of wasmflow", scheme)
		return nil
	}
	limit := int64(c.file.Modules.MaxSize)
	if c.bad["modules.max_size"] {
		limit = 1 << 30
	}
	m.Path = resolve(t.Module, c.at(at))
	f, ok := c.files[m.Path]
	if !ok {
		f.data, f.err = readBounded(m.Path, limit)
		sum := sha256.Sum256(f.data)
		f.digest = hex.EncodeToString(sum[:])
		c.files[m.Path] = f
	}
	if f.err != nil {
		hint, why := "", reason(f.err)
		if errors.Is(f.err, errTooLarge) {
			hint, why = "raise modules.max_size", "larger than "+humanize.IBytes(uint64(limit))
		}
		c.wrong(at, codeOf(f.err), hint, "%s: %s", c.shownPath(at, m.Path), why)
		return nil
	}
	if len(f.data) == 0 {
		c.wrong(at, CodeEmpty, "", "%s: an empty file", c.shownPath(at, m.Path))
		return nil
	}
	m.Digest = f.digest
	switch {
	case c.bad[path+".sha256"]:
	case m.Pinned == "" && c.file.Modules.RequireDigest:
		c.wrong(at, CodeDigestRequired, "sha256: "+m.Digest, "modules.require_digest is true, but there is no sha256")
	case m.Pinned != "" && m.Pinned != m.Digest:
		c.wrong(path+".sha256", CodeDigestMismatch, "", "%s is pinned, but %s is %s", m.Pinned, c.shownPath(at, m.Path), m.Digest)
	}
	return f.data
}
