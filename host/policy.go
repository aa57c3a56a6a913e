package host

import "time"

// OnError says what happens to a guilty record: a transform traps on it or refuses it, or no output topic takes what was made
// of it.
type OnError string

const (
	// OnErrorFail stops the pipeline and names the record; its offset does not move. The default without a dead-letter topic.
	OnErrorFail OnError = "fail"
	// OnErrorDeadLetter writes the record to ErrorPolicy.DeadLetter, in the transaction that commits the others. The default
	// with a dead-letter topic.
	OnErrorDeadLetter OnError = "dead_letter"
	// OnErrorDrop leaves the record out, counted and logged.
	OnErrorDrop OnError = "drop"
)

// Defaults of ErrorPolicy.
const (
	DefaultRetries  = 1
	DefaultMaxRatio = 0.5
	DefaultWindow   = time.Minute
)

// ErrorPolicy is what a pipeline does about guilty records. A batch that traps is called again in fresh instances, then halved
// until its guilty records are alone; a refused record is known at once.
type ErrorPolicy struct {
	// OnError: OnErrorDeadLetter where DeadLetter names a topic, else OnErrorFail.
	OnError OnError
	// Retries of a batch that trapped, in a fresh instance each, before it is halved: 1.
	Retries int
	// DeadLetter is the topic of dead letters, neither an input nor an output.
	DeadLetter string
	// MaxRatio is the share of guilty records among those of the last Window, counted over at least 100, above which the
	// pipeline pauses: 0.5. At 1 it never does.
	MaxRatio float64
	// Window of MaxRatio: 1 minute.
	Window time.Duration
}

func (p ErrorPolicy) withDefaults() ErrorPolicy {
	if p.OnError == "" {
		p.OnError = OnErrorFail
		if p.DeadLetter != "" {
			p.OnError = OnErrorDeadLetter
		}
	}
	set(&p.Retries, DefaultRetries)
	set(&p.MaxRatio, DefaultMaxRatio)
	set(&p.Window, DefaultWindow)
	return p
}

func (c *Config) validateErrors(bad func(key, rule string, got any)) {
	p := c.Errors
	oneOf(bad, "Errors.OnError", p.OnError, OnErrorFail, OnErrorDeadLetter, OnErrorDrop)
	positive(bad, "Errors.Retries", p.Retries)
	positive(bad, "Errors.Window", p.Window)
	if !(p.MaxRatio > 0 && p.MaxRatio <= 1) {
		bad("Errors.MaxRatio", "more than 0 and at most 1", p.MaxRatio)
	}
	if (p.OnError == OnErrorDeadLetter) != (p.DeadLetter != "") {
		bad("Errors.DeadLetter", "a topic under dead_letter, and only there", p.DeadLetter)
	}
	if p.DeadLetter == "" {
		return
	}
	if !legalTopic(p.DeadLetter) {
		bad("Errors.DeadLetter", "a topic's name", p.DeadLetter)
	}
	for _, topic := range c.Inputs {
		if topic == p.DeadLetter {
			bad("Errors.DeadLetter", "not an input of the same pipeline, which would feed itself", topic)
		}
	}
	for _, topic := range c.Outputs {
		if topic == p.DeadLetter {
			bad("Errors.DeadLetter", "not an output, whose readers do not expect dead letters", topic)
		}
	}
}

// OutputTopics lists the topics that the pipeline writes to, in the order of OutputNames, the one of its dead letters last.
func (c *Config) OutputTopics() []string {
	var topics []string
	for _, name := range c.OutputNames() {
		if topic, ok := c.Outputs[name]; ok {
			topics = append(topics, topic)
		}
	}
	if c.Errors.DeadLetter != "" {
		topics = append(topics, c.Errors.DeadLetter)
	}
	return topics
}
