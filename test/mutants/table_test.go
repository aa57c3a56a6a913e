package mutants_test

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wasmflow/wasmflow/internal/devbroker"
	"github.com/wasmflow/wasmflow/test/chaos"
)

// mutant is the real host, broken on purpose, and a scenario in which that shows. The same scenario must find nothing wrong with
// the host as it is.
type mutant struct {
	name string
	// verdict that must catch it.
	verdict chaos.Verdict
	edits   []chaos.Edit
	// feed writes the input before anything runs; nil is forty good records.
	feed func(w *world)
	// play runs hosts, and leaves the rest to the audit.
	play func(w *world)
	// settings that differ from those of every scenario: one worker, ten records a transaction, one partition.
	partitions   int32
	maxGuestTime time.Duration
}

// mutants and the verdicts that are named for them. Each edit is a text that the host has exactly once: where the host changes,
// the mutant says so instead of proving nothing.
var mutants = []mutant{
	{
		name: "commit in spite of produce errors", verdict: chaos.Torn,
		edits: []chaos.Edit{{File: "host/step.go", Old: "return w.explainProduce(t)", New: "return nil"}},
		play: func(w *world) {
			w.inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: w.topics.A, Err: kerr.InvalidRecord})
			w.once()
		},
	},
	{
		name: "poll ahead of the end", verdict: chaos.Lost,
		edits: []chaos.Edit{
			{
				File: "host/step.go", Old: "committed, err := s.end(ending, cause == nil) // (I1) (I2)",
				New: `soon, enough := context.WithTimeout(ctx, 100*time.Millisecond)
	defer enough()
	ahead = s.client().PollRecords(soon, w.h.cfg.MaxRecords)
	committed, err := s.end(ending, cause == nil)`,
			},
			{
				File: "host/poll.go", Old: "fetches := s.client().PollRecords(polling, w.room.records(t, w.h.cfg.MaxBytes))",
				New: `fetches := ahead
	if ahead = nil; fetches == nil {
		fetches = s.client().PollRecords(polling, w.room.records(t, w.h.cfg.MaxBytes))
	}`,
			},
			{File: "host/poll.go", Old: "// fetched are", New: "var ahead kgo.Fetches\n\n// fetched are"},
		},
		play: func(w *world) {
			w.killed(kmsg.EndTxn, 2, chaos.Cut)
			w.once()
		},
	},
	{
		name: "a step without an end", verdict: chaos.Lost,
		edits: []chaos.Edit{{
			File: "host/step.go", Old: "committed, err := s.end(ending, cause == nil) // (I1) (I2)",
			New: "committed, err := false, error(nil)\n\tif cause == nil {\n\t\tcommitted, err = s.end(ending, true)\n\t}",
		}},
		partitions: 4, maxGuestTime: 1, // a step that has a second batch goes back
		play: func(w *world) { w.once() },
	},
	{
		name: "no rewind after an abort", verdict: chaos.Lost,
		edits: []chaos.Edit{{
			File: "host/session.go", Old: "return s.s.End(ctx, kgo.TryAbort)",
			New: `polled := s.client().UncommittedOffsets()
		committed, err := s.s.End(ctx, kgo.TryAbort)
		s.client().SetOffsets(polled)
		return committed, err`,
		}},
		play: func(w *world) {
			w.inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: w.topics.A, Err: kerr.InvalidTxnState})
			w.once()
		},
	},
	{
		name: "input read uncommitted", verdict: chaos.Phantom,
		edits: []chaos.Edit{{
			File: "host/client.go", Old: "kgo.FetchIsolationLevel(w.isolation())", New: "kgo.FetchIsolationLevel(kgo.ReadUncommitted())",
		}},
		feed: func(w *world) {
			for range 12 { // among them are transactions that abort
				w.write(5, 0)
			}
		},
		play: func(w *world) { w.once() },
	},
	{
		name: "offsets committed before the outputs", verdict: chaos.Lost,
		edits: []chaos.Edit{{
			File: "host/step.go", Old: "if err := s.begin(); err != nil {",
			New: "s.client().CommitOffsetsSync(ctx, s.client().UncommittedOffsets(), nil)\n\tif err := s.begin(); err != nil {",
		}},
		play: func(w *world) {
			w.killed(kmsg.Produce, 1, chaos.Cut)
			w.once()
		},
	},
	{
		name: "dead letter outside of the transaction", verdict: chaos.Twice,
		edits: []chaos.Edit{
			{
				File: "host/deadletter.go", Old: `t.out = append(t.out, w.deadLetter(in, &in.Records[i], v))
		t.sources = append(t.sources, source{in.Topic, in.Partition, v.offset, nil})
		t.outBytes += int64(recordBytes(&t.out[len(t.out)-1]))`,
				New: `letter := w.deadLetter(in, &in.Records[i], v)
		if err := w.h.client.ProduceSync(context.Background(), &letter).FirstErr(); err != nil {
			return err
		}`,
			},
			{File: "host/deadletter.go", Old: "import (\n", New: "import (\n\t\"context\"\n"},
		},
		feed: func(w *world) { w.write(40, 9) },
		play: func(w *world) {
			w.inject(devbroker.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.UnknownServerError})
			w.once()
		},
	},
	{
		name: "instance used again after a trap", verdict: chaos.Poison,
		edits: []chaos.Edit{
			{File: "host/guest/call.go", Old: "\tif err != nil {\n\t\ti.discard()\n", New: "\tif err != nil {\n"},
			{File: "host/chain.go", Old: "st.instance = nil // it has discarded itself (I8)", New: ""},
			{File: "host/isolate.go", Old: "w.chain.discard() // the stages may have seen these records: nothing of that may be met again (I8)", New: ""},
		},
		feed: func(w *world) { w.write(40, 9) },
		play: func(w *world) { w.once() },
	},
	{
		name: "transaction without offsets", verdict: chaos.Twice,
		edits: []chaos.Edit{{
			File: "host/session.go", Old: "committed, err := s.s.End(ctx, kgo.TryCommit)",
			New: "err := s.client().EndTransaction(ctx, kgo.TryCommit)\n\tcommitted := err == nil",
		}},
		play: func(w *world) {
			w.until(func() bool { return w.seen(80) }) // both outputs
			w.onceOrCommit()                           // the restart finds nothing to do
		},
	},
	{
		name: "lazy producer id", verdict: chaos.Recovery,
		edits: []chaos.Edit{{
			File: "host/session.go", Old: "if _, _, err := s.Client().ProducerID(ctx); err != nil {", New: "if err := ctx.Err(); err != nil {",
		}},
		play: func(w *world) {
			w.killed(kmsg.TxnOffsetCommit, 1, chaos.CutAnswer)
			w.recovers()
		},
	},
	{
		name: "outputs produced backwards", verdict: chaos.Order,
		edits: []chaos.Edit{{File: "host/parcels.go", Old: "r := &t.out[i]\n\t\tif parceled", New: "r := &t.out[len(t.out)-1-i]\n\t\tif parceled"}},
		play:  func(w *world) { w.once() },
	},
	{
		name: "dead letters not written", verdict: chaos.Lost,
		edits: []chaos.Edit{{File: "host/deadletter.go", Old: "if policy.OnError == OnErrorDrop {", New: "if policy.OnError != OnErrorFail {"}},
		feed:  func(w *world) { w.write(40, 9) },
		play:  func(w *world) { w.once() },
	},
	{
		name: "offsets too low", verdict: chaos.Committed,
		edits: []chaos.Edit{
			{
				File: "host/session.go", Old: "committed, err := s.s.End(ctx, kgo.TryCommit)",
				New: `committed, err := s.s.End(kgo.PreTxnCommitFnContext(ctx, func(r *kmsg.TxnOffsetCommitRequest) error {
		for _, t := range r.Topics {
			for i := range t.Partitions {
				t.Partitions[i].Offset -= 2 // one would pass where a marker is the last in the log
			}
		}
		return nil
	}), kgo.TryCommit)`,
			},
			{
				File: "host/session.go", Old: "\"github.com/twmb/franz-go/pkg/kgo\"\n",
				New: "\"github.com/twmb/franz-go/pkg/kgo\"\n\t\"github.com/twmb/franz-go/pkg/kmsg\"\n",
			},
		},
		play: func(w *world) { w.until(func() bool { return w.seen(80) }) },
	},
	{
		name: "dead letters name another module", verdict: chaos.Digest,
		edits: []chaos.Edit{{File: "host/deadletter.go", Old: "add(HeaderDigest, v.digest)", New: "add(HeaderDigest, \"sha256:0\")"}},
		feed:  func(w *world) { w.write(40, 9) },
		play:  func(w *world) { w.once() },
	},
}
