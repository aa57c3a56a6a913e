package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// reachTimeout bounds the first question to the brokers.
const reachTimeout = 10 * time.Second

// Reach asks the brokers, to which the client was given these addresses, for an answer, and says what stands in the way of one. The
// error wraps ErrEnvironment.
func Reach(ctx context.Context, client *kgo.Client, addresses []string) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	err := client.Ping(ctx)
	addrs := strings.Join(addresses, ", ")
	switch {
	case err == nil:
		return nil
	case isAny(err, kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState):
		return fmt.Errorf("%w: brokers %s: the user or the password is wrong, or the mechanism: %w", ErrEnvironment, addrs, err)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: brokers %s close the connection at once: does one side speak TLS and the other not, or is the user or the password wrong? %w", ErrEnvironment, addrs, err)
	default:
		return fmt.Errorf("%w: no broker of %s answers: %w", ErrEnvironment, addrs, err)
	}
}

// TransactionVersion is the level of the cluster's feature transaction.version, 0 where it has none (KIP-890). The error wraps ErrEnvironment.
func TransactionVersion(ctx context.Context, client *kgo.Client) (int, error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "wasmflow", "1"
	res, err := req.RequestWith(ctx, client)
	if err != nil {
		return 0, fmt.Errorf("%w: ask for the cluster's features: %w", ErrEnvironment, err)
	}
	for _, f := range res.FinalizedFeatures {
		if f.Name == "transaction.version" {
			return int(f.MaxVersionLevel), nil
		}
	}
	return 0, nil
}

// checkTransactionVersion looks for transaction.version 2 (KIP-890): below it, a late end of a transaction can land in a
// later one.
func (h *Host) checkTransactionVersion(ctx context.Context) error {
	c := h.cfg
	if c.Guarantee != ExactlyOnce || c.RequireTransactionV2 == TransactionV2Off {
		return nil
	}
	version, err := TransactionVersion(ctx, h.client)
	if err != nil {
		return err
	}
	h.counters.transactionVersion.Store(int64(version))
	if version >= 2 {
		return nil
	}
	const text = "transaction.version is %d, but exactly once needs 2 (KIP-890, Apache Kafka 4.0): a delayed end of one transaction could land in the next; " +
		"upgrade it with kafka-features, or see require_transaction_v2"
	if c.RequireTransactionV2 == TransactionV2Enforce {
		return fmt.Errorf("%w: "+text, ErrEnvironment, version)
	}
	h.log.Warn(fmt.Sprintf(text, version))
	return nil
}
