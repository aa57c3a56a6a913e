package kafka_test

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wasmflow/wasmflow/host/guest"
	"github.com/wasmflow/wasmflow/test/load"
)

// payment is a payment of the id. Every third is over the limit, every seventh in a currency that is not accepted.
func payment(id int) (json string, accepted bool) {
	currency, amount := "EUR", fmt.Sprintf("%d.%02d", 1+id%9_000, id%100)
	if id%7 == 0 {
		currency = "GBP"
	}
	if id%3 == 0 {
		amount = "10000.01"
	}
	return fmt.Sprintf(`{"id":"p-%08d","account":"a-%d","currency":%q,"amount":%q}`, id, id%97, currency, amount), id%7 != 0 && id%3 != 0
}

// TestPayments holds that each payment is in exactly one of two topics, the right one, once, in order per partition.
func TestPayments(t *testing.T) {
	for _, language := range []string{"rust", "go"} {
		t.Run(language, func(t *testing.T) {
			in, accepted, rejected := topic(t, "raw", 4), topic(t, "accepted", 4), topic(t, "rejected", 4)
			n := many() / 10
			if language == "go" {
				n /= 4
			}
			cfg := pipeline(t, in, accepted, guest.Config{
				Name: "validate", Wasm: module(t, "payments-"+language),
				Params: map[string]any{"currencies": []any{"EUR", "USD"}, "limit": "10000.00"},
			})
			cfg.Outputs = map[string]string{"accepted": accepted, "rejected": rejected}
			cfg.DefaultOutput = "accepted"
			load.Produce(t, kafka.Broker, 0, n, func(id int) *kgo.Record {
				json, _ := payment(id)
				return &kgo.Record{Topic: in, Key: fmt.Appendf(nil, "%d", id), Value: []byte(json)}
			})
			if err := pipe(t, cfg); err != nil {
				t.Fatal(err)
			}
			verifyLag(t, cfg.Group, in)
			b := load.NewBooks(n)
			read(t, func(r *kgo.Record) {
				var id int
				if _, err := fmt.Sscanf(string(r.Key), "%d", &id); err != nil || id < 0 || id >= n {
					b.Find("%s/%d@%d: key %q", r.Topic, r.Partition, r.Offset, r.Key)
					return
				}
				json, accept := payment(id)
				if want := map[bool]string{true: accepted, false: rejected}[accept]; r.Topic != want {
					b.Find("payment %s is in %s", json, r.Topic)
				}
				if string(r.Value) != json {
					b.Find("payment %s became %s", json, r.Value)
				}
				if accept == (len(r.Headers) > 0) {
					b.Find("payment %s has headers %v", json, r.Headers)
				}
				b.Enter(id, r)
			}, accepted, rejected)
			b.Settle(t)
		})
	}
}
