package host

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kzap"
)

// Timeouts of a session. A black hole in the network shows within produceTimeout + requestOverhead instead of 20 s, one
// retriable error costs metadataMinAge instead of 5 s, and all of it fits into the transaction's timeout (I12). What bounds the
// delivery is the context of a transaction's produces: the client's own RecordDeliveryTimeout counts from the timestamp of
// the record, which is its source's and may be years old.
const (
	produceTimeout   = 4 * time.Second
	requestOverhead  = 3 * time.Second
	dialTimeout      = 3 * time.Second
	metadataMinAge   = 100 * time.Millisecond
	metadataMaxAge   = 30 * time.Second // how soon new partitions and topics are seen; metadata.max.age.ms says otherwise
	rebalanceTimeout = 30 * time.Second
	heartbeat        = time.Second
	endTimeout       = 30 * time.Second
	concurrentWait   = 5 * time.Millisecond

	minTransactionTimeout = produceTimeout + requestOverhead + time.Second
)

// SessionTimeout after which the group gives the partitions of a member away that does not answer any more. The broker's
// group.min.session.timeout.ms and group.max.session.timeout.ms must allow it.
const SessionTimeout = 30 * time.Second

// Sizes of fetches: large ones make large transactions, and a transaction has a price of its own.
const (
	fetchMaxBytes     = 32 << 20
	fetchMaxPartition = 4 << 20
	maxBuffered       = 1 << 20
)

// clientOptions are what every client of a pipeline shares: the caller's own (TLS, SASL), then ours.
func (h *Host) clientOptions() []kgo.Opt {
	opts := append([]kgo.Opt{kgo.MetadataMaxAge(metadataMaxAge), kgo.ClientID("wasmflow-" + h.cfg.Instance)}, h.cfg.Kafka...)
	return append(opts,
		kgo.SeedBrokers(h.cfg.Brokers...),
		kgo.MetadataMinAge(metadataMinAge),
		kgo.RequestTimeoutOverhead(requestOverhead),
		kgo.DialTimeout(dialTimeout),
		// The client tells much that it then mends by itself; what matters comes back as an error and is logged here.
		kgo.WithLogger(kzap.New(h.log.Named("kafka"), kzap.Level(kgo.LogLevelWarn))),
	)
}

// sessionOptions are the options of a worker's session, each on purpose. The group's offsets are read once ready is closed.
func (w *worker) sessionOptions(ready <-chan struct{}) []kgo.Opt {
	c := w.h.cfg
	w.limits = w.h.topics.batchLimits()
	opts := append(w.h.clientOptions(),
		kgo.ConsumerGroup(c.Group),
		kgo.DisableAutoCommit(),    // (I1) offsets go with the end of their transaction
		kgo.KeepControlRecords(),   // the commit passes transaction markers, so that lag reaches 0
		kgo.BlockRebalanceOnPoll(), // (I4) nothing is taken away between a poll and its end
		kgo.SessionTimeout(SessionTimeout),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.HeartbeatInterval(heartbeat),
		kgo.FetchMaxBytes(fetchMaxBytes),
		kgo.FetchMaxPartitionBytes(fetchMaxPartition),
		kgo.FetchIsolationLevel(w.isolation()), // (I14)
		// Where to begin is decided in adjustOffsets, and nothing may ever be skipped behind our back.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.AdjustFetchOffsetsFn(w.adjustOffsets),
		kgo.OnPartitionsAssigned(func(ctx context.Context, cl *kgo.Client, partitions map[string][]int32) {
			select { // the client reads offsets after this callback (I7)
			case <-ready:
			case <-ctx.Done():
			}
			id, _ := cl.GroupMetadata()
			w.member.Store(&id)
			w.assigned(partitions)
		}),
		kgo.OnPartitionsRevoked(w.revoked),
		kgo.OnPartitionsLost(w.revoked),
		kgo.OnPartitionsCallbackBlocked(w.rebalanceWaits),

		kgo.RecordPartitioner(newPartitioner()),
		kgo.ProducerBatchMaxBytesFn(w.limits.of),
		kgo.ProducerBatchCompression(codec(c.Compression)),
		kgo.ProducerLinger(0),
		kgo.MaxBufferedRecords(maxBuffered),
		kgo.ProduceRequestTimeout(produceTimeout),
		kgo.UnknownTopicRetries(2),
	)
	if c.InputsRegex == "" {
		opts = append(opts, kgo.ConsumeTopics(c.Inputs...))
	} else {
		exclude := []string{"^__.*"}
		for _, topic := range c.OutputTopics() {
			exclude = append(exclude, anchored(quoted(topic)))
		}
		opts = append(opts, kgo.ConsumeRegex(), kgo.ConsumeTopics(anchored(c.InputsRegex)), kgo.ConsumeExcludeTopics(exclude...))
	}
	if c.GroupProtocol == GroupConsumer {
		// The default balancer would silently keep the classic protocol. The member is a dynamic one: under KIP-848 the broker
		// gives an instance id back only after the session of whoever held it has expired, so that a host that crashed
		// would be refused its own slot.
		opts = append(opts, kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()))
	} else {
		// (I6) The slot: the broker gives it back after a crash, without a rebalance (KIP-345).
		opts = append(opts, kgo.InstanceID(c.transactionalID(w.n)), kgo.Balancers(kgo.CooperativeStickyBalancer()))
	}
	if c.Guarantee == ExactlyOnce {
		opts = append(opts,
			kgo.TransactionalID(c.transactionalID(w.n)),
			kgo.TransactionTimeout(c.TransactionTimeout),
			kgo.ConcurrentTransactionsBackoff(concurrentWait))
	}
	return opts
}

func (w *worker) isolation() kgo.IsolationLevel {
	if w.h.cfg.Isolation == ReadUncommitted {
		return kgo.ReadUncommitted()
	}
	return kgo.ReadCommitted()
}

func codec(c Compression) kgo.CompressionCodec {
	switch c {
	case CompressionGzip:
		return kgo.GzipCompression()
	case CompressionSnappy:
		return kgo.SnappyCompression()
	case CompressionLz4:
		return kgo.Lz4Compression()
	case CompressionZstd:
		return kgo.ZstdCompression()
	default:
		return kgo.NoCompression()
	}
}

// deliveryTimeout bounds the produces of a transaction (I12): the broker aborts it after its timeout, and the commit needs time
// too. One produce request is always allowed the time that it may take.
func (c *Config) deliveryTimeout() time.Duration {
	return max(c.TransactionTimeout*4/5, produceTimeout+requestOverhead)
}

// detached gives a context that outlives Run's (I13): a cancelled end of a transaction would have an unknown outcome.
func (c *Config) detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), c.deliveryTimeout()+endTimeout)
}
