package config

import (
	"time"
)

// The structs of the file. A field's tags are the one source of its name, default, bounds and documentation:
// yaml its key, doc what it means, default what it is when absent, required, min and max, enum its values, and
// only what to say where another value is given.

type file struct {
	Version   int             `yaml:"version" default:"1" min:"1" max:"1" only:"this version reads version 1" doc:"Format of this file."`
	Kafka     kafkaSection    `yaml:"kafka" doc:"Connection to the cluster, the same for all pipelines."`
	Modules   modulesSection  `yaml:"modules" doc:"What modules are accepted, and where compiled ones are kept."`
	Defaults  defaultsSection `yaml:"defaults" doc:"What every transform takes unless it says otherwise."`
	Pipelines []pipeline      `yaml:"pipelines" required:"true" doc:"Each reads topics, runs transforms and writes topics."`
	Log       logSection      `yaml:"log" doc:"How the process logs, on stderr."`
	Shutdown  shutdownSection `yaml:"shutdown" doc:"What happens when the process is asked to end."`
}

type kafkaSection struct {
	BootstrapServers brokers    `yaml:"bootstrap_servers" doc:"Addresses host:port to start from, a list or one text with commas; or embedded, for the broker inside the process. Required, unless the property bootstrap.servers is given."`
	PropertiesFile   string     `yaml:"properties_file" doc:"A client.properties file, as every Kafka tool takes it."`
	Properties       properties `yaml:"properties" doc:"Properties of Kafka's clients by their exact names; they win over properties_file."`
}

type modulesSection struct {
	CacheDir      string `yaml:"cache_dir" doc:"Folder for compiled modules, made with mode 0700. Default: wasmflow/modules in the user's cache folder."`
	RequireDigest bool   `yaml:"require_digest" default:"false" doc:"Refuse a module without sha256."`
	MaxSize       size   `yaml:"max_size" default:"32MiB" min:"1KiB" max:"1GiB" doc:"Largest module that is read."`
}

type defaultsSection struct {
	Limits       limits       `yaml:"limits" doc:"Limits of every transform."`
	Capabilities capabilities `yaml:"capabilities" doc:"What every transform may reach besides its records; see sandbox.md."`
}

type limits struct {
	Memory        size `yaml:"memory" min:"64KiB" max:"4095MiB" doc:"Memory of one instance, in whole pages of 64 KiB. Default: 64MiB."`
	InputBytes    size `yaml:"input_bytes" min:"1KiB" max:"1GiB" doc:"Input of one call; larger batches are split. Default: a quarter of memory."`
	OutputRecords int  `yaml:"output_records" min:"1" max:"100000000" doc:"Records that one call may return. Default: 100000."`
	OutputBytes   size `yaml:"output_bytes" min:"1KiB" max:"4GiB" doc:"Keys, values and headers that one call may return, as they will be produced. Default: 32MiB."`

	Timeout       time.Duration `yaml:"timeout" min:"1ms" max:"14s" doc:"Wall time of one call, after which the transform is stopped; holds for its start too. Default: 2s."`
	FuelPerRecord int64         `yaml:"fuel_per_record" min:"1" max:"1000000000000000" doc:"Fuel of one call for each of its records, on average. Default: no limit."`
	FuelPerBatch  int64         `yaml:"fuel_per_batch" min:"1" max:"1000000000000000" doc:"Fuel of one call. Default: no limit."`
	FuelMode      string        `yaml:"fuel_mode" enum:"exact,coarse" doc:"What a unit of fuel is: an executed instruction, or with coarse each instruction of a loop for every turn, which costs less time. Default: exact."`
}

type capabilities struct {
	Clock  string   `yaml:"clock" enum:"record,wall" doc:"What time it is: that of the records, or the host's, which no second attempt repeats. Default: record."`
	Random string   `yaml:"random" enum:"seeded,system" doc:"Random numbers that follow from the batch and can be guessed, or the system's. Default: seeded."`
	Env    []string `yaml:"env" doc:"Names of variables of this process that the transform finds in its environment; each must be set. Default: none."`
}

type pipeline struct {
	Name                 string            `yaml:"name" required:"true" doc:"Name in logs, errors and metrics; letters, digits, '.', '_' and '-'."`
	Inputs               inputs            `yaml:"inputs" required:"true" doc:"What is read."`
	Transforms           []transform       `yaml:"transforms" required:"true" doc:"A chain in one transaction: what one writes to the default output is the next one's input."`
	Outputs              map[string]output `yaml:"outputs" required:"true" doc:"The only topics that transforms can write to, by the names they use."`
	Guarantee            string            `yaml:"guarantee" default:"exactly_once" enum:"exactly_once,at_least_once" doc:"What each input record is promised."`
	Transaction          transaction       `yaml:"transaction" doc:"How much goes into one transaction."`
	Instance             string            `yaml:"instance" default:"0" doc:"Name of this host among those of the group, the same after a restart; it must differ between hosts."`
	Workers              int               `yaml:"workers" min:"1" max:"1024" doc:"Sessions that run side by side, each with its own transaction. Default: the number of cores, at least 2; never more than there are partitions."`
	GroupProtocol        string            `yaml:"group_protocol" default:"classic" enum:"classic,consumer" doc:"How the group is balanced: classic (cooperative-sticky), or consumer (KIP-848, Kafka 4.0 or later)."`
	RequireTransactionV2 string            `yaml:"require_transaction_v2" default:"warn" enum:"warn,enforce,off" doc:"What to do where the cluster lacks transaction.version 2 (KIP-890)."`
	OnOutOfRange         string            `yaml:"on_out_of_range" default:"fail" enum:"fail,earliest,latest" doc:"What to do where the next offset exists no more: stop, or go on and lose what is between."`
	Errors               failures          `yaml:"errors" doc:"What happens to a record that a transform cannot take."`
}

