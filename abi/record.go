package abi

// Header is a header of a record. Keys are bytes, may repeat, and keep their order; a nil Value is null.
type Header struct {
	Key   string
	Value []byte
}

// RecordFlags are the flag bits of an input record (SPEC.md, "Input image").
type RecordFlags uint32

// FlagBrokerTime says that the record's timestamp is the broker's (LogAppendTime).
const FlagBrokerTime RecordFlags = 1

// Record is a record of a batch. A nil Key or Value is null, which is not the same as empty.
type Record struct {
	Key, Value []byte
	Headers    []Header
	// Offset in the batch's partition. Records of a batch stand in offset order.
	Offset int64
	// Timestamp in milliseconds since 1970-01-01 UTC.
	Timestamp int64
	// LeaderEpoch of the record, -1 where it is not known.
	LeaderEpoch int32
	Flags       RecordFlags
}

// Batch is what goes into one call: records of one partition, in offset order.
type Batch struct {
	Topic     string
	Partition int32
	// Clock is the largest timestamp of the records, in milliseconds.
	Clock   int64
	Records []Record
}

// PartitionByKey is the partition of a result record that the host places by its key.
const PartitionByKey int32 = -1

// ResultRecord is a record that a transform made from an input record. A nil Key or Value is null.
//
// Key, Value and Headers may share memory with the input record and with the arena that it was decoded into: read only.
type ResultRecord struct {
	Key, Value []byte
	Headers    []Header
	// Timestamp in milliseconds; the source's where the guest gave none.
	Timestamp int64
	// Source is the index of the input record in its batch.
	Source uint32
	// Partition of the output topic, or PartitionByKey.
	Partition int32
	// Output is an index into Settings.Outputs.
	Output uint16
}

// Refusal is an error that the guest returned for one input record.
type Refusal struct {
	// Source is the index of the input record in its batch.
	Source uint32
	// Code is the guest's own number for the cause, 0 where it gave none.
	Code uint32
	// Text says why, valid UTF-8, at most MaxRefusalText bytes; it does not share memory with an arena.
	Text string
}

// MaxRefusalText bounds Refusal.Text, in bytes; a longer text is cut.
const MaxRefusalText = 1024

// Result is what a transform made of a batch. An input record that is in neither list was dropped by the guest; the
// outputs of a refused record have been left out already.
type Result struct {
	// Records stand in the guest's order.
	Records []ResultRecord
	// Refusals ascend by Source, each source at most once.
	Refusals []Refusal
}
