package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"

	"github.com/wasmflow/wasmflow/host"
)

// soon is how long before its end a certificate is a warning.
const soon = 30 * 24 * time.Hour

// connection looks at every address that is configured, then at every broker by the address that the cluster tells its clients. It
// says whether there is one to ask.
func (x *examination) connection(ctx context.Context) bool {
	var found []Check
	reached := false
	for _, address := range x.o.Brokers {
		c := x.reach(ctx, address)
		found = append(found, c)
		reached = reached || c.State == OK
	}
	for _, c := range found {
		if reached && c.State == Failed {
			c.State, c.Do = Warning, "another address answers; mend this one, or take it out of kafka.bootstrap_servers"
		}
		x.add(c)
	}
	if !reached {
		return false
	}
	if mechanisms, ok := x.client.OptValue(kgo.SASL).([]sasl.Mechanism); ok && len(mechanisms) > 0 {
		x.add(Check{Name: CheckSASL, Text: mechanisms[0].Name() + ": the brokers know the user"})
	} else {
		x.add(Check{Name: CheckSASL, Text: "not used: the brokers know the client by its certificate, or not at all"})
	}
	x.advertised(ctx)
	return true
}

// reach asks at one address.
func (x *examination) reach(ctx context.Context, address string) Check {
	c := Check{Name: CheckBrokers, About: address, State: OK, Text: "answers"}
	client, err := kgo.NewClient(append(x.options(), kgo.SeedBrokers(address))...)
	if err != nil {
		c.State, c.Text = Failed, err.Error()
		return c
	}
	defer client.Close()
	if err := host.Reach(ctx, client, []string{address}); err != nil {
		c.State, c.Text = Failed, strings.TrimPrefix(err.Error(), host.ErrEnvironment.Error()+": ")
		c.Do = "check the address, the network between, and that the listener there has this security.protocol"
		var certificate *tls.CertificateVerificationError
		switch {
		case errors.As(err, &certificate):
			c.Name, c.Do = CheckTLS, "give the authority of the brokers' certificates in ssl.ca.location, and addresses that these certificates name"
		case errors.Is(err, kerr.SaslAuthenticationFailed), errors.Is(err, kerr.UnsupportedSaslMechanism), errors.Is(err, kerr.IllegalSaslState):
			c.Name, c.Do = CheckSASL, "check sasl.username, sasl.password and sasl.mechanism"
		}
	}
	return c
}

// advertised asks each broker of the cluster by the address that it gives to clients.
func (x *examination) advertised(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*askTimeout)
	defer cancel()
	meta, err := x.admin.BrokerMetadata(ctx)
	if err != nil {
		x.add(Check{Name: CheckBrokers, State: Unknown, Text: "the cluster does not list its brokers: " + err.Error()})
		return
	}
	x.brokers = len(meta.Brokers)
	conf, _ := x.client.OptValue(kgo.DialTLSConfig).(*tls.Config)
	for _, b := range meta.Brokers {
		c := Check{Name: CheckBrokers, About: "broker " + strconv.Itoa(int(b.NodeID)), Text: "answers at " + address(b)}
		if _, err := x.client.Broker(int(b.NodeID)).Request(ctx, kmsg.NewPtrApiVersionsRequest()); err != nil {
			c.State, c.Text = Failed, fmt.Sprintf("the cluster says that it is at %s, where it does not answer: %v", address(b), err)
			c.Do = "mend advertised.listeners of this broker, or the network between"
			x.add(c)
			continue
		}
		x.add(c)
		if conf != nil {
			x.certificate(ctx, conf, address(b))
		}
	}
	if conf == nil {
		x.add(Check{Name: CheckTLS, Text: "not used: records go over the network as they are"})
		return
	}
	for _, own := range conf.Certificates {
		if own.Leaf != nil {
			x.expiry("our own certificate", []*x509.Certificate{own.Leaf})
		}
	}
}

func address(b kadm.BrokerDetail) string { return net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port))) }

// certificate looks at what a broker shows.
func (x *examination) certificate(ctx context.Context, conf *tls.Config, address string) {
	dialer := tls.Dialer{Config: conf.Clone()}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		x.add(Check{Name: CheckTLS, About: address, State: Unknown, Text: "its certificate cannot be looked at: " + err.Error()})
		return
	}
	defer conn.Close()
	x.expiry(address, conn.(*tls.Conn).ConnectionState().PeerCertificates)
}

// expiry looks for the certificate of a chain that ends first.
func (x *examination) expiry(about string, chain []*x509.Certificate) {
	if len(chain) == 0 {
		return
	}
	first := chain[0]
	for _, cert := range chain {
		if cert.NotAfter.Before(first.NotAfter) {
			first = cert
		}
	}
	c := Check{Name: CheckTLS, About: about, Text: fmt.Sprintf("the certificate of %q is valid until %s", first.Subject, first.NotAfter.UTC().Format(time.DateOnly))}
	switch left := time.Until(first.NotAfter); {
	case left < 0:
		c.State, c.Do = Failed, "it has expired: replace it"
	case left < soon:
		c.State, c.Do = Warning, fmt.Sprintf("replace it within %d days", int(left.Hours()/24))
	}
	x.add(c)
}
