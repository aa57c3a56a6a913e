package main

import (
	"io"
	"os"
	"strconv"
)

// defaultWidth is how wide a terminal is taken for that does not say.
const defaultWidth = 120

// terminalWidth is how many characters a line of w has: what the terminal says, or else $COLUMNS.
func terminalWidth(w io.Writer) int {
	if o, ok := w.(*output); ok {
		w = o.w
	}
	if f, ok := w.(*os.File); ok && isTerminal(f) {
		if n := windowWidth(f.Fd()); n > 0 {
			return n
		}
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	return defaultWidth
}
