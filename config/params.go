package config

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// params makes of a transform's own configuration what becomes JSON: numbers keep the digits that were written.
func (d *decoder) params(raw any, path string) any {
	if m, ok := raw.(map[string]any); ok {
		out := make(map[string]any, len(m))
		for key, v := range m {
			if key != here {
				out[key] = d.params(v, join(path, key))
			}
		}
		return out
	}
	c := cellOf(raw)
	if c == nil {
		return nil
	}
	if c.kind == kindList {
		out := make([]any, len(c.items))
		for i, item := range c.items {
			out[i] = d.params(item, path+"["+strconv.Itoa(i)+"]")
		}
		return out
	}
	if c.loose { // a flag writes YAML: 5 is a number, "5" is text
		again := d.parseText(c.text, c, path)
		if n, ok := again.(node); !ok || n.Cell.kind == kindList {
			if again == nil {
				return nil
			}
			return d.params(again, path)
		}
		c = cellOf(again)
	}
	text, show, ok := d.text(c, path)
	if !ok {
		return nil
	}
	if !show { // what is put in is text, whatever it looks like
		return text
	}
	return d.plain(c, text, path)
}

var (
	jsonInt   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	jsonFloat = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)

func (d *decoder) plain(c *cell, text, path string) any {
	switch c.kind {
	case kindNull:
		return nil
	case kindBool:
		return strings.EqualFold(text, "true")
	case kindInt:
		if jsonInt.MatchString(text) {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				return n
			}
			return json.Number(text)
		}
	case kindFloat:
		if jsonFloat.MatchString(text) {
			return json.Number(text)
		}
	default:
		return text
	}
	d.fault(c.at, CodeBadValue, path, "quote it if it is text", "not a number as JSON writes it") // it may be a secret
	return nil
}
