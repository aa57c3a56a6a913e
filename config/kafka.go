package config

import (
	"maps"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host"
)

// embedded as bootstrap_servers asks for the broker inside the process.
const embedded = "embedded"

// connection is how clients reach the cluster.
type connection struct {
	brokers  []string
	embedded bool
	opts     []kgo.Opt
}

// kafka checks the section kafka and its properties, and makes options of them.
func (c *checker) kafka() connection {
	s := &c.file.Kafka
	props := properties{}
	if s.PropertiesFile != "" {
		path := "kafka.properties_file"
		maps.Copy(props, c.propertiesFile(resolve(s.PropertiesFile, c.at(path)), path))
	}
	maps.Copy(props, s.Properties)
	k := &kafkaChecker{checker: c, props: props, unset: properties{}}
	k.leaveOutEmpty()
	conn := k.bootstrap(s.BootstrapServers)
	for _, name := range slices.Sorted(maps.Keys(props)) {
		k.property(name)
	}
	k.tls()
	k.sasl()
	if conn.embedded {
		if k.protocol() != "PLAINTEXT" {
			p := props["security.protocol"]
			c.warn(p.at, CodeNoEffect, p.path, "", "the embedded broker is reached without TLS and SASL")
		}
		return conn
	}
	conn.opts = k.opts
	if len(c.problems) == 0 {
		if err := kgo.ValidateOpts(slices.Concat(k.opts, []kgo.Opt{kgo.SeedBrokers(conn.brokers...)})...); err != nil {
			c.add(c.at("kafka.properties"), CodeBadValue, "kafka.properties", "", "%v", err)
		}
	}
	return conn
}

// kafkaChecker turns properties into options.
type kafkaChecker struct {
	*checker
	props properties
	unset properties // those that were given without a value
	opts  []kgo.Opt
}

// leaveOutEmpty takes away the properties without a value: so a later source unsets what an earlier one gave. For one property the
// empty text is a value.
func (k *kafkaChecker) leaveOutEmpty() {
	for name, p := range k.props {
		if p.value == "" && name != noNames && slices.Contains(kafkaNames, name) {
			k.unset[name] = p
			delete(k.props, name)
		}
	}
}

// get is the value of a property without the white space around it; empty where there is none.
func (k *kafkaChecker) get(name string) string { return strings.TrimSpace(k.props[name].value) }

func (k *kafkaChecker) has(name string) bool { _, ok := k.props[name]; return ok }

// value is a property as an error may show it.
func (k *kafkaChecker) value(name string) string {
	if secret(name) {
		return "its value"
	}
	return k.shown(k.props[name].path, k.get(name))
}

// broken says whether one of the properties is given, but not as text: that is reported already.
func (k *kafkaChecker) broken(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return k.bad["kafka.properties."+n] })
}

// fault reports a problem of a property. Its value is never in the text, unless the caller puts it there.
func (k *kafkaChecker) fault(name, code, hint, format string, args ...any) {
	p := k.props[name]
	k.add(p.at, code, p.path, hint, format, args...)
}

func (k *kafkaChecker) property(name string) {
	p, value := k.props[name], k.get(name)
	if !slices.Contains(kafkaNames, name) {
		k.fault(name, CodeUnknownKey, didYouMean(name, kafkaNames), "Kafka's clients have no such property")
		return
	}
	if key, ok := ownKeys[name]; ok {
		k.fault(name, CodeOwnKey, "set "+key, "is decided elsewhere in this configuration")
		return
	}
	if rule, ok := unsafe[name]; ok {
		if !rule.keeps(value) {
			k.fault(name, CodeBreaksExactly, "leave it out", "%s", rule.reason)
		}
		return
	}
	switch name {
	case "isolation.level":
		k.isolation(value)
	case "client.id":
		k.opts = append(k.opts, kgo.ClientID(value))
	case "client.rack":
		k.opts = append(k.opts, kgo.Rack(value))
	case "connections.max.idle.ms":
		k.millis(name, 1000, kgo.ConnIdleTimeout)
	case "metadata.max.age.ms":
		k.millis(name, 1000, kgo.MetadataMaxAge)
	case "fetch.max.wait.ms":
		k.millis(name, 10, func(d time.Duration) kgo.Opt { return kgo.FetchMaxWait(d) })
	case "fetch.min.bytes":
		if n, ok := k.number(name, 1, math.MaxInt32); ok {
			k.opts = append(k.opts, kgo.FetchMinBytes(int32(n)))
		}
	case "bootstrap.servers", "security.protocol":
	default:
		if !slices.Contains(tlsNames, name) && !slices.Contains(saslNames, name) {
			k.warn(p.at, CodeNoEffect, p.path, "", "has no effect: the host decides it, or does without it")
		}
	}
}

