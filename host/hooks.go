package host

import "time"

// Hooks are functions that a host calls as it works, each nil or safe to call from several goroutines at once. They run
// between the steps of a worker: a slow one slows the pipeline. They must not write to what they are given.
type Hooks struct {
	// Committed is called after a transaction was committed.
	Committed func(Transaction)
	// Aborted is called after a transaction was aborted, with the cause.
	Aborted func(Transaction, error)
	// Assigned and Revoked are called when partitions come to or leave a worker.
	Assigned, Revoked func(worker int, partitions map[string][]int32)
}

// Transaction is what one step of a worker did.
type Transaction struct {
	// Pipeline and Worker that ran it.
	Pipeline string
	Worker   int
	// In, Out, Dropped are numbers of records read, produced, and dropped by the guest without an output.
	In, Out, Dropped int
	// Guilty is the number of records that went to the dead letters, whose outputs Out counts too, or that OnErrorDrop left out.
	Guilty int
	// Took is the time from the first poll to the end; Guest is the transforms' share of it.
	Took, Guest time.Duration
	// Offsets are the next offsets of the partitions that are assigned to the worker.
	Offsets map[string]map[int32]int64
}
