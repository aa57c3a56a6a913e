package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds of a file. They are far above what people write, and keep a hostile file from taking the machine.
const (
	maxFile  = 1 << 20
	maxNodes = 50_000
	maxDepth = 32
	maxKey   = 256
)

// kind is what a value was written as.
type kind int

const (
	kindText kind = iota
	kindInt
	kindFloat
	kindBool
	kindNull
	kindList
)

// cell is a scalar or a list of a source. Scalars keep their text until it is known what type is wanted: a password 0123
// is not a number, 10000.00 does not lose its digits.
type cell struct {
	at, key place // of the value; of its key, where it has one
	kind    kind
	text    string
	items   []any // of a list: node or map[string]any
	loose   bool  // from the environment or a flag: text stands for any type
}

// node is how a cell lies in koanf, which copies deeply what has no such tag.
type node struct {
	Cell *cell `copy:"shallow"`
}

// here is the entry of each mapping that says where the mapping itself stands. No key can be this: the reader refuses it.
const here = "\x00"

func cellOf(v any) *cell {
	switch v := v.(type) {
	case node:
		return v.Cell
	case map[string]any:
		if n, ok := v[here].(node); ok {
			return n.Cell
		}
	}
	return nil
}

// yamlReader turns the nodes of one document into mappings of cells.
type yamlReader struct {
	*report
	at    place
	fixed bool // every position is at: the text came from a variable or a flag
	nodes int
	open  map[*yaml.Node]bool // aliases that are being expanded
	full  bool
}

var (
	yamlLine    = regexp.MustCompile(`^yaml: line (\d+): `)
	yamlGrammar = regexp.MustCompile(`^did not find expected (<document start>|node content|key|'-' indicator|',' or)`)
)

// readYAML reads one document that must be a mapping. It is nil where there is nothing to go on with.
func (r *report) readYAML(data []byte, at place) map[string]any {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) || (err == nil && isNull(&doc)) {
		r.add(at, CodeEmpty, "", "", "the file holds no settings")
		return nil
	}
	for err == nil {
		// A document of nothing, as a --- at the end makes one, says nothing.
		if err = dec.Decode(&next); err == nil && !isNull(&next) {
			at.line, at.column = next.Line, next.Column
			r.add(at, CodeSyntax, "", "give each as a file of its own", "a second YAML document begins here")
			return nil
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.syntax(data, at, err)
		return nil
	}
	y := &yamlReader{report: r, at: at, open: map[*yaml.Node]bool{}}
	root := doc.Content[0]
	m, ok := y.value(root, place{}, "", 0).(map[string]any)
	if !ok && !y.full {
		r.add(y.place(root), CodeWrongType, "", "", "the file must be a mapping, key: value")
	}
	if !ok || y.full {
		return nil
	}
	return m
}

func isNull(doc *yaml.Node) bool {
	return len(doc.Content) == 0 ||
		doc.Content[0].Kind == yaml.ScalarNode && doc.Content[0].ShortTag() == "!!null"
}

// syntax reports an error of the parser, whose text may hold a piece of the file in one case: an alias that does not exist,
// which is what a password that begins with * looks like.
func (r *report) syntax(data []byte, at place, err error) {
	text := err.Error()
	at.line = 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		at.line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
		if yamlGrammar.MatchString(text) {
			at.line++ // the parser counts from 0 where its scanner counts from 1
		}
	}
	text = strings.TrimPrefix(text, "yaml: ")
	hint := ""
	if name, ok := strings.CutPrefix(text, "unknown anchor '"); ok {
		name = strings.TrimSuffix(name, "' referenced")
		text, hint = "an alias (*) names an anchor that does not exist", "quote text that begins with *"
		at.line, at.column = position(data, bytes.Index(data, []byte("*"+name)))
	} else if i := bytes.IndexFunc(data, notText); i >= 0 {
		text = "a byte that is not UTF-8 text"
		at.line, at.column = position(data, i)
	} else if lines := bytes.Split(data, []byte("\n")); at.line > 0 && at.line <= len(lines) {
		from := max(0, at.line-2)
		if bytes.Contains(bytes.Join(lines[from:at.line], nil), []byte("${")) {
			hint = `inside { } or [ ] a substitution needs quotes: "${env:NAME}"`
		}
	}
	r.add(at, CodeSyntax, "", hint, "%s", text)
}

func notText(r rune) bool {
	return r == utf8.RuneError || r < ' ' && r != '\t' && r != '\n' && r != '\r'
}

