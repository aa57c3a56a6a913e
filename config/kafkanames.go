package config

import (
	"slices"
	"strings"
)

// kafkaNames are the properties that Kafka's producer, consumer and admin client have (Kafka 4.4.0: the sets configNames()
// of ProducerConfig, ConsumerConfig and AdminClientConfig), and those of librdkafka that are read here.
var kafkaNames = strings.Fields(`
acks allow.auto.create.topics auto.commit.interval.ms auto.offset.reset batch.size bootstrap.controllers
bootstrap.resolve.timeout.ms bootstrap.servers buffer.memory buffer.memory.allocation.strategy check.crcs
client.dns.lookup client.id client.rack compression.gzip.level compression.lz4.level compression.type
compression.zstd.level config.providers connections.max.idle.ms default.api.timeout.ms delivery.timeout.ms
enable.auto.commit enable.idempotence enable.metrics.push exclude.internal.topics fetch.max.bytes fetch.max.wait.ms
fetch.min.bytes group.id group.instance.id group.protocol group.remote.assignor heartbeat.interval.ms
interceptor.classes internal.throw.on.fetch.stable.offset.unsupported isolation.level key.deserializer
key.serializer linger.ms max.block.ms max.in.flight.requests.per.connection max.partition.fetch.bytes
max.poll.interval.ms max.poll.records max.request.size metadata.cluster.check.enable metadata.max.age.ms
metadata.max.idle.ms metadata.recovery.rebootstrap.trigger.ms metadata.recovery.strategy metric.reporters
metrics.num.samples metrics.recording.level metrics.sample.window.ms partition.assignment.strategy
partitioner.adaptive.partitioning.enable partitioner.availability.timeout.ms partitioner.class
partitioner.ignore.keys partitioner.rack.aware receive.buffer.bytes reconnect.backoff.max.ms reconnect.backoff.ms
request.timeout.ms retries retry.backoff.max.ms retry.backoff.ms sasl.client.callback.handler.class
sasl.jaas.config sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin sasl.kerberos.service.name
sasl.kerberos.ticket.renew.jitter sasl.kerberos.ticket.renew.window.factor sasl.login.callback.handler.class
sasl.login.class sasl.login.connect.timeout.ms sasl.login.read.timeout.ms sasl.login.refresh.buffer.seconds
sasl.login.refresh.min.period.seconds sasl.login.refresh.window.factor sasl.login.refresh.window.jitter
sasl.login.retry.backoff.max.ms sasl.login.retry.backoff.ms sasl.mechanism
sasl.oauthbearer.allow.unverified.audience sasl.oauthbearer.allow.unverified.issuer
sasl.oauthbearer.assertion.algorithm sasl.oauthbearer.assertion.claim.aud
sasl.oauthbearer.assertion.claim.exp.seconds sasl.oauthbearer.assertion.claim.iss
sasl.oauthbearer.assertion.claim.jti.include sasl.oauthbearer.assertion.claim.nbf.seconds
sasl.oauthbearer.assertion.claim.sub sasl.oauthbearer.assertion.file sasl.oauthbearer.assertion.private.key.file
sasl.oauthbearer.assertion.private.key.passphrase sasl.oauthbearer.assertion.template.file
sasl.oauthbearer.client.credentials.client.id sasl.oauthbearer.client.credentials.client.secret
sasl.oauthbearer.clock.skew.seconds sasl.oauthbearer.expected.audience sasl.oauthbearer.expected.issuer
sasl.oauthbearer.header.urlencode sasl.oauthbearer.jwks.endpoint.refresh.ms
sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms sasl.oauthbearer.jwks.endpoint.retry.backoff.ms
sasl.oauthbearer.jwks.endpoint.url sasl.oauthbearer.jwt.retriever.class sasl.oauthbearer.jwt.validator.class
sasl.oauthbearer.scope sasl.oauthbearer.scope.claim.name sasl.oauthbearer.sub.claim.name
sasl.oauthbearer.token.endpoint.url security.protocol security.providers send.buffer.bytes session.timeout.ms
share.acknowledgement.mode share.acquire.mode socket.connection.setup.timeout.max.ms
socket.connection.setup.timeout.ms ssl.cipher.suites ssl.enabled.protocols ssl.endpoint.identification.algorithm
ssl.engine.factory.class ssl.key.password ssl.keymanager.algorithm ssl.keystore.certificate.chain ssl.keystore.key
ssl.keystore.location ssl.keystore.password ssl.keystore.type ssl.protocol ssl.provider
ssl.secure.random.implementation ssl.trustmanager.algorithm ssl.truststore.certificates ssl.truststore.location
ssl.truststore.password ssl.truststore.type transaction.timeout.ms transaction.two.phase.commit.enable
transactional.id value.deserializer value.serializer
sasl.username sasl.password ssl.ca.location ssl.certificate.location ssl.key.location`)

// ownKeys are properties that a key of this file decides: two places for one thing would contradict each other one day.
var ownKeys = map[string]string{
	"group.id":               "pipelines[].inputs.group",
	"group.instance.id":      "pipelines[].transaction.id_prefix and pipelines[].instance",
	"transactional.id":       "pipelines[].transaction.id_prefix and pipelines[].instance",
	"transaction.timeout.ms": "pipelines[].transaction.timeout",
	"auto.offset.reset":      "pipelines[].inputs.start and pipelines[].on_out_of_range",
	"group.protocol":         "pipelines[].group_protocol",
	"compression.type":       "pipelines[].transaction.compression",
}

// unsafe are properties of which only some values keep the promise: the reason, and whether a value keeps it.
// None of them is handed on: the host sets what they stand for.
var unsafe = map[string]struct {
	reason string
	keeps  func(value string) bool
}{
	"acks":               {"a record that not all in-sync replicas have can be lost: acks must be all", oneOf("all", "-1")},
	"enable.idempotence": {"a retried produce could write a record twice: enable.idempotence must be true", oneOf("true")},
	"enable.auto.commit": {"offsets would move without their outputs: enable.auto.commit must be false", oneOf("false")},
	"max.in.flight.requests.per.connection": {
		"with more than 5 requests in flight the broker cannot tell a duplicate",
		oneOf("1", "2", "3", "4", "5"),
	},
}

func oneOf(values ...string) func(string) bool {
	return func(v string) bool { return slices.Contains(values, strings.ToLower(v)) }
}

// secret says whether the value of a property must never be shown.
func secret(name string) bool {
	for _, part := range []string{"password", "secret", "jaas", "keystore.key", "passphrase"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}
