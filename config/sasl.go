package config

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Properties of SASL that are read: Java's, and librdkafka's name and password.
var saslNames = []string{"sasl.mechanism", "sasl.jaas.config", "sasl.username", "sasl.password"}

var mechanisms = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}

// sasl adds the option for SASL where security.protocol asks for it.
func (k *kafkaChecker) sasl() {
	protocol := k.protocol()
	if !strings.HasPrefix(protocol, "SASL_") {
		for _, name := range saslNames {
			if k.has(name) && slices.Contains(protocols, protocol) {
				k.fault(name, CodeConflict, "set security.protocol to SASL_SSL", "security.protocol is %s: nobody would log in", protocol)
			}
		}
		return
	}
	mechanism := strings.ToUpper(k.get("sasl.mechanism"))
	at := k.props["security.protocol"]
	switch {
	case mechanism == "":
		k.add(at.at, CodeMissing, at.path, "one of "+strings.Join(mechanisms, ", "), "%s needs sasl.mechanism", protocol)
		return
	case !slices.Contains(mechanisms, mechanism):
		hint := didYouMean(mechanism, mechanisms)
		if hint == "" {
			hint = "supported: " + strings.Join(mechanisms, ", ")
		}
		k.fault("sasl.mechanism", CodeUnsupported, hint, "%s is not supported", k.value("sasl.mechanism"))
		return
	case mechanism == "PLAIN" && protocol == "SASL_PLAINTEXT":
		k.warn(at.at, CodeWeak, at.path, "use SASL_SSL", "the password goes over the network as it is")
	}
	l, ok := k.login(mechanism)
	switch {
	case !ok:
	case mechanism == "PLAIN":
		k.opts = append(k.opts, kgo.SASL(plain.Auth{User: l.user, Pass: l.password}.AsMechanism()))
	case mechanism == "SCRAM-SHA-256":
		k.opts = append(k.opts, kgo.SASL(scram.Auth{User: l.user, Pass: l.password, IsToken: l.token}.AsSha256Mechanism()))
	default:
		k.opts = append(k.opts, kgo.SASL(scram.Auth{User: l.user, Pass: l.password, IsToken: l.token}.AsSha512Mechanism()))
	}
}

// login is a name and a password, or a delegation token (KIP-48).
type login struct {
	user, password string
	token          bool
}

// String shows no password.
func (l login) String() string { return l.user }

// login takes the later source of the two ways to give a name and a password.
func (k *kafkaChecker) login(mechanism string) (login, bool) {
	jaas, hasJAAS := k.props["sasl.jaas.config"]
	layer, hasPair := 0, false
	for _, name := range []string{"sasl.username", "sasl.password"} {
		if p, ok := k.props[name]; ok {
			layer, hasPair = max(layer, p.at.layer), true
		}
	}
	switch {
	case hasJAAS && hasPair && jaas.at.layer == layer:
		k.fault("sasl.jaas.config", CodeConflict, "give one of them", "sasl.username and sasl.password are given too")
		return login{}, false
	case hasJAAS && (!hasPair || jaas.at.layer > layer):
		return k.jaas(mechanism, jaas.value)
	}
	if k.broken("sasl.username", "sasl.password", "sasl.jaas.config") {
		return login{}, false
	}
	at := k.props["sasl.mechanism"]
	for _, name := range []string{"sasl.username", "sasl.password"} {
		if k.props[name].value == "" {
			if p, ok := k.unset[name]; ok {
				at = p
			}
			k.add(at.at, CodeMissing, at.path, "or sasl.jaas.config", "%s needs %s", mechanism, name)
			return login{}, false
		}
	}
	return login{user: k.props["sasl.username"].value, password: k.props["sasl.password"].value}, true
}

// jaas reads <module class> required name=value ...; as Java's JaasConfig does.
func (k *kafkaChecker) jaas(mechanism, text string) (login, bool) {
	const name = "sasl.jaas.config"
	want, class := "ScramLoginModule", "scram.ScramLoginModule"
	if mechanism == "PLAIN" {
		want, class = "PlainLoginModule", "plain.PlainLoginModule"
	}
	shape := "org.apache.kafka.common.security." + class + ` required username="..." password="...";`
	words, why := jaasWords(text)
	if why == "" && (len(words) < 3 || words[len(words)-1] != jaasEnd) {
		why = "it is not <module class> required <options>;"
	}
	if why != "" {
		k.fault(name, CodeSyntax, "write "+shape, "%s", why)
		return login{}, false
	}
	if words[0][strings.LastIndexByte(words[0], '.')+1:] != want {
		k.fault(name, CodeConflict, "write "+shape, "sasl.mechanism is %s, which needs %s", mechanism, want)
		return login{}, false
	}
	options := map[string]string{}
	rest := words[2 : len(words)-1]
	for len(rest) >= 3 && rest[1] == jaasIs {
		options[rest[0]] = rest[2]
		rest = rest[3:]
	}
	if len(rest) > 0 {
		k.fault(name, CodeSyntax, "write "+shape, "options are name=value")
		return login{}, false
	}
	l := login{user: options["username"], password: options["password"], token: options["tokenauth"] == "true"}
	if l.user == "" || l.password == "" {
		k.fault(name, CodeMissing, "write "+shape, "it needs username and password")
		return login{}, false
	}
	return l, true
}

// Words that no text can be mistaken for.
const jaasIs, jaasEnd = "\x00=", "\x00;"

// jaasWords splits into words, quoted texts, jaasIs and jaasEnd. What it says of an error holds nothing of the text.
func jaasWords(text string) (words []string, why string) {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			i++
		case c == '=' || c == ';':
			words = append(words, "\x00"+string(c))
			i++
		case c == '"' || c == '\'':
			var b strings.Builder
			for i++; i < len(text) && text[i] != c; i++ {
				if text[i] != '\\' {
					b.WriteByte(text[i])
					continue
				}
				if i++; i == len(text) || strings.IndexByte("abfnrtv01234567", text[i]) >= 0 {
					return nil, `of the escapes only \" \' and \\ are read`
				}
				b.WriteByte(text[i])
			}
			if i == len(text) {
				return nil, "a quote is not closed"
			}
			i++
			words = append(words, b.String())
		default:
			end := strings.IndexAny(text[i:], " \t\r\n=;\"'")
			if end < 0 {
				end = len(text) - i
			}
			words = append(words, text[i:i+end])
			i += end
		}
	}
	return words, ""
}
