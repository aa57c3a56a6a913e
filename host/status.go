package host

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// State of a pipeline.
type State string

// States, in the order in which a pipeline goes through them; StateStopped and StateFailed are the last.
const (
	StateReady    State = "ready"
	StateStarting State = "starting"
	StateRunning  State = "running"
	StatePaused   State = "paused"
	StateDraining State = "draining"
	StateStopped  State = "stopped"
	StateFailed   State = "failed"
)

// Status is a snapshot of a host.
type Status struct {
	// Name of the pipeline.
	Name string
	// State, and the error that stopped it, or that paused it.
	State State
	Err   error
	// Workers that were started, and those that have a session at this moment.
	Workers, Sessions int
	// In, Out and Dropped count records of committed transactions: read, produced, and dropped by a transform.
	In, Out, Dropped int64
	// DeadLetters counts records of committed transactions that went to ErrorPolicy.DeadLetter, which are in Out too; Discarded,
	// those that OnErrorDrop left out.
	DeadLetters, Discarded int64
	// Commits and Aborts count transactions.
	Commits, Aborts int64
	// SessionsRecreated counts sessions that were thrown away after an error; Fences, those of them that another client took.
	SessionsRecreated, Fences int64
	// Skipped counts records that were lost to retention under Config.OnOutOfRange, once the position behind them is committed.
	Skipped int64
	// TransactionVersion is the cluster's transaction.version, 0 where it has none or was not asked.
	TransactionVersion int
	// LastCommit is the time of the last commit, zero before the first.
	LastCommit time.Time
	// Transforms with the modules that they run.
	Transforms []TransformStatus
	// Partitions that are assigned to this host, by topic and number.
	Partitions []PartitionStatus
}

// TransformStatus is a transform of a pipeline.
type TransformStatus struct {
	Name string
	// Digest is the module's sha256 in hex, "" for a native transform.
	Digest string
	// Fuel that its calls used since the host began, of aborted transactions too, in units of guest.Limits.FuelMode; 0 for a
	// native transform.
	Fuel uint64
	// Traps of its calls since the host began, starts included, by kind; nil where there were none.
	Traps map[guest.TrapKind]uint64
	// Capabilities that the module was granted; of no meaning for a native transform.
	Capabilities guest.Capabilities
}

// PartitionStatus is where a host stands in a partition.
type PartitionStatus struct {
	Topic     string
	Partition int32
	// Committed is the next offset by the last commit.
	Committed int64
	// Lag is the number of offsets from Committed to the last stable offset of the last fetch; -1 before the first.
	Lag int64
}

// counters of a host; workers add to them.
type counters struct {
	in, out, dropped, dead, discarded, commits, aborts, sessions, fences, skipped, live, lastCommit, transactionVersion atomic.Int64
}

// Status returns a snapshot: counters, state and positions as they are at one moment.
func (h *Host) Status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &h.counters
	s := Status{
		Name: h.cfg.Name, State: h.state, Err: h.err, Workers: len(h.workers), Sessions: int(c.live.Load()),
		In: c.in.Load(), Out: c.out.Load(), Dropped: c.dropped.Load(),
		DeadLetters: c.dead.Load(), Discarded: c.discarded.Load(), Commits: c.commits.Load(), Aborts: c.aborts.Load(),
		SessionsRecreated: c.sessions.Load(), Fences: c.fences.Load(), Skipped: c.skipped.Load(),
		TransactionVersion: int(c.transactionVersion.Load()),
	}
	if at := c.lastCommit.Load(); at != 0 {
		s.LastCommit = time.Unix(0, at)
	}
	for i, m := range h.modules {
		s.Transforms = append(s.Transforms, TransformStatus{h.cfg.Transforms[i].Name, m.Info().Digest, h.fuel[i].Load(), h.traps[i].counts(), m.Capabilities()})
	}
	for _, w := range h.workers {
		s.Partitions = append(s.Partitions, w.positions.status()...)
	}
	slices.SortFunc(s.Partitions, func(a, b PartitionStatus) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return s
}

func (h *Host) setState(s State, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state, h.err = s, err
}

// committed counts a transaction and tells the hook.
func (h *Host) committed(w *worker, t *transaction) {
	c := &h.counters
	h.mu.Lock()
	c.in.Add(int64(t.in))
	c.out.Add(int64(len(t.out)))
	c.dropped.Add(int64(t.dropped))
	if h.cfg.Errors.OnError == OnErrorDrop {
		c.discarded.Add(int64(len(t.verdicts)))
	} else {
		c.dead.Add(int64(len(t.verdicts)))
	}
	c.commits.Add(1)
	c.lastCommit.Store(t.ended.UnixNano())
	h.mu.Unlock()
	h.metrics.committed(t)
	if w.log.Core().Enabled(zap.DebugLevel) {
		w.log.Debug("transaction committed", zap.Int("records", t.in), zap.Int("out", len(t.out)), zap.Duration("took", t.ended.Sub(t.started)))
	}
	if f := h.cfg.Hooks.Committed; f != nil {
		f(w.describe(t))
	}
}

// aborted counts a transaction and tells the hook.
func (h *Host) aborted(w *worker, t *transaction, cause error) {
	h.counters.aborts.Add(1)
	h.metrics.aborted(t, cause)
	if f := h.cfg.Hooks.Aborted; f != nil {
		f(w.describe(t), cause)
	}
}

// skipped logs records that were lost to retention, where the configuration allows to go on. The commit of the position behind
// them counts them.
func (h *Host) skipped(w *worker, topic string, partition int32, from, to int64) {
	w.log.Error("records were lost before they were read; going on", zap.String("topic", topic), zap.Int32("partition", partition),
		zap.Int64("expected", from), zap.Int64("offset", to), zap.String("on_out_of_range", string(h.cfg.OnOutOfRange)))
}

func (w *worker) describe(t *transaction) Transaction {
	return Transaction{
		Pipeline: w.h.cfg.Name, Worker: w.n, In: t.in, Out: len(t.out), Dropped: t.dropped, Guilty: len(t.verdicts),
		Took: t.ended.Sub(t.started), Guest: t.guest, Offsets: w.positions.offsets(),
	}
}

// guestLog brings what guests log into the host's log.
func (h *Host) guestLog(l guest.LogLine) {
	level := zap.InfoLevel
	switch l.Level {
	case abi.LevelDebug:
		level = zap.DebugLevel
	case abi.LevelWarn:
		level = zap.WarnLevel
	case abi.LevelError:
		level = zap.ErrorLevel
	}
	h.log.Log(level, l.Text, zap.String("guest", l.Transform), zap.String("stream", l.Stream))
}
