package host

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// The fence rule: how soon a fenced worker asks who holds its slot, and how many fences in which time stop the host.
const (
	fenceAsksLeast = time.Second
	fenceAsksMost  = 5 * time.Second
	fenceWindow    = time.Minute
	fenceMost      = 3
)

// leaveTries is how often a slot leaves that the group does not know.
const leaveTries = 3

// transactionalID is the name of a slot: its transactional.id and its group.instance.id (I6).
func (c *Config) transactionalID(worker int) string { return c.slotPrefix() + strconv.Itoa(worker) }

func (c *Config) slotPrefix() string { return c.IDPrefix + "-" + c.Instance + "-" }

// ownSlot is the number of a slot of this host's name, -1 for another one's.
func (c *Config) ownSlot(id string) int {
	rest, ok := strings.CutPrefix(id, c.slotPrefix())
	if n, err := strconv.Atoi(rest); ok && err == nil && n >= 0 && strconv.Itoa(n) == rest {
		return n
	}
	return -1
}

// fenced decides what follows when another producer or member took this slot. A transaction that timed out looks the same, so it
// asks who holds the slot: where it is another client, that one keeps it, and this worker stops. Two hosts with one instance name would
// else take the slot from each other for ever (I6). Where nobody can tell, only a repetition stops the host. It returns an error
// for a stop.
func (w *worker) fenced(ctx context.Context, cause error) error {
	now := time.Now()
	recent := w.fences[:0]
	for _, at := range w.fences {
		if now.Sub(at) < fenceWindow {
			recent = append(recent, at)
		}
	}
	w.fences = append(recent, now)
	w.h.counters.fences.Add(1)
	c := w.h.cfg
	if len(w.fences) >= fenceMost {
		return fmt.Errorf("pipeline %q: %w: %q was taken over %d times within %v: does another host run with the same instance name? %w",
			c.Name, ErrFenced, c.transactionalID(w.n), fenceMost, fenceWindow, cause)
	}
	// The other one initializes its producer before it joins.
	if !pause(ctx, fenceAsksLeast+rand.N(fenceAsksMost-fenceAsksLeast)) {
		return nil
	}
	if holder := w.holder(ctx); holder != nil {
		return fmt.Errorf("pipeline %q: %w: %q is held by client %q at %s: another host runs with the same instance name; give each its own `instance` (%w)",
			c.Name, ErrFenced, c.transactionalID(w.n), holder.ClientID, holder.ClientHost, cause)
	}
	return nil
}

// holder is the member that has this worker's slot in the group, nil where it is the worker's own last one, or none, or not known.
func (w *worker) holder(ctx context.Context) *kadm.DescribedGroupMember {
	for _, m := range w.h.staticMembers(ctx) {
		if own := w.member.Load(); *m.InstanceID == w.h.cfg.transactionalID(w.n) && own != nil && m.MemberID != *own {
			return &m
		}
	}
	return nil
}

// staticMembers are the members of the group with an instance id; under KIP-848 ours have none.
func (h *Host) staticMembers(ctx context.Context) (static []kadm.DescribedGroupMember) {
	if h.cfg.GroupProtocol == GroupConsumer {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	groups, err := h.admin.DescribeGroups(ctx, h.cfg.Group)
	if err != nil {
		h.log.Debug("the group cannot be described", zap.NamedError("err", err))
		return nil
	}
	for _, m := range groups[h.cfg.Group].Members {
		if m.InstanceID != nil {
			static = append(static, m)
		}
	}
	return static
}

// clearSlots ends what slots of this host's name have left that it does not use any more, since it has fewer workers than before: their
// membership, which would keep partitions until its session times out, and their open transactions, which hold up the readers of
// the outputs.
func (h *Host) clearSlots(ctx context.Context, workers int) {
	for _, m := range h.staticMembers(ctx) {
		if h.cfg.ownSlot(*m.InstanceID) >= workers {
			h.log.Info("a slot that is not used any more leaves the group", zap.String("slot", *m.InstanceID))
			h.leaveGroup(ctx, *m.InstanceID)
		}
	}
	if h.cfg.Guarantee != ExactlyOnce {
		return
	}
	listing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	open, err := h.admin.ListTransactions(listing, nil, []string{"Ongoing"})
	if err != nil {
		h.log.Debug("the open transactions cannot be listed", zap.NamedError("err", err))
	}
	for id := range open {
		if h.cfg.ownSlot(id) >= workers {
			h.log.Info("the open transaction of a slot that is not used any more is aborted", zap.String("slot", id))
			h.abort(ctx, id)
		}
	}
}

// abort ends the open transaction of a slot, by taking it.
func (h *Host) abort(ctx context.Context, id string) {
	client, err := kgo.NewClient(append(h.clientOptions(), kgo.TransactionalID(id), kgo.TransactionTimeout(h.cfg.TransactionTimeout))...)
	if err == nil {
		defer client.Close()
		ctx, cancel := context.WithTimeout(ctx, endTimeout)
		defer cancel()
		_, _, err = client.ProducerID(ctx)
	}
	if err != nil {
		h.log.Warn("a transaction stays open until it times out", zap.String("slot", id), zap.NamedError("err", err))
	}
}

// leaves says that the slots of this host leave the group when its sessions close.
func (h *Host) leaves() bool {
	switch h.cfg.Leave {
	case LeaveAlways:
		return true
	case LeaveNever:
		return false
	default:
		return h.leaving.Load()
	}
}

// leave takes the worker's slot out of the group at once, where the host does not come back. A static member's close alone
// keeps its partitions until the session times out (KIP-345); a dynamic member's close leaves by itself.
func (w *worker) leave(ctx context.Context) {
	if w.h.leaves() && w.h.cfg.GroupProtocol != GroupConsumer {
		w.h.leaveGroup(context.WithoutCancel(ctx), w.h.cfg.transactionalID(w.n))
	}
}

// leaveGroup takes a slot out of the group. One that the group does not know may come yet: the first join of a session that was
// closed at once is answered by nobody, and still makes a member.
func (h *Host) leaveGroup(ctx context.Context, instanceID string) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	for try := 1; ; try++ {
		answers, err := h.admin.LeaveGroup(ctx, kadm.LeaveGroup(h.cfg.Group).InstanceIDs(instanceID))
		if err == nil {
			err = answers.Error()
		}
		if err == nil || !errors.Is(err, kerr.UnknownMemberID) || try == leaveTries || !pause(ctx, askAgain) {
			h.log.Debug("left the group", zap.String("slot", instanceID), zap.NamedError("err", err))
			return
		}
	}
}