type inputs struct {
	Topics      []string `yaml:"topics" doc:"Topics to read. Either topics or topics_regex is required."`
	TopicsRegex string   `yaml:"topics_regex" doc:"Reads every topic that it matches as a whole, also those created later; never this pipeline's own outputs, nor topics that begin with __."`
	Group       string   `yaml:"group" doc:"Consumer group; no two pipelines share one. Default: the pipeline's name."`
	Start       string   `yaml:"start" default:"earliest" enum:"earliest,latest" doc:"Where a group without committed offsets begins."`
	Isolation   string   `yaml:"isolation" default:"read_committed" enum:"read_committed,read_uncommitted" doc:"Whether records of open and aborted transactions are read; exactly_once needs read_committed."`
}

type transform struct {
	Name   string `yaml:"name" required:"true" doc:"Name in logs and errors, unique in its pipeline."`
	Module string `yaml:"module" required:"true" doc:"Path of the .wasm file, relative to this file's folder."`
	SHA256 string `yaml:"sha256" doc:"Digest that the module must have, 64 hexadecimal digits."`
	Config params `yaml:"config" doc:"The transform's own configuration, any mapping; it gets it as JSON when it starts."`
	Limits limits `yaml:"limits" doc:"Limits of this transform, where they differ from defaults.limits."`

	Capabilities capabilities `yaml:"capabilities" doc:"Capabilities of this transform, where they differ from defaults.capabilities; its env replaces the other."`
}

type output struct {
	Topic   string `yaml:"topic" required:"true" doc:"Topic to write to."`
	Default bool   `yaml:"default" default:"false" doc:"Takes the records that name no output. Exactly one output has it; a single output needs not say so."`
}

type transaction struct {
	IDPrefix     string        `yaml:"id_prefix" doc:"Begins transactional.id and group.instance.id, <id_prefix>-<instance>-<worker>. Default: <group>-<name>."`
	Timeout      time.Duration `yaml:"timeout" default:"10s" min:"8s" max:"24h" doc:"After which the broker aborts an open transaction; bounds how long a dead host holds up the readers of its outputs."`
	MaxRecords   int           `yaml:"max_records" default:"40000" min:"1" max:"100000000" doc:"Input records in one transaction."`
	MaxBytes     size          `yaml:"max_bytes" default:"16MiB" min:"1KiB" max:"1GiB" doc:"Input bytes in one transaction; one record may be larger."`
	MaxDelay     time.Duration `yaml:"max_delay" default:"50ms" min:"1ms" max:"1h" doc:"Time from a transaction's first record to its end, while more input keeps coming."`
	MaxGuestTime time.Duration `yaml:"max_guest_time" default:"10s" min:"1ms" max:"14s" doc:"The transforms' share of one transaction; past it no further call starts and the rest goes into a smaller one."`
	Compression  string        `yaml:"compression" default:"none" enum:"none,gzip,snappy,lz4,zstd" doc:"Codec of what is produced."`
}

type failures struct {
	OnError    string     `yaml:"on_error" enum:"fail,dead_letter,drop" doc:"fail stops the pipeline and names the record, whose offset does not move; dead_letter writes the record to dead_letter.topic, in the transaction that commits the others; drop leaves it out, counted. Default: dead_letter where its topic is given, else fail."`
	Retries    int        `yaml:"retries" default:"1" min:"1" max:"10" doc:"Further calls of a batch that trapped, each in a fresh instance, before it is halved to find the guilty record."`
	DeadLetter deadLetter `yaml:"dead_letter" doc:"Where records go that no transform or no output topic takes."`
}

type deadLetter struct {
	Topic    string        `yaml:"topic" doc:"Topic of the dead letters, neither an input nor an output of the pipeline. It should take records as large as the inputs', and their headers."`
	MaxRatio ratio         `yaml:"max_ratio" default:"0.5" min:"0.000001" max:"1" doc:"Share of guilty records among those of the window, counted over at least 100, above which the pipeline pauses; at 1 it never does. It holds under drop too."`
	Window   time.Duration `yaml:"window" default:"1m" min:"1s" max:"24h" doc:"Time that max_ratio counts over."`
}

type logSection struct {
	Level  string `yaml:"level" default:"info" enum:"debug,info,warn,error" doc:"Least level that is logged."`
	Format string `yaml:"format" default:"auto" enum:"auto,console,json" doc:"auto is console on a terminal, else json."`
}

type shutdownSection struct {
	Drain time.Duration `yaml:"drain" default:"25s" min:"1ms" max:"1h" doc:"Time for open transactions to end; keep it below what the supervisor grants."`
	Leave string        `yaml:"leave" default:"auto" enum:"auto,always,never" doc:"Whether the group is left at the end. A host that stays keeps its partitions for its restart, without a rebalance, 30s at most; auto stays after SIGTERM, and leaves after SIGINT and --once."`
}

// size is a number of bytes, such as 64MiB.
type size int64

// ratio is a share in billionths, written as a decimal number such as 0.05.
type ratio int64

// brokers are addresses, a list or one text with commas.
type brokers []string

// params is a transform's own configuration.
type params map[string]any

// properties are Kafka's, by name.
type properties map[string]property

// property is the text of one, and where it was written.
type property struct {
	value string
	at    place
	path  string
}

// later are keys that only other versions know, by the struct that would have them: who writes one gets told so,
// instead of being offered a key of a similar name.
var later = map[string][]string{
	"file":           {"schema_registry", "data_dir", "admin"},
	"modulesSection": {"verify"},
	"pipeline":       {"stores", "dedupe"},
	"transform":      {"tick", "rollout"},
}
