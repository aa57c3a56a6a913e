package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Properties of TLS that are read: Java's with PEM stores, and librdkafka's.
var tlsNames = []string{
	"ssl.truststore.location", "ssl.truststore.type", "ssl.truststore.certificates",
	"ssl.keystore.location", "ssl.keystore.type", "ssl.keystore.certificate.chain", "ssl.keystore.key", "ssl.key.password",
	"ssl.ca.location", "ssl.certificate.location", "ssl.key.location",
	"ssl.endpoint.identification.algorithm", "ssl.enabled.protocols",
}

// noNames is the property whose empty value turns a check off.
const noNames = "ssl.endpoint.identification.algorithm"

var protocols = []string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}

// protocol is security.protocol, by Kafka's default PLAINTEXT.
func (k *kafkaChecker) protocol() string {
	if p := strings.ToUpper(k.get("security.protocol")); p != "" {
		return p
	}
	return "PLAINTEXT"
}

// tls adds the option for TLS where security.protocol asks for it.
func (k *kafkaChecker) tls() {
	protocol := k.protocol()
	if !slices.Contains(protocols, protocol) {
		hint := didYouMean(protocol, protocols)
		if hint == "" {
			hint = "one of " + strings.Join(protocols, ", ")
		}
		k.fault("security.protocol", CodeBadValue, hint, "%s is not a value of it", k.value("security.protocol"))
		return
	}
	if !strings.HasSuffix(protocol, "SSL") {
		for _, name := range tlsNames {
			if k.has(name) {
				k.fault(name, CodeConflict, "set security.protocol to SSL or SASL_SSL", "security.protocol is %s: the connection would not be encrypted", protocol)
			}
		}
		return
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	k.trust(conf)
	k.keys(conf)
	k.versions(conf)
	if name := noNames; k.has(name) {
		switch algorithm := strings.ToLower(k.get(name)); algorithm {
		case "https":
		case "", "none":
			withoutNames(conf)
			p := k.props[name]
			k.warn(p.at, CodeWeak, p.path, "", "any certificate of a trusted authority passes for a broker's, whatever host it names")
		default:
			k.fault(name, CodeBadValue, `https, or "" for none`, "%s is not a value of it", k.value(name))
		}
	}
	k.opts = append(k.opts, kgo.DialTLSConfig(conf))
}

// withoutNames keeps the check of the chain, but not of the host's name. crypto/tls can only leave out both, so the chain
// is verified by hand.
func withoutNames(conf *tls.Config) {
	roots := conf.RootCAs
	conf.InsecureSkipVerify = true
	conf.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("the broker showed no certificate")
		}
		between := x509.NewCertPool()
		for _, cert := range state.PeerCertificates[1:] {
			between.AddCert(cert)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
		return err
	}
}

// one is the only one of names that is given; several contradict each other.
func (k *kafkaChecker) one(names ...string) (string, bool) {
	given := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !k.has(n) })
	if len(given) > 1 {
		k.fault(given[1], CodeConflict, "", "%s is given too", given[0])
	}
	return strings.Join(given[:min(1, len(given))], ""), len(given) == 1
}

func (k *kafkaChecker) trust(conf *tls.Config) {
	name, ok := k.one("ssl.truststore.location", "ssl.truststore.certificates", "ssl.ca.location")
	if !ok {
		return // the system's authorities
	}
	data, ok := k.pem(name, "ssl.truststore.type")
	if !ok {
		return
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(data) {
		k.fault(name, CodeBadValue, "it needs -----BEGIN CERTIFICATE-----", "holds no certificate in PEM")
	}
}

func (k *kafkaChecker) keys(conf *tls.Config) {
	chain, one := k.one("ssl.keystore.location", "ssl.keystore.certificate.chain", "ssl.certificate.location")
	key, other := k.one("ssl.keystore.key", "ssl.key.location")
	switch {
	case !one && !other, k.broken("ssl.keystore.location", "ssl.keystore.certificate.chain", "ssl.certificate.location", "ssl.keystore.key", "ssl.key.location"):
		return
	case chain == "":
		k.fault(key, CodeMissing, "add ssl.certificate.location or ssl.keystore.certificate.chain", "a key without its certificate")
		return
	case key == "" && chain != "ssl.keystore.location":
		k.fault(chain, CodeMissing, "add ssl.key.location or ssl.keystore.key", "a certificate without its key")
		return
	case key == "":
		key = chain // one file with both
	case chain == "ssl.keystore.location":
		k.fault(key, CodeConflict, "", "ssl.keystore.location holds the key")
		return
	}
	certs, ok := k.pem(chain, "ssl.keystore.type")
	private := certs
	if key != chain && ok {
		private, ok = k.pem(key, "")
	}
	if !ok {
		return
	}
	if encryptedKey(private) {
		k.fault(key, CodeUnsupported, "openssl pkey -in key.pem -out plain.pem, readable by this process alone", "an encrypted private key")
		return
	}
	pair, err := tls.X509KeyPair(certs, private)
	if err != nil {
		k.fault(chain, CodeBadValue, "", "%s", strings.TrimPrefix(err.Error(), "tls: "))
		return
	}
	conf.Certificates = []tls.Certificate{pair}
	if name := "ssl.key.password"; k.has(name) {
		k.warn(k.props[name].at, CodeNoEffect, k.props[name].path, "", "the key is not encrypted")
	}
}

func encryptedKey(data []byte) bool {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return true
		}
	}
	return false
}

