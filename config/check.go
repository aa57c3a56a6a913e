package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wasmflow/wasmflow/host"
)

// maxName is Kafka's bound for names of topics, and ours for ids.
const maxName = 249

var legal = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

// checker holds the decoded file to the rules that concern more than one value, and builds what it describes.
type checker struct {
	*decoder
	file  *file
	files map[string]wasmFile // modules that were read, by path
	conf  Config
	only  []string // names of the pipelines that were asked for; none: all

	patterns []*regexp.Regexp // of topics_regex, by pipeline

	names, groups, ids map[string]string // path of the pipeline that has them
}

// wrong reports a problem of the value at path.
func (c *checker) wrong(path, code, hint, format string, args ...any) {
	c.fault(c.at(path), code, path, hint, format, args...)
}

// placed is where the value at path stands, for what is found out later.
func (c *checker) placed(path string) Place {
	at := c.at(path)
	return Place{File: at.file, Line: at.line, Column: at.column, Path: path}
}

// name checks the characters and the length of a name, unless it is missing: that is reported already.
func (c *checker) name(path, what, name string) bool {
	switch {
	case name == "" || c.bad[path]:
		return false
	case len(name) > maxName:
		c.wrong(path, CodeBadValue, "", "%s of %d bytes, at most %d are allowed", what, len(name), maxName)
	case !legal.MatchString(name):
		c.wrong(path, CodeBadValue, "letters, digits, '.', '_' and '-'", "%s is not %s", c.shown(path, name), what)
	default:
		return true
	}
	return false
}

// shownPath is the path of a file as an error may show it.
func (c *checker) shownPath(path, file string) string {
	if raw, ok := c.raw[path]; ok {
		return raw
	}
	return file
}

func (c *checker) topic(path, name string) bool {
	if name == "." || name == ".." {
		c.wrong(path, CodeBadValue, "", "%s is not a topic", c.shown(path, name))
		return false
	}
	return c.name(path, "a topic", name)
}

// differ keeps one kind of name apart over all pipelines.
func (c *checker) differ(seen map[string]string, path, what, name, hint string) {
	if first, ok := seen[name]; ok {
		c.wrong(path, CodeDuplicateName, hint, "%s %s is taken by %s", what, c.shown(path, name), first)
		return
	}
	seen[name] = path
}

func (c *checker) pipeline(i int, conn connection) host.Config {
	p := &c.file.Pipelines[i]
	path := "pipelines[" + strconv.Itoa(i) + "]"
	if c.bad[path] {
		c.patterns = append(c.patterns, nil)
		return host.Config{}
	}
	if c.name(path+".name", "a name", p.Name) {
		c.differ(c.names, path+".name", "the name", p.Name, "")
	}
	c.inputs(path+".inputs", p)
	c.patterns = append(c.patterns, c.regex(path+".inputs.topics_regex", p.Inputs.TopicsRegex))
	outputs, fallback := c.outputs(path+".outputs", p)
	c.slots(path, p)
	h := host.Config{
		Name: p.Name, Brokers: conn.brokers, Kafka: slices.Clone(conn.opts),
		Group: p.Inputs.Group, Inputs: p.Inputs.Topics, InputsRegex: p.Inputs.TopicsRegex,
		Outputs: outputs, DefaultOutput: fallback,
		Start: host.Start(p.Inputs.Start), Isolation: host.Isolation(p.Inputs.Isolation),
		Guarantee: host.Guarantee(p.Guarantee), Instance: p.Instance, IDPrefix: p.Transaction.IDPrefix, Workers: p.Workers,
		GroupProtocol:        host.GroupProtocol(p.GroupProtocol),
		RequireTransactionV2: host.TransactionV2(p.RequireTransactionV2),
		OnOutOfRange:         host.OutOfRange(p.OnOutOfRange),
		TransactionTimeout:   p.Transaction.Timeout, MaxRecords: p.Transaction.MaxRecords, MaxBytes: int64(p.Transaction.MaxBytes),
		MaxDelay: p.Transaction.MaxDelay, MaxGuestTime: p.Transaction.MaxGuestTime,
		Compression: host.Compression(p.Transaction.Compression), Drain: c.file.Shutdown.Drain,
		Leave: host.Leave(c.file.Shutdown.Leave),
	}
	h.Errors = c.failures(path+".errors", p)
	names := map[string]string{}
	for j := range p.Transforms {
		h.Transforms = append(h.Transforms, c.transform(path+".transforms["+strconv.Itoa(j)+"]", p.Name, &p.Transforms[j], names))
	}
	if len(p.Transforms) == 0 && !c.bad[path+".transforms"] {
		c.wrong(path+".transforms", CodeMissing, "", "needs at least one transform")
	}
	return h
}

