package host

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/host/guest"
)

// Guarantee is what a pipeline promises for each input record.
type Guarantee string

const (
	// ExactlyOnce makes the outputs and the consumed offsets of a transaction visible together or not at all. The default.
	ExactlyOnce Guarantee = "exactly_once"
	// AtLeastOnce commits offsets after the outputs were written: a record may come out more than once, none is lost.
	AtLeastOnce Guarantee = "at_least_once"
)

// Start says where a group without committed offsets begins to read a partition.
type Start string

const (
	// StartEarliest begins at the first record. The default.
	StartEarliest Start = "earliest"
	// StartLatest begins after the last record.
	StartLatest Start = "latest"
)

// Isolation says which records of the input are read (KIP-98).
type Isolation string

const (
	// ReadCommitted reads no record of an open or aborted transaction. The default, and the only one under ExactlyOnce.
	ReadCommitted Isolation = "read_committed"
	// ReadUncommitted reads every record.
	ReadUncommitted Isolation = "read_uncommitted"
)

// GroupProtocol says how the consumer group is balanced.
type GroupProtocol string

const (
	// GroupClassic is the classic protocol, cooperative-sticky (KIP-429). The default.
	GroupClassic GroupProtocol = "classic"
	// GroupConsumer is the broker-side protocol (KIP-848), Kafka 4.0 or later.
	GroupConsumer GroupProtocol = "consumer"
)

// OutOfRange says what happens where the next offset of a partition does not exist any more.
type OutOfRange string

const (
	// OutOfRangeFail stops the pipeline and names topic, partition, offset and log start. The default.
	OutOfRangeFail OutOfRange = "fail"
	// OutOfRangeEarliest goes on at the first offset that exists: the records between are lost, counted and logged.
	OutOfRangeEarliest OutOfRange = "earliest"
	// OutOfRangeLatest goes on at the end: everything before is lost, counted and logged.
	OutOfRangeLatest OutOfRange = "latest"
)

// TransactionV2 says what to do where the cluster lacks transaction.version 2 (KIP-890).
type TransactionV2 string

const (
	// TransactionV2Warn logs a warning. The default.
	TransactionV2Warn TransactionV2 = "warn"
	// TransactionV2Enforce refuses to start.
	TransactionV2Enforce TransactionV2 = "enforce"
	// TransactionV2Off does not look.
	TransactionV2Off TransactionV2 = "off"
)

// Compression of the batches that are produced.
type Compression string

// Codecs that Kafka defines.
const (
	CompressionNone   Compression = "none"
	CompressionGzip   Compression = "gzip"
	CompressionSnappy Compression = "snappy"
	CompressionLz4    Compression = "lz4"
	CompressionZstd   Compression = "zstd"
)

// Leave says whether a host's slots leave the group when it ends. One that stays keeps its partitions for the same slot, which a
// restart takes without a rebalance (KIP-345); nobody reads them meanwhile, for 30 seconds at most.
type Leave string

const (
	// LeaveAuto stays, unless Host.Leave was called or the host ran once. The default.
	LeaveAuto Leave = "auto"
	// LeaveAlways leaves at once: the other hosts take over, and a restart is a rebalance.
	LeaveAlways Leave = "always"
	// LeaveNever stays.
	LeaveNever Leave = "never"
)

// Config is a pipeline: inputs, transforms, outputs, and how its transactions run. The zero value of every field but the
// first six is a default. New copies it; it may be used again.
type Config struct {
	// Name of the pipeline, in logs, errors and metrics. Characters [a-zA-Z0-9._-].
	Name string
	// Brokers are the addresses to start from, host:port.
	Brokers []string
	// Group is the consumer group. Two pipelines never share one.
	Group string
	// Inputs are the topics to read. Either Inputs or InputsRegex is given.
	Inputs []string
	// Outputs are the only topics that transforms can write to, by the names that transforms use.
	Outputs map[string]string
	// Transforms run as a chain in one transaction: what one writes to the default output is the next one's input.
	Transforms []guest.Config

	// InputsRegex reads every topic that it matches as a whole, also those created later, but never an output of this
	// pipeline nor a topic whose name begins with "__".
	InputsRegex string
	// DefaultOutput is the output of a record that names none; where there is one output, it is the default.
	DefaultOutput string
	// Start applies where the group has no committed offset: StartEarliest.
	Start Start
	// Isolation of the inputs: ReadCommitted.
	Isolation Isolation
	// Guarantee: ExactlyOnce.
	Guarantee Guarantee

	// Instance names this host among those of the group, the same after a restart: "0". It must differ between hosts.
	Instance string
	// IDPrefix begins transactional.id and group.instance.id, <IDPrefix>-<Instance>-<worker>: <Group>-<Name>.
	IDPrefix string
	// Workers is the number of sessions, each with its own transaction: max(2, cores), at most one a partition.
	Workers int
	// GroupProtocol: GroupClassic.
	GroupProtocol GroupProtocol
	// RequireTransactionV2: TransactionV2Warn.
	RequireTransactionV2 TransactionV2
	// OnOutOfRange: OutOfRangeFail.
	OnOutOfRange OutOfRange
	// Errors is what happens to records that no transform or no output topic takes.
	Errors ErrorPolicy

	// TransactionTimeout after which the broker aborts an open transaction: 10 s. It bounds how long a dead host holds up
	// the readers of its outputs.
	TransactionTimeout time.Duration
	// MaxRecords of input in one transaction: 40,000.
	MaxRecords int
	// MaxBytes of input in one transaction: 16 MiB. One record may be larger; where sizes vary much, one poll may go past it.
	MaxBytes int64
	// MaxDelay between the first poll of a transaction and its end, while more input keeps coming: 50 ms.
	MaxDelay time.Duration
	// MaxGuestTime bounds the guest's share of one transaction: 10 s. Past it no further call starts, and what is left of
	// the poll is taken again in smaller transactions.
	MaxGuestTime time.Duration
	// Compression of what is produced: CompressionNone.
	Compression Compression
	// Drain bounds the end of the open transaction once Run's context is done: 25 s.
	Drain time.Duration
	// Leave: LeaveAuto. Under GroupConsumer members are dynamic, and always leave.
	Leave Leave
	// Once ends Run when every partition has been committed up to where it ended at the start.
	Once bool
	// Ends are where Once ends instead, by input topic and partition: nothing is waited for behind these offsets, and a partition
	// that has committed up to its own, or has none, is not read on, though what was polled with the last records before it is
	// still processed. With Ends, and only with them, an input may be an output too.
	Ends map[string]map[int32]int64

	// Logger; nil logs nothing.
	Logger *zap.Logger
	// Metrics; nil registers none.
	Metrics prometheus.Registerer
	// Hooks are told what happens.
	Hooks Hooks
	// Kafka are further options of every client, TLS and SASL above all. They are applied before the host's own.
	Kafka []kgo.Opt
}