// A PEM text in a property may have lost the ends of its lines.
var onOneLine = regexp.MustCompile(`(-----BEGIN [A-Z ]+-----)([^-]*)(-----END [A-Z ]+-----)`)

// pem is the content of a store: a file's, or the property itself.
func (k *kafkaChecker) pem(name, typeName string) ([]byte, bool) {
	if typ := strings.ToUpper(k.get(typeName)); typeName != "" && typ != "" && typ != "PEM" {
		k.fault(typeName, CodeUnsupported, asPEM(name, typ, "STORE"), "stores of type %s cannot be read, only PEM", k.value(typeName))
		return nil, false
	}
	if !strings.HasSuffix(name, ".location") {
		return []byte(onOneLine.ReplaceAllStringFunc(k.get(name), func(block string) string {
			part := onOneLine.FindStringSubmatch(block)
			return part[1] + "\n" + strings.Join(strings.Fields(part[2]), "\n") + "\n" + part[3] + "\n"
		})), true
	}
	path := resolve(k.get(name), k.props[name].at)
	data, err := readBounded(path, maxFile)
	path = k.shownPath(k.props[name].path, path)
	if err != nil {
		k.fault(name, codeOf(err), "", "%s: %s", path, reason(err))
		return nil, false
	}
	switch {
	case bytes.HasPrefix(data, []byte{0xfe, 0xed, 0xfe, 0xed}), bytes.HasPrefix(data, []byte{0xce, 0xce, 0xce, 0xce}):
		k.fault(name, CodeUnsupported, asPEM(name, "JKS", path), "%s: a JKS store; only PEM can be read", path)
		return nil, false
	case bytes.HasPrefix(data, []byte{0x30}):
		k.fault(name, CodeUnsupported, asPEM(name, "PKCS12", path), "%s: a PKCS12 store; only PEM can be read", path)
		return nil, false
	}
	return data, true
}

// asPEM is the command that makes PEM of a store.
func asPEM(name, typ, path string) string {
	switch keys := strings.Contains(name, "keystore"); {
	case !keys:
		return "keytool -list -rfc -keystore " + path + " > ca.pem, and the type PEM"
	case typ == "PKCS12":
		return "openssl pkcs12 -in " + path + " -nodes -out client.pem, and the type PEM"
	default:
		return "keytool -importkeystore -srckeystore " + path + " -destkeystore client.p12 -deststoretype PKCS12, " +
			"then openssl pkcs12 -in client.p12 -nodes -out client.pem, and the type PEM"
	}
}

// versions narrows TLS to ssl.enabled.protocols.
func (k *kafkaChecker) versions(conf *tls.Config) {
	const name = "ssl.enabled.protocols"
	if !k.has(name) {
		return
	}
	var low, high uint16
	for _, item := range split(&cell{text: k.get(name)}).items {
		v, ok := map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}[cellOf(item).text]
		if !ok {
			k.fault(name, CodeUnsupported, "TLSv1.2 and TLSv1.3", "%s is not supported", k.value(name))
			return
		}
		if low == 0 || v < low {
			low = v
		}
		high = max(high, v)
	}
	if low > 0 {
		conf.MinVersion, conf.MaxVersion = low, high
	}
}
