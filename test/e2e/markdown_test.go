package e2e_test

import (
	"fmt"
	"slices"
	"strings"
)

// block is a fenced block of a Markdown file.
type block struct {
	// line of the file where its content begins, from 1.
	line int
	// language as it is written behind the fence, "" where there is none.
	language string
	text     string
}

// shell is the language of the blocks that are run.
const shell = "sh"

// of are the blocks of a language.
func of(language string, blocks []block) []block {
	return slices.DeleteFunc(slices.Clone(blocks), func(b block) bool { return b.language != language })
}

// fencedBlocks finds the fenced blocks (CommonMark 0.31, "Fenced code blocks").
func fencedBlocks(markdown string) ([]block, error) {
	var blocks []block
	var fence string // What closes the block that is open.
	var open block
	for i, line := range strings.Split(markdown, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		if fence == "" {
			ticks := len(trimmed) - len(strings.TrimLeft(trimmed, "`"))
			if ticks < 3 || strings.Contains(trimmed[ticks:], "`") {
				continue
			}
			fence, open = trimmed[:ticks], block{line: i + 2, language: strings.TrimSpace(trimmed[ticks:])}
			continue
		}
		if rest, ok := strings.CutPrefix(trimmed, fence); ok && strings.Trim(rest, "` ") == "" {
			blocks, fence = append(blocks, open), ""
			continue
		}
		open.text += line + "\n"
	}
	if fence != "" {
		return nil, fmt.Errorf("line %d: the fenced block is never closed", open.line-1)
	}
	return blocks, nil
}
