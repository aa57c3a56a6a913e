package demo

import (
	"time"

	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/host/guest"
)

// Topics of the demonstration.
const (
	topicRaw      = "payments.raw"
	topicAccepted = "payments.accepted"
	topicRejected = "payments.rejected"

	partitions = 4
	group      = "payments"

	// patience is how long what was interrupted may take to end.
	patience = 2 * time.Second
)

// outputTopics are the topics by the names of the outputs.
var outputTopics = map[string]string{accepted: topicAccepted, rejected: topicRejected}

// pipeline is what both hosts run: one slot, so that the second one takes over what the first one left, and so that
// transactions can be counted one after the other. Transactions are kept small to have several of them.
func pipeline(brokers []string, module []byte, maxRecords int) host.Config {
	return host.Config{
		Name: "payments", Brokers: brokers, Group: group,
		Inputs: []string{topicRaw}, Outputs: outputTopics, DefaultOutput: accepted,
		Transforms: []guest.Config{{Name: "validate", Wasm: module, Params: map[string]any{
			"currencies": currencies, "limit": money(limitCents),
		}}},
		Workers: 1, MaxRecords: maxRecords, MaxDelay: time.Second,
		Once: true, Drain: patience,
	}
}

// plan is how the work is cut: transactions of so many records, and the one at whose end the first host is killed.
func plan(payments int) (maxRecords, killAt int) {
	maxRecords = max(1, payments/20)
	return maxRecords, max(1, payments/maxRecords/3)
}
