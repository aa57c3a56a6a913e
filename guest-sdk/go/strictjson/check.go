package strictjson

// skip finds the end of the value that begins at text[at]. Where it is not well-formed, ok is false and end is the first
// byte that cannot stand there, len(text) where the text ends too early.
//
// It goes round instead of calling itself: a guest's stack is small, and bits are enough to tell objects from arrays.
func skip(text []byte, at, maxDepth int) (end int, ok bool) {
	var objects uint64 // bit 0: the innermost open bracket is an object's
	depth := 0
	for {
		// A value begins at text[at].
		if at == len(text) {
			return at, false
		}
		opened := false
		switch c := text[at]; {
		case c == '"':
			at, ok = skipString(text, at)
		case c == '{' || c == '[':
			if depth == maxDepth {
				return at, false
			}
			depth++
			objects <<= 1
			if c == '{' {
				objects |= 1
			}
			at = space(text, at+1)
			opened, ok = true, true
		case c == '-' || '0' <= c && c <= '9':
			at, ok = skipNumber(text, at)
		case c == 't':
			at, ok = skipWord(text, at, "true")
		case c == 'f':
			at, ok = skipWord(text, at, "false")
		case c == 'n':
			at, ok = skipWord(text, at, "null")
		default:
			ok = false
		}
		if !ok {
			return at, false
		}
		// Close brackets until another value is due.
		for {
			if depth == 0 {
				return at, true
			}
			if !opened {
				at = space(text, at)
			}
			if at == len(text) {
				return at, false
			}
			object := objects&1 == 1
			if c := text[at]; object && c == '}' || !object && c == ']' {
				at++
				depth--
				objects >>= 1
				opened = false
				continue
			}
			if !opened {
				if text[at] != ',' {
					return at, false
				}
				at = space(text, at+1)
			}
			if object {
				if at, ok = skipName(text, at); !ok {
					return at, false
				}
			}
			break
		}
	}
}

// skipName goes from the name of a member to its value.
func skipName(text []byte, at int) (int, bool) {
	if at == len(text) || text[at] != '"' {
		return at, false
	}
	at, ok := skipString(text, at)
	if !ok {
		return at, false
	}
	at = space(text, at)
	if at == len(text) || text[at] != ':' {
		return at, false
	}
	return space(text, at+1), true
}

func space(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t') {
		at++
	}
	return at
}

func skipWord(text []byte, at int, word string) (int, bool) {
	for i := range len(word) {
		if at == len(text) || text[at] != word[i] {
			return at, false
		}
		at++
	}
	return at, true
}

func skipNumber(text []byte, at int) (int, bool) {
	if text[at] == '-' {
		at++
	}
	ok := true
	if at < len(text) && text[at] == '0' {
		at++
	} else if at, ok = skipDigits(text, at); !ok {
		return at, false
	}
	if at < len(text) && text[at] == '.' {
		if at, ok = skipDigits(text, at+1); !ok {
			return at, false
		}
	}
	if at < len(text) && text[at]|0x20 == 'e' {
		at++
		if at < len(text) && (text[at] == '+' || text[at] == '-') {
			at++
		}
		return skipDigits(text, at)
	}
	return at, true
}

// skipDigits wants at least one.
func skipDigits(text []byte, at int) (int, bool) {
	from := at
	for at < len(text) && '0' <= text[at] && text[at] <= '9' {
		at++
	}
	return at, at > from
}

func skipString(text []byte, at int) (int, bool) {
	at++
	for at < len(text) {
		ok := true
		switch c := text[at]; {
		case c == '"':
			return at + 1, true
		case c == '\\':
			at, ok = skipEscape(text, at)
		case c < 0x20:
			return at, false
		case c < 0x80:
			at++
		default:
			at, ok = skipRune(text, at)
		}
		if !ok {
			return at, false
		}
	}
	return at, false
}

// skipRune skips a character of more than one byte: Unicode, table 3-7.
func skipRune(text []byte, at int) (int, bool) {
	low, high := byte(0x80), byte(0xBF) // bounds of the second byte
	more := 0                           // bytes after it
	switch c := text[at]; {
	case c < 0xC2 || c > 0xF4:
		return at, false
	case c < 0xE0:
	case c < 0xF0:
		more = 1
		if c == 0xE0 {
			low = 0xA0
		} else if c == 0xED {
			high = 0x9F
		}
	default:
		more = 2
		if c == 0xF0 {
			low = 0x90
		} else if c == 0xF4 {
			high = 0x8F
		}
	}
	for at++; ; at++ {
		if at == len(text) || text[at] < low || text[at] > high {
			return at, false
		}
		if more == 0 {
			return at + 1, true
		}
		low, high = 0x80, 0xBF
		more--
	}
}

// skipEscape skips an escape, and after a high surrogate the low one too.
func skipEscape(text []byte, at int) (int, bool) {
	at++
	if at == len(text) {
		return at, false
	}
	switch text[at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return at + 1, true
	case 'u':
	default:
		return at, false
	}
	first := at + 1
	for at = first; at < first+4; at++ {
		if at == len(text) || hex(text[at]) < 0 {
			return at, false
		}
		if at == first+1 && text[first]|0x20 == 'd' && hex(text[at]) >= 0xC {
			return at, false // a low surrogate with no high one before it
		}
	}
	if text[first]|0x20 != 'd' || hex(text[first+1]) < 8 {
		return at, true
	}
	for i := range 6 {
		if at == len(text) {
			return at, false
		}
		c := text[at]
		switch {
		case i == 0 && c != '\\', i == 1 && c != 'u', i == 2 && c|0x20 != 'd', i == 3 && hex(c) < 0xC, i > 3 && hex(c) < 0:
			return at, false
		}
		at++
	}
	return at, true
}

// hex is the value of a hex digit, -1 for any other byte.
func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c - 'a' + 10)
	case 'A' <= c && c <= 'F':
		return int(c - 'A' + 10)
	}
	return -1
}