// position is the line and the column of a byte; the beginning where there is no such byte.
func position(data []byte, i int) (line, column int) {
	i = max(i, 0)
	return 1 + bytes.Count(data[:i], []byte("\n")), i - bytes.LastIndexByte(data[:i], '\n')
}

func (y *yamlReader) place(n *yaml.Node) place {
	at := y.at
	if !y.fixed {
		at.line, at.column = n.Line, n.Column
	}
	return at
}

// value is a node or a map[string]any; nil after a problem.
func (y *yamlReader) value(n *yaml.Node, key place, path string, depth int) any {
	at := y.place(n)
	y.nodes++
	if y.full {
		return nil
	}
	if y.nodes > maxNodes || depth > maxDepth {
		y.full = true
		y.add(at, CodeTooLarge, path, "", "more than %d values, or more than %d levels deep", maxNodes, maxDepth)
		return nil
	}
	switch n.Kind {
	case yaml.AliasNode:
		if n.Alias == nil || y.open[n.Alias] {
			y.add(at, CodeSyntax, path, "", "an alias that contains itself")
			return nil
		}
		y.open[n.Alias] = true
		defer delete(y.open, n.Alias)
		return y.value(n.Alias, key, path, depth+1)
	case yaml.MappingNode:
		return y.mapping(n, key, path, depth)
	case yaml.SequenceNode:
		c := &cell{at: at, key: key, kind: kindList}
		for i, item := range n.Content {
			if v := y.value(item, place{}, path+"["+strconv.Itoa(i)+"]", depth+1); v != nil {
				c.items = append(c.items, v)
			}
		}
		return node{c}
	default:
		return y.scalar(n, key, path)
	}
}

func (y *yamlReader) scalar(n *yaml.Node, key place, path string) any {
	c := &cell{at: y.place(n), key: key, text: n.Value}
	switch n.ShortTag() {
	case "!!str", "!!timestamp": // there are no dates in JSON: a date is text
	case "!!merge": // << as a value
	case "!!int":
		c.kind = kindInt
	case "!!float":
		c.kind = kindFloat
	case "!!bool":
		c.kind = kindBool
	case "!!null":
		c.kind = kindNull
	default:
		y.add(c.at, CodeWrongType, path, "", "a tag of YAML that has no meaning here")
		return nil
	}
	return node{c}
}

func (y *yamlReader) mapping(n *yaml.Node, key place, path string, depth int) any {
	m := map[string]any{here: node{&cell{at: y.place(n), key: key}}}
	first := map[string]int{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := y.place(k)
		if k.Kind == yaml.ScalarNode && k.ShortTag() == "!!merge" {
			merged = append(merged, v)
			continue
		}
		if k.Kind != yaml.ScalarNode || k.ShortTag() != "!!str" || strings.Contains(k.Value, here) {
			y.add(at, CodeWrongType, path, `quote it: "..."`, "a key must be text")
			continue
		}
		if len(k.Value) > maxKey {
			y.add(at, CodeTooLarge, path, "", "a key of more than %d bytes", maxKey)
			continue
		}
		sub := join(path, k.Value)
		if line, ok := first[k.Value]; ok {
			y.add(at, CodeDuplicateKey, sub, "", "given twice, the first time in line %d", line)
			continue
		}
		first[k.Value] = at.line
		if value := y.value(v, at, sub, depth+1); value != nil {
			m[k.Value] = value
		}
	}
	for _, v := range merged {
		y.merge(m, v, path, depth+1)
	}
	return m
}

// merge adds what a merge key << names; keys that are there already stay.
func (y *yamlReader) merge(m map[string]any, n *yaml.Node, path string, depth int) {
	if n.Kind == yaml.SequenceNode && depth <= maxDepth {
		for _, item := range n.Content {
			y.merge(m, item, path, depth+1)
		}
		return
	}
	from, ok := y.value(n, y.place(n), path, depth).(map[string]any)
	if !ok {
		if !y.full {
			y.add(y.place(n), CodeWrongType, path, "", "<< takes a mapping, or a list of mappings")
		}
		return
	}
	for k, v := range from {
		if _, ok := m[k]; !ok {
			m[k] = v
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// parseText reads the text of a variable or flag as YAML; every position in it is the variable's or the flag's.
func (r *report) parseText(text string, c *cell, path string) any {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		r.add(c.at, CodeSyntax, path, "", "not YAML") // the parser's words may hold a piece of a secret
		return nil
	}
	if len(doc.Content) == 0 {
		return node{&cell{at: c.at, key: c.key}}
	}
	y := &yamlReader{report: r, at: c.at, fixed: true, open: map[*yaml.Node]bool{}}
	return y.value(doc.Content[0], c.key, path, 0)
}
