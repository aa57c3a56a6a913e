package config

import (
	"slices"
	"strings"

	"github.com/wasmflow/wasmflow/host"
)

// failures checks what happens to guilty records.
func (c *checker) failures(path string, p *pipeline) host.ErrorPolicy {
	f := &p.Errors
	topic, at := f.DeadLetter.Topic, path+".dead_letter.topic"
	policy := host.ErrorPolicy{
		OnError: host.OnError(f.OnError), Retries: f.Retries, DeadLetter: topic,
		MaxRatio: float64(f.DeadLetter.MaxRatio) / 1e9, Window: f.DeadLetter.Window,
	}
	switch {
	case c.bad[path] || c.bad[path+".on_error"] || c.bad[path+".dead_letter"] || c.bad[at]:
		return policy
	case topic == "" && policy.OnError == host.OnErrorDeadLetter:
		c.wrong(path, CodeMissing, "dead_letter: { topic: ... }", "on_error: dead_letter needs a topic")
		return policy
	case topic == "":
		return policy
	case policy.OnError == host.OnErrorFail, policy.OnError == host.OnErrorDrop:
		c.wrong(at, CodeConflict, "on_error: dead_letter, or leave it out", "on_error: %s writes no dead letters", policy.OnError)
	}
	if !c.topic(at, topic) {
		return policy
	}
	switch {
	case strings.HasPrefix(topic, "__"):
		c.wrong(at, CodeBadValue, "", "topics that begin with __ are Kafka's own")
	case slices.Contains(p.Inputs.Topics, topic):
		c.wrong(at, CodeLoop, "", "%s is an input of this pipeline: it would read what it writes, for ever", c.shown(at, topic))
	}
	for _, out := range p.Outputs {
		if out.Topic == topic {
			c.wrong(at, CodeConflict, "", "%s is an output, whose readers do not expect dead letters", c.shown(at, topic))
		}
	}
	return policy
}
