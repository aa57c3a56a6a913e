package config

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/v2"
)

// The delimiter of paths in --set. It is not ".", since Kafka's names have dots.
const delimiter = "::"

const prefix = "WASMFLOW_"

// layer hands a mapping to koanf as it is.
type layer map[string]any

func (l layer) ReadBytes() ([]byte, error)    { return nil, errors.ErrUnsupported }
func (l layer) Read() (map[string]any, error) { return l, nil }

// setting is a value from outside the files.
type setting struct {
	path []string
	text string
	at   place
	env  bool // names are compared as variables spell them
}

// sources reads all sources and merges them, and says what to name where something is missing altogether.
// The tree is nil where a source cannot be read: checking the rest would report what that source may hold.
func (l *loader) sources(o Options) (tree map[string]any, root place) {
	k := koanf.New(delimiter)
	root = place{file: "configuration"}
	if len(o.Files) > 0 {
		root.file = o.Files[0]
	}
	l.source(root.file)
	usable := true
	for _, name := range o.Files {
		m := l.file(name)
		if m == nil {
			usable = false
			continue
		}
		if err := k.Load(layer(m), nil); err != nil {
			l.add(place{file: name}, CodeSyntax, "", "", "%v", err)
			usable = false
		}
	}
	before := len(l.problems)
	settings := l.environment(o.Environ)
	settings = append(settings, l.flags("--set", o.Set, nil)...)
	settings = append(settings, l.flags("-X", o.Kafka, []string{"kafka", "properties"})...)
	if len(o.Files) == 0 && len(settings) == 0 && len(l.problems) == before {
		l.add(root, CodeMissing, "", "name a file", "there is no configuration")
		return nil, root
	}
	if !usable {
		return nil, root
	}
	for _, s := range settings {
		l.apply(k, s)
	}
	return k.Raw(), root
}

func (l *loader) file(name string) map[string]any {
	l.source(name)
	l.ranks++
	at := place{file: name, dir: filepath.Dir(name), layer: l.ranks}
	data, err := readBounded(name, maxFile)
	if err != nil {
		l.add(at, codeOf(err), "", "", "%s", reason(err))
		return nil
	}
	return l.readYAML(data, at)
}

var errTooLarge = errors.New("the file is too large")

// readBounded reads a regular file: a pipe could make us wait for ever, a device never end.
func readBounded(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // nothing was written
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errTooLarge
	}
	return data, err
}

func codeOf(err error) string {
	if errors.Is(err, errTooLarge) {
		return CodeTooLarge
	}
	return CodeUnreadable
}

// reason says why a file cannot be read, without its name, which stands beside.
func reason(err error) string {
	var p *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		return "not readable: permission denied"
	case errors.As(err, &p):
		return "not readable: " + p.Err.Error()
	default:
		return err.Error()
	}
}

