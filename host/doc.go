// Package host runs a pipeline: it owns the loop that consumes records from Kafka, calls the transforms with them a batch
// at a time, and produces what they return, in transactions that hold the outputs and the consumed offsets together.
//
// Within one Kafka cluster with transaction.version 2, the outputs and the consumed offset of every input record become
// visible to read_committed readers together, exactly once. A transform may run more than once for a record; what it does
// outside Kafka is not covered.
//
// The page to read is step.go: one transaction. Invariants are cited as (I1) where they are kept; ARCHITECTURE.md lists them.
package host
