package config

import (
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// text is a scalar's text after substitution, and whether it may be shown in an error.
func (d *decoder) text(c *cell, path string) (text string, show, ok bool) {
	if d.literal {
		return c.text, true, true
	}
	text, replaced, problem := d.substitute(c.text, c.at)
	if problem != nil {
		problem.Path = path
		d.bad[path] = true
		d.problems = append(d.problems, *problem)
		return "", false, false
	}
	if replaced {
		d.raw[path] = c.text
	}
	return text, !replaced, true
}

// shown is the value at path as an error may show it: what was put in may be secret, so it is as it was written.
func (d *decoder) shown(path, text string) string {
	if raw, ok := d.raw[path]; ok {
		text = raw
	}
	return quoted(text)
}

func quoted(text string) string {
	if len(text) > 80 {
		text = strings.ToValidUTF8(text[:80], "") + "..."
	}
	return strconv.Quote(text)
}

// scalar decodes text, and holds it to the bounds of the tag.
func (d *decoder) scalar(v reflect.Value, tag reflect.StructTag, c *cell, path string) {
	text, show, ok := d.text(c, path)
	if !ok {
		return
	}
	c = &cell{at: c.at, kind: c.kind, text: text, loose: c.loose || !show}
	hint, ok := setScalar(v, c)
	if !ok {
		if !show {
			hint = "" // it is made of the value
		}
		d.fault(c.at, CodeWrongType, path, hint, "must be %s, not %s", wanted(v.Type()), d.shown(path, text))
		return
	}
	only := tag.Get("only")
	if values := tag.Get("enum"); values != "" {
		list := strings.Split(values, ",")
		if !slices.Contains(list, text) {
			if hint = didYouMean(text, list); hint == "" || !show {
				hint = "one of " + strings.Join(list, ", ")
			}
			if only != "" {
				hint = only
			}
			d.fault(c.at, CodeBadValue, path, hint, "%s is not a value of it", d.shown(path, text))
		}
		return
	}
	if tag.Get("required") != "" && text == "" {
		d.fault(c.at, CodeMissing, path, "", "required, but empty")
		return
	}
	low, high := tag.Get("min"), tag.Get("max")
	if low == "" {
		return
	}
	if n := v.Int(); n < bound(v.Type(), low) || n > bound(v.Type(), high) {
		if only == "" {
			only = "from " + low + " to " + high
		}
		d.fault(c.at, CodeBadValue, path, only, "%s is out of range", d.shown(path, text))
	}
}

// bound is a min or max of a tag. A test reads every tag of file.go, so it cannot fail here.
func bound(t reflect.Type, text string) int64 {
	v := reflect.New(t).Elem()
	setScalar(v, &cell{text: text, loose: true})
	return v.Int()
}

var decimal = regexp.MustCompile(`^[+-]?(0|[1-9][0-9]*)$`)

// setScalar parses a scalar into v, or says what to write instead.
func setScalar(v reflect.Value, c *cell) (hint string, ok bool) {
	text := strings.TrimSpace(c.text)
	switch v.Type() {
	case reflect.TypeFor[time.Duration]():
		dur, err := time.ParseDuration(text)
		if err != nil && decimal.MatchString(text) {
			hint = "say the unit: " + text + "ms or " + text + "s"
		}
		v.SetInt(int64(dur))
		return hint, err == nil
	case reflect.TypeFor[size]():
		n, err := humanize.ParseBytes(text)
		if err != nil || n > math.MaxInt64 {
			return "", false
		}
		v.SetInt(int64(n))
		return "", true
	case reflect.TypeFor[ratio]():
		r, err := strconv.ParseFloat(text, 64)
		if err != nil || !(math.Abs(r) < math.MaxInt32) {
			return "", false
		}
		if c.kind != kindInt && c.kind != kindFloat && !c.loose {
			return unquote(c, true), false
		}
		v.SetInt(int64(math.Round(r * 1e9)))
		return "", true
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(c.text)
		if c.kind == kindBool && !c.loose {
			return `quote it: "` + c.text + `"`, false
		}
		return "", true // the digits of a number are text as they were written
	case reflect.Bool:
		b := strings.EqualFold(text, "true")
		v.SetBool(b)
		if c.kind != kindBool && !c.loose {
			return unquote(c, b || strings.EqualFold(text, "false")), false
		}
		return "", b || strings.EqualFold(text, "false")
	default:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if c.kind != kindInt && !c.loose {
			return unquote(c, err == nil), false
		}
		v.SetInt(n)
		return "", err == nil && decimal.MatchString(text)
	}
}

func unquote(c *cell, parses bool) string {
	if parses && c.kind == kindText {
		return "write it without quotes"
	}
	return ""
}