func (c *checker) inputs(path string, p *pipeline) {
	in := &p.Inputs
	if c.bad[path] {
		return
	}
	if in.Group == "" {
		if _, given := c.places[path+".group"]; given && !c.bad[path+".group"] {
			c.wrong(path+".group", CodeBadValue, "leave it out for the pipeline's name", "the empty group")
		}
		in.Group = p.Name
	}
	if in.Group != "" && !c.bad[path+".group"] {
		if len(in.Group) > maxName {
			c.wrong(path+".group", CodeBadValue, "", "a group of %d bytes, at most %d are allowed", len(in.Group), maxName)
		}
		c.differ(c.groups, path+".group", "the group", in.Group, "pipelines in one group would take each other's partitions")
	}
	if p.Guarantee == string(host.ExactlyOnce) && in.Isolation == string(host.ReadUncommitted) {
		c.wrong(path+".isolation", CodeBreaksExactly, "read_committed, or guarantee: at_least_once",
			"outputs of records whose transaction is aborted later would stay")
	}
	switch {
	case len(in.Topics) > 0 && in.TopicsRegex != "":
		c.wrong(path+".topics_regex", CodeConflict, "give one of them", "topics is given too")
	case len(in.Topics) == 0 && in.TopicsRegex == "":
		if !c.bad[path+".topics"] && !c.bad[path+".topics_regex"] {
			c.wrong(path+".topics", CodeMissing, "or topics_regex", "required, but missing")
		}
	}
	seen := map[string]bool{}
	for i, topic := range in.Topics {
		sub := path + ".topics[" + strconv.Itoa(i) + "]"
		if topic == "" && !c.bad[sub] {
			c.wrong(sub, CodeBadValue, "", "the empty topic")
		}
		switch {
		case !c.topic(sub, topic):
		case seen[topic]:
			c.wrong(sub, CodeDuplicateName, "", "%s is in the list already", c.shown(sub, topic))
		case strings.HasPrefix(topic, "__"):
			c.wrong(sub, CodeBadValue, "", "topics that begin with __ are Kafka's own")
		}
		seen[topic] = true
	}
}

// outputs returns the topics by name, and the name of the default output.
func (c *checker) outputs(path string, p *pipeline) (topics map[string]string, fallback string) {
	if c.bad[path] {
		return nil, ""
	}
	if len(p.Outputs) == 0 {
		c.wrong(path, CodeMissing, "", "needs at least one output")
		return nil, ""
	}
	topics = map[string]string{}
	writers := map[string]string{}
	var defaults []string
	names := slices.Sorted(maps.Keys(p.Outputs))
	slices.SortStableFunc(names, func(a, b string) int { return c.at(join(path, a)).line - c.at(join(path, b)).line })
	for _, name := range names {
		out, sub := p.Outputs[name], join(path, name)
		if name == "" {
			c.wrong(sub, CodeBadValue, "", "the empty name")
		}
		c.name(sub, "the name of an output", name)
		topics[name] = out.Topic
		if out.Default {
			defaults = append(defaults, name)
		}
		at := sub + ".topic"
		if !c.topic(at, out.Topic) {
			continue
		}
		c.differ(writers, at, "the topic", out.Topic, "one output for a topic is enough")
		switch {
		case slices.Contains(p.Inputs.Topics, out.Topic):
			c.wrong(at, CodeLoop, "", "%s is an input of this pipeline: it would read what it writes, for ever", c.shown(at, out.Topic))
		case strings.HasPrefix(out.Topic, "__"):
			c.wrong(at, CodeBadValue, "", "topics that begin with __ are Kafka's own")
		}
	}
	return topics, c.fallback(path, names, defaults)
}

func (c *checker) fallback(path string, names, defaults []string) string {
	switch {
	case len(names) == 1:
		return names[0]
	case len(defaults) == 1:
		return defaults[0]
	case len(defaults) == 0:
		for _, name := range names {
			if c.bad[join(path, name)+".default"] || c.bad[join(path, name)] {
				return ""
			}
		}
		c.wrong(path, CodeMissing, "default: true at one of "+strings.Join(names, ", "), "no output is the default")
	default:
		for _, name := range defaults[1:] {
			c.wrong(join(path, name)+".default", CodeConflict, "", "%s is the default output already", defaults[0])
		}
	}
	return ""
}

// regex is the pattern of whole names, nil where there is none.
func (c *checker) regex(path, text string) *regexp.Regexp {
	if text == "" || c.bad[path] {
		return nil
	}
	if _, err := regexp.Compile(text); err != nil {
		why := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		if _, ok := c.raw[path]; ok {
			why = "not a regular expression" // the reason shows a piece of it
		}
		c.wrong(path, CodeBadValue, "", "%s", why)
		return nil
	}
	return regexp.MustCompile(`^(?:` + text + `)$`)
}

// slots checks the ids that the workers of a pipeline will have.
func (c *checker) slots(path string, p *pipeline) {
	c.name(path+".instance", "an instance", p.Instance)
	at := path + ".transaction.id_prefix"
	prefix := p.Transaction.IDPrefix
	if prefix == "" {
		at, prefix = path+".inputs.group", p.Inputs.Group+"-"+p.Name
		if c.bad[path+".name"] {
			return
		}
		if p.Inputs.Group != "" && !legal.MatchString(p.Inputs.Group) && !c.bad[at] {
			c.wrong(at, CodeBadValue, "letters, digits, '.', '_' and '-', or set transaction.id_prefix", "the group begins the transactional id")
			return
		}
	} else if !c.name(at, "a prefix", prefix) {
		return
	}
	if p.Name == "" || p.Instance == "" || c.bad[path+".inputs"] {
		return
	}
	id := prefix + "-" + p.Instance
	if raw, ok := c.raw[path+".instance"]; ok && c.raw[at] == "" {
		c.raw[at] = prefix + "-" + raw // errors show the id, so they show the instance
	}
	if longest := len(fmt.Sprintf("%s-%d", id, max(p.Workers, 100)-1)); longest > maxName {
		c.wrong(at, CodeBadValue, "set a shorter transaction.id_prefix", "the transactional id would have %d bytes, at most %d are allowed", longest, maxName)
	}
	c.differ(c.ids, at, "the id", id, "their workers would fence each other")
}
