package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

// pki is an authority with a certificate for a broker and one for a client, in PEM.
type pki struct {
	ca, broker, brokerKey, client, clientKey string
}

func newPKI(t *testing.T, brokerHost string) pki {
	t.Helper()
	caKey, _ := newKey(t)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	out := pki{ca: sign(t, ca, ca, caKey, caKey)}
	leaf := func(name string, hosts ...string) (cert, key string) {
		k, text := newKey(t)
		return sign(t, &x509.Certificate{
			SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: hosts, NotAfter: time.Now().Add(time.Hour),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}, ca, k, caKey), text
	}
	out.broker, out.brokerKey = leaf("broker", brokerHost)
	out.client, out.clientKey = leaf("client")
	return out
}

func newKey(t *testing.T) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func sign(t *testing.T, cert, by *x509.Certificate, key, byKey *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, by, &key.PublicKey, byKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// handshake lets the client settings of conf talk to a broker of p that demands a client certificate if mutual.
func handshake(t *testing.T, conf *Config, p pki, mutual bool) error {
	t.Helper()
	got, _ := client(t, conf).OptValue(kgo.DialTLSConfig).(*tls.Config)
	if got == nil {
		t.Fatal("no TLS")
	}
	pair, err := tls.X509KeyPair([]byte(p.broker), []byte(p.brokerKey))
	if err != nil {
		t.Fatal(err)
	}
	server := &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: x509.NewCertPool()}
	server.ClientCAs.AppendCertsFromPEM([]byte(p.ca))
	if mutual {
		server.ClientAuth = tls.RequireAndVerifyClientCert
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("x")) // under TLS 1.3 a refused client certificate shows at the first read
		_, _ = conn.Read(make([]byte, 1))
	}()
	mine := got.Clone()
	mine.ServerName = "kafka.test"
	conn, err := tls.Dial("tcp", listener.Addr().String(), mine)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Read(make([]byte, 1))
	return err
}

