package e2e_test

import (
	"fmt"
	"strings"
)

// block is a fenced block of a Markdown file.
type block struct {
	// line of the file where its content begins, from 1.
	line int
	text string
}

// shellBlocks finds the fenced blocks whose language is sh: those are to be run. What is only to be read is console or text
// (CommonMark 0.31, "Fenced code blocks").
func shellBlocks(markdown string) ([]block, error) {
	var blocks []block
	var fence string // What closes the block that is open.
	var open *block  // Nil in blocks of another language.
	start := 0
	for i, line := range strings.Split(markdown, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		if fence == "" {
			ticks := len(trimmed) - len(strings.TrimLeft(trimmed, "`"))
			if ticks < 3 || strings.Contains(trimmed[ticks:], "`") {
				continue
			}
			fence, start = trimmed[:ticks], i+1
			if strings.TrimSpace(trimmed[ticks:]) == "sh" {
				open = &block{line: i + 2}
			}
			continue
		}
		if rest, ok := strings.CutPrefix(trimmed, fence); ok && strings.Trim(rest, "` ") == "" {
			if open != nil {
				blocks = append(blocks, *open)
			}
			fence, open = "", nil
			continue
		}
		if open != nil {
			open.text += line + "\n"
		}
	}
	if fence != "" {
		return nil, fmt.Errorf("line %d: the fenced block is never closed", start)
	}
	return blocks, nil
}