// Variables that Kubernetes puts into every container beside a service whose name begins with wasmflow.
var kubernetes = regexp.MustCompile(`^WASMFLOW_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

func (l *loader) environment(environ []string) []setting {
	l.ranks++
	var out []setting
	for _, e := range environ {
		name, text, _ := strings.Cut(e, "=")
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok || !strings.Contains(rest, "__") && kubernetes.MatchString(name) {
			continue
		}
		at := place{file: "environment " + name, layer: l.ranks}
		path := strings.Split(strings.ToLower(rest), "__")
		if slices.Contains(path, "") {
			l.source(at.file)
			l.add(at, CodeSyntax, "", "WASMFLOW_A__B sets a::b", "not the name of a key")
			continue
		}
		if len(path) > 2 && path[0] == "kafka" && path[1] == "properties" {
			path = []string{"kafka", "properties", strings.ReplaceAll(strings.Join(path[2:], "_"), "_", ".")}
		}
		out = append(out, setting{path: path, text: text, at: at, env: true})
	}
	// An item may only be added behind the last one, so items come in the order of their indices.
	slices.SortStableFunc(out, func(a, b setting) int { return slices.CompareFunc(a.path, b.path, compareKeys) })
	for _, s := range out {
		l.source(s.at.file)
	}
	return out
}

func compareKeys(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return strings.Compare(a, b)
}

func (l *loader) flags(flag string, values []string, under []string) []setting {
	var out []setting
	for _, v := range values {
		l.ranks++
		key, text, ok := strings.Cut(v, "=")
		at := place{file: "flag " + flag, layer: l.ranks}
		path := slices.Concat(under, []string{key})
		if under == nil {
			path = strings.Split(key, delimiter)
		}
		if !ok || slices.Contains(path, "") || strings.Contains(key, here) || len(path) > maxDepth {
			l.source(at.file)
			hint := "write " + flag + " a::b=value"
			if under != nil {
				hint = "write " + flag + " property=value"
			}
			l.add(at, CodeSyntax, "", hint, "not a setting") // its text may be a secret
			continue
		}
		at.file += " " + key
		l.source(at.file)
		out = append(out, setting{path: path, text: text, at: at})
	}
	return out
}

// apply puts a setting over what k holds. koanf merges mappings; a list is a value for it, so a path that goes on inside
// one is followed here and the whole list is set anew.
func (l *loader) apply(k *koanf.Koanf, s setting) {
	raw := k.Raw()
	key := s.find(raw, s.path[0])
	value, why := l.over(s, raw[key], s.path[1:])
	if why != "" {
		l.add(s.at, CodeBadValue, strings.Join(s.path, "."), "", "%s", why)
		return
	}
	if err := k.Load(layer{key: value}, nil); err != nil {
		l.add(s.at, CodeSyntax, "", "", "%v", err)
	}
}

// over is v with the setting put at the path within it; what it returns shares nothing that it changed with v.
func (l *loader) over(s setting, v any, path []string) (any, string) {
	if len(path) == 0 {
		return node{&cell{at: s.at, key: s.at, text: s.text, loose: true}}, ""
	}
	if n, ok := v.(node); ok && n.Cell.loose && looksLikeYAML(n.Cell.text) {
		v = l.parseText(n.Cell.text, n.Cell, strings.Join(s.path, ".")) // an earlier setting gave the whole
	}
	if m, ok := v.(map[string]any); ok {
		m = maps.Clone(m)
		key := s.find(m, path[0])
		value, why := l.over(s, m[key], path[1:])
		m[key] = value
		return m, why
	}
	c := cellOf(v)
	i, err := strconv.Atoi(path[0])
	if c != nil && c.kind == kindList || v == nil && err == nil {
		list := &cell{at: s.at, key: s.at, kind: kindList}
		if c != nil {
			list.at, list.key, list.items = c.at, c.key, slices.Clone(c.items)
		}
		if err != nil {
			if i = s.item(list.items, path[0]); i < 0 {
				return nil, "no item of the list has the name " + strconv.Quote(path[0])
			}
		}
		if i < 0 || i > len(list.items) {
			return nil, "the list has " + strconv.Itoa(len(list.items)) + " items, the first is 0"
		}
		if i == len(list.items) {
			list.items = append(list.items, nil)
		}
		value, why := l.over(s, list.items[i], path[1:])
		list.items[i] = value
		return node{list}, why
	}
	value, why := l.over(s, nil, path[1:])
	return map[string]any{here: node{&cell{at: s.at, key: s.at}}, path[0]: value}, why
}

// looksLikeYAML says whether text stands for a list or a mapping, where one is wanted.
func looksLikeYAML(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{")
}

// find is the key of m that name stands for: itself, or for a variable the one key that is spelled so as a variable.
func (s setting) find(m map[string]any, name string) string {
	if _, ok := m[name]; ok || !s.env {
		return name
	}
	found := name
	for key := range m {
		if asVariable(key) == name {
			if found != name {
				return name // two keys could be meant
			}
			found = key
		}
	}
	return found
}

// item is the index of the item whose name is this, or -1.
func (s setting) item(items []any, name string) int {
	for i, item := range items {
		m, _ := item.(map[string]any)
		if c := cellOf(m["name"]); c != nil && (c.text == name || s.env && asVariable(c.text) == name) {
			return i
		}
	}
	return -1
}

var variable = strings.NewReplacer("-", "_", ".", "_")

func asVariable(name string) string { return variable.Replace(strings.ToLower(name)) }
