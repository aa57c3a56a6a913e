package config

import (
	"slices"
	"strconv"
	"strings"
)

// circles warns of pipelines that feed each other in a circle: it may be meant, but a record could go round for ever.
func (c *checker) circles() {
	feeds := make([][]int, len(c.conf.Pipelines))
	for i := range c.conf.Pipelines {
		for j := range c.conf.Pipelines {
			if i != j && c.reads(j, c.conf.Pipelines[i].Outputs) {
				feeds[i] = append(feeds[i], j)
			}
		}
	}
	var trail []int
	done := make([]bool, len(feeds))
	var visit func(i int)
	visit = func(i int) {
		if at := slices.Index(trail, i); at >= 0 {
			names := make([]string, 0, len(trail)-at+1)
			for _, j := range append(trail[at:len(trail):len(trail)], i) {
				names = append(names, c.conf.Pipelines[j].Name)
			}
			path := "pipelines[" + strconv.Itoa(i) + "].outputs"
			c.warn(c.at(path), CodeLoop, path, "", "pipelines that feed each other in a circle: %s", strings.Join(names, " -> "))
			return
		}
		if done[i] {
			return
		}
		trail = append(trail, i)
		for _, j := range feeds[i] {
			visit(j)
		}
		trail = trail[:len(trail)-1]
		done[i] = true
	}
	for i := range feeds {
		visit(i)
	}
}

// reads says whether the pipeline with this index reads one of the topics.
func (c *checker) reads(i int, topics map[string]string) bool {
	p := &c.conf.Pipelines[i]
	for _, topic := range topics {
		if slices.Contains(p.Inputs, topic) || c.patterns[i] != nil && c.patterns[i].MatchString(topic) {
			return true
		}
	}
	return false
}
