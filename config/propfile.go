package config

import (
	"bytes"
	"path/filepath"
	"strings"

	propfile "github.com/magiconair/properties"
)

// propertiesFile reads a file as Java's Properties does, a logical line at a time: so every property has its line.
// Substitution is left to Kafka's tools, which have none in these files: ${ is text.
func (c *checker) propertiesFile(name, path string) properties {
	data, err := readBounded(name, maxFile)
	if err != nil {
		c.wrong(path, codeOf(err), "", "%s: %s", c.shownPath(path, name), reason(err))
		return nil
	}
	l := c.loader
	l.source(name)
	at := place{file: name, dir: filepath.Dir(name), column: 1}
	out := properties{}
	lines := bytes.Split(data, []byte("\n"))
	for i := 0; i < len(lines); i++ {
		at.line = i + 1
		line := logicalStart(lines[i])
		if len(line) == 0 || line[0] == '#' || line[0] == '!' {
			continue
		}
		text := line
		for continues(text) && i+1 < len(lines) {
			i++
			text = append(bytes.Clone(text[:len(text)-1]), logicalStart(lines[i])...)
		}
		l.property(out, text, at)
	}
	return out
}

// logicalStart is a natural line without its white space in front and its carriage return.
func logicalStart(line []byte) []byte {
	return bytes.TrimLeft(bytes.TrimSuffix(line, []byte("\r")), " \t\f")
}

// continues says whether a line ends in an odd number of backslashes.
func continues(line []byte) bool {
	n := len(line) - len(bytes.TrimRight(line, `\`))
	return n%2 == 1
}

func (l *loader) property(out properties, text []byte, at place) {
	for _, b := range text {
		if b >= 0x80 {
			l.add(at, CodeSyntax, "", `write \u00e9 for é`, "only ASCII: Java reads this file as ISO-8859-1, whatever it is in")
			return
		}
	}
	loader := propfile.Loader{Encoding: propfile.ISO_8859_1, DisableExpansion: true}
	one, err := loader.LoadBytes(text)
	if err != nil || one.Len() != 1 {
		l.add(at, CodeSyntax, "", "write name=value", "not a property") // its text may be a secret
		return
	}
	name := one.Keys()[0]
	value, _ := one.Get(name)
	if before, ok := out[name]; ok {
		l.warn(at, CodeDuplicateKey, name, "", "given twice: this one wins over line %d", before.at.line)
	}
	out[name] = property{value: strings.TrimLeft(value, " \t\f"), at: at, path: name}
}
