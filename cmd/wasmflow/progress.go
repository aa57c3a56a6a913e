package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"
)

// barWidth is the number of cells of a progress bar.
const barWidth = 30

// progress shows how far the steps of something long are: a bar that is drawn again and again on a terminal, elsewhere one
// line for each step. It is used by one goroutine at a time.
type progress struct {
	w    io.Writer
	bars bool
	step string
	last string // What was shown for step last.
}

func (p *progress) show(step string, done, total int) {
	if step != p.step {
		p.end()
		p.step = step
	}
	p.last = fmt.Sprintf("%s / %s  %s", humanize.Comma(int64(done)), humanize.Comma(int64(total)), step)
	if p.bars {
		full := barWidth * done / max(total, 1)
		fmt.Fprintf(p.w, "\r\x1b[K[%s%s] %s", strings.Repeat("#", full), strings.Repeat(" ", barWidth-full), p.last)
	}
}

// end finishes the step that is being shown.
func (p *progress) end() {
	switch {
	case p.step == "":
	case p.bars:
		fmt.Fprintln(p.w)
	default:
		fmt.Fprintln(p.w, p.last)
	}
	p.step = ""
}