func TestTLS(t *testing.T) {
	t.Parallel()
	good, other := newPKI(t, "kafka.test"), newPKI(t, "elsewhere.test")
	dir := write(t, map[string]string{
		"ca": good.ca, "cert": good.client, "key": good.clientKey, "both": good.clientKey + good.client, "other-ca": other.ca,
	})
	in := func(name string) string { return filepath.Join(dir, name) }
	oneLine := func(text string) string { return strings.ReplaceAll(text, "\n", " ") }
	for name, c := range map[string]struct {
		x      []string
		p      pki
		mutual bool
		want   string
	}{
		"librdkafka's names":               {[]string{"ssl.ca.location=" + in("ca"), "ssl.certificate.location=" + in("cert"), "ssl.key.location=" + in("key")}, good, true, ""},
		"Java's, files":                    {[]string{"ssl.truststore.type=PEM", "ssl.truststore.location=" + in("ca"), "ssl.keystore.type=PEM", "ssl.keystore.location=" + in("both")}, good, true, ""},
		"Java's, texts":                    {[]string{"ssl.truststore.certificates=" + good.ca, "ssl.keystore.certificate.chain=" + good.client, "ssl.keystore.key=" + good.clientKey}, good, true, ""},
		"texts on one line":                {[]string{"ssl.truststore.certificates=" + oneLine(good.ca), "ssl.keystore.certificate.chain=" + oneLine(good.client), "ssl.keystore.key=" + oneLine(good.clientKey)}, good, true, ""},
		"no client certificate":            {[]string{"ssl.ca.location=" + in("ca")}, good, true, "certificate required"},
		"the system's":                     {nil, good, false, "unknown authority"},
		"another authority":                {[]string{"ssl.ca.location=" + in("other-ca")}, good, false, "unknown authority"},
		"another host":                     {[]string{"ssl.ca.location=" + in("other-ca")}, other, false, "not kafka.test"},
		"another host, unchecked":          {[]string{"ssl.ca.location=" + in("other-ca"), "ssl.endpoint.identification.algorithm="}, other, false, ""},
		"unchecked, but not the authority": {[]string{"ssl.ca.location=" + in("ca"), "ssl.endpoint.identification.algorithm=none"}, other, false, "unknown authority"},
		"unchecked, the system's":          {[]string{"ssl.endpoint.identification.algorithm="}, good, false, "unknown authority"},
		"one version":                      {[]string{"ssl.ca.location=" + in("ca"), "ssl.enabled.protocols=TLSv1.2"}, good, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf, err := loadText(t, small, Options{Kafka: append([]string{"security.protocol=SSL"}, c.x...)})
			if err != nil {
				t.Fatal(err)
			}
			err = handshake(t, conf, c.p, c.mutual)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestStoresThatAreRefused(t *testing.T) {
	t.Parallel()
	good, other := newPKI(t, "kafka.test"), newPKI(t, "kafka.test")
	encrypted := string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}))
	dir := write(t, map[string]string{
		"ca": good.ca, "cert": good.client, "key": good.clientKey, "encrypted": encrypted, "other-key": other.clientKey,
		"jks": "\xfe\xed\xfe\xed\x00\x00\x00\x02", "p12": "\x30\x82\x01\x00",
	})
	for name, c := range map[string]struct{ x, want string }{
		"JKS truststore":    {"ssl.truststore.location=jks", "keytool -list -rfc -keystore DIR/jks > ca.pem"},
		"PKCS12 truststore": {"ssl.truststore.location=p12", "keytool -list -rfc -keystore DIR/p12 > ca.pem"},
		"JKS keystore":      {"ssl.keystore.location=jks", "keytool -importkeystore -srckeystore DIR/jks -destkeystore client.p12 -deststoretype PKCS12"},
		"PKCS12 keystore":   {"ssl.keystore.location=p12", "openssl pkcs12 -in DIR/p12 -nodes -out client.pem"},
		"an encrypted key":  {"ssl.certificate.location=cert ssl.key.location=encrypted", "openssl pkey -in"},
		"another key":       {"ssl.certificate.location=cert ssl.key.location=other-key", "private key does not match public key"},
		"no key in it":      {"ssl.keystore.location=cert", "found a certificate rather than a key"},
		"a folder":          {"ssl.ca.location=.", "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{Kafka: []string{"security.protocol=SSL"}}
			for _, x := range strings.Fields(c.x) {
				k, v, _ := strings.Cut(x, "=")
				o.Kafka = append(o.Kafka, k+"="+filepath.Join(dir, v))
			}
			_, err := loadText(t, small, o)
			if want := strings.ReplaceAll(c.want, "DIR", dir); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

func TestPropertiesFile(t *testing.T) {
	t.Parallel()
	text := "# a comment with é\r\n! another\n\n  client.id : me\\\n     too\nsasl.username=u\nsasl.password = p w\\u00e9\\=${env:X} \nclient.id=again\n" +
		"no.such\nssl.truststore.certificates=a\\\\\nclient.rack=é\n=x\nlinger.ms 5\n"
	dir := write(t, map[string]string{"p.properties": text, "c.yaml": small, "m.wasm": wasm})
	c := &checker{decoder: &decoder{loader: &loader{}, places: map[string]place{}, bad: map[string]bool{}}}
	got := map[string]string{}
	lines := map[string]int{}
	name := filepath.Join(dir, "p.properties")
	for k, p := range c.propertiesFile(name, "kafka.properties_file") {
		got[k], lines[k] = p.value, p.at.line
	}
	want := map[string]string{
		"client.id": "again", "sasl.username": "u", "sasl.password": "p wé=${env:X} ", "no.such": "",
		"ssl.truststore.certificates": `a\`, "linger.ms": "5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"client.id": 8, "sasl.username": 6, "sasl.password": 7, "no.such": 9, "ssl.truststore.certificates": 10, "linger.ms": 13}, lines); diff != "" {
		t.Errorf("lines: -want +got\n%s", diff)
	}
	var places []string
	for _, p := range append(c.problems, c.warnings...) {
		places = append(places, strings.TrimPrefix(p.Error(), name))
	}
	if diff := cmp.Diff([]string{
		`:11:1: only ASCII: Java reads this file as ISO-8859-1, whatever it is in (write \u00e9 for é)`,
		`:12:1: not a property (write name=value)`,
		`:8:1: client.id: given twice: this one wins over line 4`,
	}, places); diff != "" {
		t.Errorf("problems: -want +got\n%s", diff)
	}

	// The properties of the configuration win, and a path starts from the folder of the file that has it.
	if err := os.WriteFile(name, []byte("client.id=file\nssl.ca.location=nowhere.pem\nsecurity.protocol=SSL\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(Options{Files: []string{filepath.Join(dir, "c.yaml")}, Set: []string{"kafka::properties_file=" + name}})
	if want := name + ":2:1: ssl.ca.location: " + filepath.Join(dir, "nowhere.pem") + ": there is no such file"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
