package config

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// decoder fills the structs of file.go from a tree of cells, and keeps where each value stands.
type decoder struct {
	*loader
	places map[string]place  // of values, by path
	bad    map[string]bool   // paths that have a problem already
	raw    map[string]string // by path, the text of values into which something was put
	// literal says that nothing is put into values.
	literal bool
}

func (d *decoder) decode(f *file, tree map[string]any, root place) {
	d.structure(reflect.ValueOf(f).Elem(), tree, root, "")
}

// fault reports a problem of the value at path, once.
func (d *decoder) fault(at place, code, path, hint, format string, args ...any) {
	d.bad[path] = true
	d.add(at, code, path, hint, format, args...)
}

// at is where the value at path stands, or else the nearest thing around it.
func (d *decoder) at(path string) place {
	for {
		if at, ok := d.places[path]; ok {
			return at
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return d.places[""]
		}
		path = path[:i]
	}
}

func (d *decoder) structure(v reflect.Value, m map[string]any, at place, path string) {
	d.places[path] = at
	t := v.Type()
	known := map[string]bool{here: true}
	for i := range t.NumField() {
		field := t.Field(i)
		key := field.Tag.Get("yaml")
		known[key] = true
		d.field(v.Field(i), field, m[key], at, join(path, key))
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !known[key] {
			d.unknown(t, m[key], at, path, key)
		}
	}
}

func (d *decoder) unknown(t reflect.Type, v any, at place, path, key string) {
	if c := cellOf(v); c != nil {
		at = c.key
	}
	if slices.Contains(later[t.Name()], key) {
		d.fault(at, CodeNotYet, join(path, key), "", "not in this version of wasmflow")
		return
	}
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("yaml")
	}
	hint := didYouMean(key, keys)
	if hint == "" {
		hint = "known here: " + strings.Join(keys, ", ")
	}
	d.fault(at, CodeUnknownKey, join(path, key), hint, "unknown key")
}

// field decodes one field, or gives it its default.
func (d *decoder) field(v reflect.Value, field reflect.StructField, raw any, parent place, path string) {
	c := cellOf(raw)
	_, isMap := raw.(map[string]any)
	empty := c != nil && !isMap && c.kind == kindNull
	switch {
	case raw != nil && !empty:
		d.places[path] = c.at
		d.value(v, field.Tag, raw, path)
	case empty && !isContainer(v):
		d.fault(c.at, CodeWrongType, path, "leave the key out, or give it a value", "has no value")
	case field.Tag.Get("required") != "":
		d.fault(parent, CodeMissing, path, "", "required, but missing")
	case v.Kind() == reflect.Struct:
		d.structure(v, nil, parent, path)
		delete(d.places, path) // nobody wrote it: errors name what is around it
	case field.Tag.Get("default") != "":
		d.scalar(v, field.Tag, &cell{at: parent, text: field.Tag.Get("default"), loose: true}, path)
	}
}

func isContainer(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice:
		return true
	default:
		return false
	}
}

func (d *decoder) value(v reflect.Value, tag reflect.StructTag, raw any, path string) {
	raw = d.reread(v, raw, path)
	m, isMap := raw.(map[string]any)
	c := cellOf(raw)
	switch {
	case c == nil: // reread reported it
	case v.Type() == reflect.TypeFor[document]():
		if text, err := json.Marshal(d.params(raw, path)); err == nil {
			v.SetBytes(text)
		}
	case v.Type() == reflect.TypeFor[brokers]():
		d.brokers(v, c, isMap, path)
	case v.Kind() == reflect.Struct, v.Kind() == reflect.Map:
		if !isMap {
			d.fault(c.at, CodeWrongType, path, "", "must be a mapping, key: value")
			return
		}
		d.mapping(v, m, c, path)
	case v.Kind() == reflect.Slice:
		if isMap || c.kind != kindList {
			d.fault(c.at, CodeWrongType, path, "write [item, item]", "must be a list")
			return
		}
		d.list(v, tag, c, path)
	case isMap || c.kind == kindList:
		d.fault(c.at, CodeWrongType, path, "", "must be %s", wanted(v.Type()))
	default:
		d.scalar(v, tag, c, path)
	}
}

