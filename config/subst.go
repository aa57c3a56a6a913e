package config

import (
	"strings"
	"unicode/utf8"
)

// Largest file of ${file:...}.
const maxSecret = 64 << 10

// substitute replaces ${env:X}, ${env:X:-default} and ${file:/path}; $${ stands for ${. It says whether it replaced
// anything: what it puts in may be secret, and no error may show it.
func (l *loader) substitute(text string, at place) (result string, replaced bool, problem *Problem) {
	if !strings.Contains(text, "${") {
		return text, false, nil
	}
	var b strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			return b.String(), replaced, nil
		}
		if i > 0 && text[i-1] == '$' {
			b.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		b.WriteString(text[:i])
		body, rest, ok := strings.Cut(text[i+2:], "}")
		if !ok {
			p := problemAt(at, CodeSubstitution, "", "for ${ itself write $${", "${ without }")
			return "", true, &p
		}
		value, problem := l.lookUp(body, at)
		if problem != nil {
			return "", true, problem
		}
		b.WriteString(value)
		text, replaced = rest, true
	}
}

// lookUp is the value of what stands between ${ and }.
func (l *loader) lookUp(body string, at place) (string, *Problem) {
	fail := func(hint, format string, args ...any) (string, *Problem) {
		p := problemAt(at, CodeSubstitution, "", hint, format, args...)
		return "", &p
	}
	source, name, _ := strings.Cut(body, ":")
	switch {
	case strings.Contains(body, "${"):
		return fail("", "${...} within ${...}")
	case source == "env":
		name, fallback, hasFallback := strings.Cut(name, ":-")
		if name == "" {
			return fail("write ${env:NAME}", "no name of a variable")
		}
		value, set := l.lookup(name)
		switch {
		case hasFallback && value == "":
			return fallback, nil
		case !set:
			return fail("set it, or give a default: ${env:"+name+":-default}", "the environment variable %s is not set", name)
		case !utf8.ValidString(value):
			return fail("", "the environment variable %s is not UTF-8", name)
		}
		return value, nil
	case source == "file":
		if name == "" {
			return fail("write ${file:/path}", "no path of a file")
		}
		data, err := readBounded(resolve(name, at), maxSecret)
		if err != nil {
			return fail("", "%s: %s", resolve(name, at), reason(err))
		}
		if !utf8.Valid(data) {
			return fail("", "%s: not UTF-8", resolve(name, at))
		}
		text := strings.TrimSuffix(string(data), "\n") // the end of the line is the editor's, not the secret's
		return strings.TrimSuffix(text, "\r"), nil
	default:
		return fail("for ${ itself write $${", "only ${env:NAME} and ${file:/path} are replaced")
	}
}
