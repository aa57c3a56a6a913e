package config

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
)

// client makes a client of the options, as a host does; it connects to nothing until it is used.
func client(t *testing.T, conf *Config) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers("127.0.0.1:1")}, conf.Kafka...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// said are the problems and warnings of one load, without the places.
func said(conf *Config, err error) []string {
	var out []string
	if p, ok := err.(*Problems); ok {
		for _, q := range p.List {
			out = append(out, strings.TrimPrefix(q.Path, "kafka.properties.")+": "+q.Code)
		}
		return out
	}
	for _, w := range conf.Warnings {
		out = append(out, strings.TrimPrefix(w.Path, "kafka.properties.")+": warning "+w.Code)
	}
	return out
}

func TestKafkaProperties(t *testing.T) {
	t.Parallel()
	login := []string{"sasl.username=u", "sasl.password=p"}
	jaas := `sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="p";`
	for name, c := range map[string]struct {
		x    []string
		want []string
	}{
		"nothing":                  {nil, nil},
		"what is so anyway":        {[]string{"acks=all", "enable.idempotence=true", "enable.auto.commit=false", "isolation.level=read_committed", "max.in.flight.requests.per.connection=5", "acks=-1"}, nil},
		"acks":                     {[]string{"acks=1"}, []string{"acks: breaks_exactly_once"}},
		"in flight":                {[]string{"max.in.flight.requests.per.connection=6"}, []string{"max.in.flight.requests.per.connection: breaks_exactly_once"}},
		"isolation":                {[]string{"isolation.level=read_uncommitted"}, []string{"isolation.level: breaks_exactly_once"}},
		"isolation, a mistake":     {[]string{"isolation.level=read"}, []string{"isolation.level: bad_value"}},
		"no such property":         {[]string{"ssl.truststore.locatoin=x"}, []string{"ssl.truststore.locatoin: unknown_key"}},
		"no effect":                {[]string{"key.serializer=x", "linger.ms=5"}, []string{"key.serializer: warning no_effect", "linger.ms: warning no_effect"}},
		"a number":                 {[]string{"metadata.max.age.ms=-1"}, []string{"metadata.max.age.ms: bad_value"}},
		"protocol":                 {[]string{"security.protocol=TLS"}, []string{"security.protocol: bad_value"}},
		"protocol in lower case":   {[]string{"security.protocol=ssl"}, nil},
		"TLS without TLS":          {[]string{"ssl.ca.location=/x"}, []string{"ssl.ca.location: conflict"}},
		"SASL without SASL":        {append([]string{"security.protocol=SSL"}, login...), []string{"sasl.username: conflict", "sasl.password: conflict"}},
		"no mechanism":             {append([]string{"security.protocol=SASL_SSL"}, login...), []string{"security.protocol: missing"}},
		"GSSAPI":                   {[]string{"security.protocol=SASL_SSL", "sasl.mechanism=GSSAPI"}, []string{"sasl.mechanism: unsupported"}},
		"no password":              {[]string{"security.protocol=SASL_SSL", "sasl.mechanism=PLAIN", "sasl.username=u"}, []string{"sasl.mechanism: missing"}},
		"an empty password":        {[]string{"security.protocol=SASL_SSL", "sasl.mechanism=PLAIN", "sasl.username=u", "sasl.password="}, []string{"sasl.password: missing"}},
		"PLAIN in the open":        {append([]string{"security.protocol=SASL_PLAINTEXT", "sasl.mechanism=PLAIN"}, login...), []string{"security.protocol: warning weak"}},
		"SCRAM":                    {append([]string{"security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-256"}, login...), nil},
		"JAAS":                     {[]string{"security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", jaas}, nil},
		"JAAS of another":          {[]string{"security.protocol=SASL_SSL", "sasl.mechanism=PLAIN", jaas}, []string{"sasl.jaas.config: conflict"}},
		"JAAS without its end":     {[]string{"security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", strings.TrimSuffix(jaas, ";")}, []string{"sasl.jaas.config: syntax"}},
		"JAAS, an open quote":      {[]string{"security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", `sasl.jaas.config=x y z="`}, []string{"sasl.jaas.config: syntax"}},
		"JAAS, an open escape":     {[]string{"security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", `sasl.jaas.config=x y z="\`}, []string{"sasl.jaas.config: syntax"}},
		"JAAS, only an end":        {[]string{"security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", `sasl.jaas.config=x;`}, []string{"sasl.jaas.config: syntax"}},
		"JAAS without a password":  {[]string{"security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", `sasl.jaas.config=ScramLoginModule required username=u;`}, []string{"sasl.jaas.config: missing"}},
		"JAAS, options run on":     {[]string{"security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", `sasl.jaas.config=ScramLoginModule required username;`}, []string{"sasl.jaas.config: syntax"}},
		"hosts without names":      {[]string{"security.protocol=SSL", "ssl.endpoint.identification.algorithm="}, []string{"ssl.endpoint.identification.algorithm: warning weak"}},
		"hosts by another name":    {[]string{"security.protocol=SSL", "ssl.endpoint.identification.algorithm=ldap"}, []string{"ssl.endpoint.identification.algorithm: bad_value"}},
		"old TLS":                  {[]string{"security.protocol=SSL", "ssl.enabled.protocols=TLSv1.2,TLSv1.1"}, []string{"ssl.enabled.protocols: unsupported"}},
		"no authorities there":     {[]string{"security.protocol=SSL", "ssl.ca.location=/nowhere"}, []string{"ssl.ca.location: unreadable"}},
		"JKS by type":              {[]string{"security.protocol=SSL", "ssl.truststore.location=/x", "ssl.truststore.type=JKS"}, []string{"ssl.truststore.type: unsupported"}},
		"two authorities":          {[]string{"security.protocol=SSL", "ssl.truststore.location=/x", "ssl.ca.location=/y"}, []string{"ssl.ca.location: conflict"}},
		"a certificate alone":      {[]string{"security.protocol=SSL", "ssl.certificate.location=/x"}, []string{"ssl.certificate.location: missing"}},
		"a key alone":              {[]string{"security.protocol=SSL", "ssl.key.location=/x"}, []string{"ssl.key.location: missing"}},
		"no certificate in it":     {[]string{"security.protocol=SSL", "ssl.truststore.certificates=x"}, []string{"ssl.truststore.certificates: bad_value"}},
		"servers that are none":    {[]string{"bootstrap.servers=x"}, []string{"bootstrap.servers: bad_value"}},
		"embedded among others":    {[]string{"bootstrap.servers=x:1,embedded"}, []string{"bootstrap.servers: bad_value"}},
		"ours":                     {[]string{"group.id=x", "transactional.id=y"}, []string{"group.id: own_key", "transactional.id: own_key"}},
		"embedded and a protocol":  {[]string{"bootstrap.servers=embedded", "security.protocol=SSL"}, []string{"security.protocol: warning no_effect"}},
		"the embedded one alone":   {[]string{"bootstrap.servers=embedded"}, nil},
		"unset":                    {[]string{"ssl.truststore.location=/x", "ssl.truststore.location=", "acks=1", "acks="}, nil},
		"a mistake without value":  {[]string{"ssl.truststore.locatoin="}, []string{"ssl.truststore.locatoin: unknown_key"}},
		"a property without value": {[]string{"client.id"}, []string{": syntax"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf, err := loadText(t, small, Options{Kafka: c.x})
			if diff := cmp.Diff(c.want, said(conf, err)); diff != "" {
				t.Errorf("-want +got\n%s\n%v", diff, err)
			}
		})
	}
}

func TestKafkaOptions(t *testing.T) {
	t.Parallel()
	conf, err := loadText(t, small, Options{Kafka: []string{
		"client.id=c", "client.rack=r", "connections.max.idle.ms=60000", "metadata.max.age.ms=30000", "fetch.max.wait.ms=100", "fetch.min.bytes=10",
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, conf)
	for _, o := range []struct {
		fn   any
		want any
	}{
		{kgo.ClientID, "c"},
		{kgo.Rack, "r"},
		{kgo.ConnIdleTimeout, time.Minute},
		{kgo.MetadataMaxAge, 30 * time.Second},
		{kgo.FetchMaxWait, 100 * time.Millisecond},
		{kgo.FetchMinBytes, int32(10)},
	} {
		if got := c.OptValue(o.fn); fmt.Sprint(got) != fmt.Sprint(o.want) {
			t.Errorf("got %v, want %v", got, o.want)
		}
	}
	if len(conf.Pipelines[0].Kafka) != 6 {
		t.Errorf("the pipeline has %d options", len(conf.Pipelines[0].Kafka))
	}
}

// TestLogin looks at the first message of each mechanism, which holds the name (and for PLAIN the password).
func TestLogin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		yaml  string
		x     []string
		mech  string
		first string
	}{
		"PLAIN": {"", []string{"sasl.mechanism=PLAIN", "sasl.username=u", "sasl.password= p=;"}, "PLAIN", "\x00u\x00 p=;"},
		"JAAS": {"", []string{
			"sasl.mechanism=PLAIN",
			`sasl.jaas.config= org.apache.kafka.common.security.plain.PlainLoginModule required username='u"' password = "=;\"\\p";`,
		}, "PLAIN", "\x00u\"\x00=;\"\\p"},
		"a flag wins over JAAS in the file": {
			`sasl.jaas.config: 'PlainLoginModule required username=a password=b;'`,
			[]string{"sasl.mechanism=PLAIN", "sasl.username=u", "sasl.password=p"},
			"PLAIN", "\x00u\x00p",
		},
		"JAAS of a flag wins over the file": {
			`sasl.username: a, sasl.password: b`,
			[]string{"sasl.mechanism=PLAIN", "sasl.jaas.config=PlainLoginModule required username=u password=p;"},
			"PLAIN", "\x00u\x00p",
		},
		"a number as a password": {
			`sasl.username: u, sasl.password: 0123`, []string{"sasl.mechanism=PLAIN"}, "PLAIN", "\x00u\x000123",
		},
		"SCRAM-SHA-256": {"", []string{"sasl.mechanism=scram-sha-256", "sasl.username=u", "sasl.password=p"}, "SCRAM-SHA-256", "n,,n=u,r="},
		"SCRAM-SHA-512": {"", []string{"sasl.mechanism=SCRAM-SHA-512", "sasl.username=u", "sasl.password=p"}, "SCRAM-SHA-512", "n,,n=u,r="},
		"a token": {"", []string{
			"sasl.mechanism=SCRAM-SHA-512", `sasl.jaas.config=ScramLoginModule required username="u" password="p" tokenauth="true";`,
		}, "SCRAM-SHA-512", "tokenauth=true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(small, "kafka: {", "kafka: { properties: { "+c.yaml+" }, ", 1)
			conf, err := loadText(t, text, Options{Kafka: append(c.x, "security.protocol=SASL_SSL")})
			if err != nil {
				t.Fatal(err)
			}
			mechs, _ := client(t, conf).OptValue(kgo.SASL).([]sasl.Mechanism)
			if len(mechs) != 1 || mechs[0].Name() != c.mech {
				t.Fatalf("mechanisms %v", mechs)
			}
			_, first, err := mechs[0].Authenticate(context.Background(), "k:9092")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(first), c.first) {
				t.Errorf("says %q, want %q", first, c.first)
			}
		})
	}
}

// TestUnset takes away with a flag what the file gives.
func TestUnset(t *testing.T) {
	t.Parallel()
	text := strings.Replace(small, "kafka: {", "kafka: { properties: { security.protocol: SASL_SSL, sasl.mechanism: PLAIN, "+
		"ssl.truststore.location: /nowhere, sasl.jaas.config: 'PlainLoginModule required username=a password=b;' }, ", 1)
	for name, c := range map[string]struct{ x, want []string }{
		"nothing":            {nil, []string{"ssl.truststore.location: unreadable"}},
		"authorities":        {[]string{"ssl.truststore.location="}, nil},
		"login":              {[]string{"ssl.truststore.location=", "sasl.jaas.config="}, []string{"sasl.mechanism: missing"}},
		"half of a login":    {[]string{"ssl.truststore.location=", "sasl.jaas.config=", "sasl.username=u", "sasl.password="}, []string{"sasl.password: missing"}},
		"the protocol":       {[]string{"ssl.truststore.location=", "sasl.jaas.config=", "security.protocol="}, []string{"sasl.mechanism: conflict"}},
		"the check of names": {[]string{"ssl.truststore.location=", noNames + "="}, []string{noNames + ": warning weak"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf, err := loadText(t, text, Options{Kafka: c.x})
			if diff := cmp.Diff(c.want, said(conf, err)); diff != "" {
				t.Errorf("-want +got\n%s\n%v", diff, err)
			}
		})
	}
}

// TestJAASSuggestion holds that what is suggested is what the mechanism needs.
func TestJAASSuggestion(t *testing.T) {
	t.Parallel()
	for mechanism, class := range map[string]string{"PLAIN": "plain.PlainLoginModule", "SCRAM-SHA-256": "scram.ScramLoginModule", "SCRAM-SHA-512": "scram.ScramLoginModule"} {
		for _, jaas := range []string{"x", "x y z;", "OtherLoginModule required username=u password=p;", "PlainLoginModule required z;", "ScramLoginModule required;"} {
			_, err := loadText(t, small, Options{Kafka: []string{"security.protocol=SASL_SSL", "sasl.mechanism=" + mechanism, "sasl.jaas.config=" + jaas}})
			want := "(write org.apache.kafka.common.security." + class + ` required username="..." password="...";)`
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: %v", mechanism, jaas, err)
			}
		}
	}
}

// TestSecretNames holds which properties' values an error must not show, whoever writes that error.
func TestSecretNames(t *testing.T) {
	t.Parallel()
	secrets := map[string]bool{}
	for _, name := range strings.Fields(`sasl.jaas.config sasl.password ssl.key.password ssl.keystore.key ssl.keystore.password ssl.truststore.password
		sasl.oauthbearer.client.credentials.client.secret sasl.oauthbearer.assertion.private.key.passphrase`) {
		secrets[name] = true
	}
	for _, name := range kafkaNames {
		k := &kafkaChecker{checker: &checker{decoder: &decoder{}}, props: properties{name: {value: "hunter2"}}}
		if shown := strings.Contains(k.value(name), "hunter2"); shown == secrets[name] {
			t.Errorf("%s: an error shows %s", name, k.value(name))
		}
	}
}

// TestSecretsStayHidden makes every kind of mistake with a secret in its value.
func TestSecretsStayHidden(t *testing.T) {
	t.Parallel()
	const hidden = "hunter2"
	lookup := func(string) (string, bool) { return hidden + " (x:/", true }
	for name := range map[string]bool{
		"log: { level: '${env:X}' }": true, "shutdown: { drain: '${env:X}' }": true, "modules: { max_size: '${env:X}', require_digest: '${env:X}' }": true,
		"modules: { cache_dir: [ '${env:X}' ] }": true, "version: '${env:X}'": true,
	} {
		_, err := loadText(t, small+name, Options{LookupEnv: lookup})
		if err == nil || strings.Contains(err.Error(), hidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := strings.NewReplacer("name: p", "name: '${env:X}'", "[in]", "['${env:X}'], topics_regex: '${env:X}'", "topic: out", "topic: '${env:X}'",
		"m.wasm", "'${env:X}'", "[k:9092]", "['${env:X}'], properties_file: '${env:X}'").Replace(small)
	_, err := loadText(t, bad, Options{LookupEnv: lookup})
	if err == nil || strings.Contains(err.Error(), hidden) || len(err.(*Problems).List) < 7 {
		t.Error(err)
	}
	for _, p := range kafkaNames {
		_, err := loadText(t, small, Options{Kafka: []string{p + "=${env:X}"}, LookupEnv: lookup})
		if err != nil && strings.Contains(err.Error(), hidden) {
			t.Error(err)
		}
		for _, protocol := range protocols {
			_, err := loadText(t, small, Options{Kafka: []string{"security.protocol=" + protocol, "sasl.mechanism=PLAIN", p + "=${env:X}"}, LookupEnv: lookup})
			if err != nil && strings.Contains(err.Error(), hidden) {
				t.Error(err)
			}
		}
	}
	for _, x := range []string{"sasl.password=hunter2", "sasl.jaas.config=hunter2", "ssl.keystore.key=hunter2", "ssl.key.password=hunter2", "hunter2"} {
		_, err := loadText(t, small, Options{Kafka: []string{x, "security.protocol=SASL_SSL", "sasl.mechanism=PLAIN"}})
		if err == nil || strings.Contains(err.Error(), hidden) {
			t.Errorf("%s: %v", x, err)
		}
	}
	if s := fmt.Sprint(login{user: "u", password: hidden}); strings.Contains(s, hidden) {
		t.Error(s)
	}
}

// TestNamesOfKafka guards the list against slips.
func TestNamesOfKafka(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, name := range kafkaNames {
		if known[name] {
			t.Errorf("%s is there twice", name)
		}
		known[name] = true
	}
	for _, list := range [][]string{tlsNames, saslNames} {
		for _, name := range list {
			if !known[name] {
				t.Errorf("%s is no property of Kafka", name)
			}
		}
	}
	for name := range ownKeys {
		if !known[name] {
			t.Errorf("%s is no property of Kafka", name)
		}
	}
	for name := range unsafe {
		if !known[name] {
			t.Errorf("%s is no property of Kafka", name)
		}
	}
}