// reread parses the text of a variable or flag that stands for a list or mapping.
func (d *decoder) reread(v reflect.Value, raw any, path string) any {
	n, ok := raw.(node)
	if !ok || !n.Cell.loose || !isContainer(v) {
		return raw
	}
	if looksLikeYAML(n.Cell.text) {
		again := d.parseText(n.Cell.text, n.Cell, path)
		d.bad[path] = d.bad[path] || again == nil
		return again
	}
	if v.Type() == reflect.TypeFor[[]string]() {
		return node{split(n.Cell)}
	}
	return raw
}

// split makes a list of text with commas.
func split(c *cell) *cell {
	list := &cell{at: c.at, key: c.key, kind: kindList, loose: c.loose}
	for item := range strings.SplitSeq(c.text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list.items = append(list.items, node{&cell{at: c.at, text: item, loose: c.loose}})
		}
	}
	return list
}

func (d *decoder) mapping(v reflect.Value, m map[string]any, c *cell, path string) {
	switch v.Type() {
	case reflect.TypeFor[params]():
		if p, ok := d.params(m, path).(map[string]any); ok {
			v.Set(reflect.ValueOf(params(p)))
		}
		return
	case reflect.TypeFor[properties]():
		v.Set(reflect.ValueOf(d.properties(m, path)))
		return
	}
	if v.Kind() == reflect.Struct {
		d.structure(v, m, c.at, path)
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if key == here {
			continue
		}
		item := reflect.New(v.Type().Elem()).Elem()
		d.item(item, "", m[key], c, join(path, key))
		v.SetMapIndex(reflect.ValueOf(key), item)
	}
}

func (d *decoder) list(v reflect.Value, tag reflect.StructTag, c *cell, path string) {
	v.Set(reflect.MakeSlice(v.Type(), len(c.items), len(c.items)))
	for i, raw := range c.items {
		d.item(v.Index(i), tag, raw, c, path+"["+strconv.Itoa(i)+"]")
	}
}

// item decodes an item of a list or an entry of a mapping with free keys.
func (d *decoder) item(v reflect.Value, tag reflect.StructTag, raw any, parent *cell, path string) {
	c := cellOf(raw)
	if c == nil {
		c = &cell{at: parent.at, kind: kindNull}
	}
	d.places[path] = c.at
	if _, isMap := raw.(map[string]any); !isMap && c.kind == kindNull {
		d.fault(c.at, CodeWrongType, path, "", "has no value")
		return
	}
	d.value(v, tag, raw, path)
}

// properties takes scalars of any type by their text: to Kafka they are text.
func (d *decoder) properties(m map[string]any, path string) properties {
	out := properties{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		n, ok := m[key].(node)
		if key == here {
			continue
		}
		sub := join(path, key)
		c := cellOf(m[key])
		d.places[sub] = c.at
		switch {
		case !ok || c.kind == kindList:
			d.fault(c.at, CodeWrongType, sub, "the whole name is one key: a.b: value", "must be text")
		case c.kind == kindNull:
			d.fault(c.at, CodeWrongType, sub, `for the empty text write ""`, "has no value")
		default:
			if text, _, ok := d.text(n.Cell, sub); ok {
				out[key] = property{value: text, at: c.at, path: sub}
			}
		}
	}
	return out
}

func (d *decoder) brokers(v reflect.Value, c *cell, isMap bool, path string) {
	if isMap {
		d.fault(c.at, CodeWrongType, path, "write [host:9092, host:9092]", "must be a list")
		return
	}
	if c.kind != kindList {
		text, _, ok := d.text(c, path)
		if !ok {
			return
		}
		v.Set(reflect.ValueOf(addresses(text)))
		return
	}
	var list []string
	d.list(reflect.ValueOf(&list).Elem(), "", c, path)
	v.Set(reflect.ValueOf(brokers(list)))
}

// addresses are the items of text with commas.
func addresses(text string) brokers {
	var out brokers
	for _, item := range split(&cell{text: text}).items {
		out = append(out, cellOf(item).text)
	}
	return out
}

func wanted(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "a duration, such as 250ms"
	case reflect.TypeFor[size]():
		return "a size, such as 64MiB"
	case reflect.TypeFor[ratio]():
		return "a share, such as 0.05"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number"
	default:
		return "text"
	}
}