// isolation accepts the level that is the default; another one belongs to a pipeline, and only to one that does not
// promise exactly once.
func (k *kafkaChecker) isolation(value string) {
	switch {
	case value == string(host.ReadCommitted):
	case value == string(host.ReadUncommitted):
		for i, p := range k.file.Pipelines {
			if p.Guarantee == string(host.ExactlyOnce) {
				k.fault("isolation.level", CodeBreaksExactly, "leave it out", "pipelines[%d] would read records of transactions that are aborted later", i)
				return
			}
		}
		k.fault("isolation.level", CodeOwnKey, "set pipelines[].inputs.isolation", "is decided elsewhere in this configuration")
	default:
		k.fault("isolation.level", CodeBadValue, didYouMean(value, []string{"read_committed", "read_uncommitted"}), "%s is not a value of it", k.shown(k.props["isolation.level"].path, value))
	}
}

func (k *kafkaChecker) number(name string, least, most int64) (int64, bool) {
	n, err := strconv.ParseInt(k.get(name), 10, 64)
	if err != nil || n < least || n > most {
		k.fault(name, CodeBadValue, "", "must be a whole number from %d to %d", least, most)
		return 0, false
	}
	return n, true
}

func (k *kafkaChecker) millis(name string, least int64, opt func(time.Duration) kgo.Opt) {
	if n, ok := k.number(name, least, math.MaxInt32); ok {
		k.opts = append(k.opts, opt(time.Duration(n)*time.Millisecond))
	}
}

// bootstrap decides which addresses count: of kafka.bootstrap_servers and the property, a flag wins, else the key.
func (k *kafkaChecker) bootstrap(list brokers) connection {
	path, at := "kafka.bootstrap_servers", k.at("kafka.bootstrap_servers")
	if p, ok := k.props["bootstrap.servers"]; ok {
		_, given := k.places[path]
		switch {
		case !given || p.at.layer > at.layer:
			path, at, list = p.path, p.at, addresses(p.value)
		default:
			k.warn(p.at, CodeNoEffect, p.path, "", "kafka.bootstrap_servers is given and wins")
		}
	}
	if k.bad[path] {
		return connection{}
	}
	if len(list) == 1 && list[0] == embedded {
		return connection{embedded: true}
	}
	if len(list) == 0 {
		k.add(at, CodeMissing, path, "[host:9092], or embedded", "required, but missing")
	}
	for i, address := range list {
		if why, hint := badAddress(address); why != "" {
			item, at := path, at
			if own, ok := k.places[path+"["+strconv.Itoa(i)+"]"]; ok {
				item, at = path+"["+strconv.Itoa(i)+"]", own
			}
			if _, ok := k.raw[item]; ok {
				hint = "" // it is made of the value
			}
			k.add(at, CodeBadValue, path, hint, "%s: %s", k.shown(item, address), why)
		}
	}
	return connection{brokers: list}
}

func badAddress(address string) (why, hint string) {
	if address == embedded {
		return "stands alone, without other addresses", ""
	}
	if _, rest, ok := strings.Cut(address, "://"); ok {
		return "without the protocol, which is security.protocol", "write " + rest
	}
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return "not host:port", "such as " + strings.Trim(address, "[]: ") + ":9092"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > math.MaxUint16 {
		return "the port must be from 1 to 65535", ""
	}
	if name == "" || strings.ContainsAny(name, " \t/@") {
		return "not a host", ""
	}
	return "", ""
}
