package guest

import "strings"

// readable makes of a symbol of rustc the path of the function: of the legacy form _ZN...E, and of v0 (RFC 2603) as much as
// says where in the source it is; generic arguments are left out. What it does not understand it leaves as it is.
func readable(symbol string) string {
	var path []string
	var ok bool
	if rest, legacy := strings.CutPrefix(symbol, "_ZN"); legacy {
		path, ok = legacyPath(rest)
	} else if rest, v0 := strings.CutPrefix(symbol, "_R"); v0 {
		path, ok = v0Path(rest)
	}
	if !ok || len(path) == 0 {
		return symbol
	}
	return strings.Join(path, "::")
}

// legacyNames are what the legacy form writes for characters that linkers do not take. A name that would begin with a dollar sign
// has an underscore before it.
var legacyNames = strings.NewReplacer(
	"$LT$", "<", "$GT$", ">", "$RF$", "&", "$BP$", "*", "$LP$", "(", "$RP$", ")", "$SP$", "@", "$C$", ",",
	"$u20$", " ", "$u27$", "'", "$u5b$", "[", "$u5d$", "]", "$u7b$", "{", "$u7d$", "}", "$u3b$", ";", "$u2b$", "+", "$u22$", `"`, "..", "::",
)

func legacyPath(s string) (path []string, ok bool) {
	for s != "" && s[0] != 'E' {
		n, digits := length(s)
		if s = s[digits:]; digits == 0 || n > len(s) {
			return nil, false
		}
		var name string
		if name, s = s[:n], s[n:]; strings.HasPrefix(name, "_$") {
			name = name[1:]
		}
		if len(name) != 17 || name[0] != 'h' { // a hash
			path = append(path, legacyNames.Replace(name))
		}
	}
	return path, s != ""
}

// v0Path collects runs of identifiers. The first run is the path of the function; where that is a method, later runs name type,
// trait and method.
func v0Path(s string) (path []string, ok bool) {
	generic := strings.HasPrefix(s, "I")
	method, run := false, false
	for s != "" {
		switch c := s[0]; {
		case c == 's' || c == 'B': // disambiguator or back reference, in base 62
			end := strings.IndexByte(s, '_')
			if end < 0 {
				return nil, false
			}
			s, run = s[end+1:], run && c == 's'
		case c >= '0' && c <= '9':
			var name string
			if name, s, ok = identifier(s); !ok {
				return nil, false
			}
			if name == "" {
				name = "{closure}"
			}
			path, run = append(path, name), true
		default:
			if !run {
				method = method || len(path) == 0 && (c == 'M' || c == 'X' || c == 'Y')
			}
			if len(path) > 0 && (generic || !method) {
				return path, true
			}
			s, run = s[1:], false
		}
		if len(path) > 0 && !run && (generic || !method) {
			return path, true
		}
	}
	return path, true
}

// identifier reads a decimal length and as many bytes, with an underscore between where the bytes begin like a number.
func identifier(s string) (name, rest string, ok bool) {
	n, digits := length(s)
	if s = s[digits:]; n > 0 {
		s = strings.TrimPrefix(s, "_")
	}
	if digits == 0 || n > len(s) {
		return "", "", false
	}
	return s[:n], s[n:], true
}

// length reads the decimal number at the beginning of an identifier, and says how many digits it has.
func length(s string) (n, digits int) {
	for digits < len(s) && digits < 4 && s[digits] >= '0' && s[digits] <= '9' {
		n = n*10 + int(s[digits]-'0')
		if digits++; n == 0 {
			break
		}
	}
	return n, digits
}
