package deadletters

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wasmflow/wasmflow/host"
)

// Target is a Partition of a Topic that so many Letters go back to.
type Target struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Letters   int    `json:"letters"`
}

// pick is a letter that was chosen.
type pick struct {
	time, offset      int64
	partition, target int32
}

// plan is what a pass does with the letters as they were at its start: they are chosen once, so that what was told is what is
// done, however often a transaction is tried again.
type plan struct {
	from    map[int32]int64
	chosen  map[int32][]int64 // offsets by partition, ascending
	ends    map[int32]int64   // where the pass ends: behind the last chosen letter, since those behind it may stay where they are
	count   int
	targets []Target

	pending, foreign int
}

// plan reads the letters that are not done and chooses.
func (t *Topic) plan(ctx context.Context, o Order) (*plan, error) {
	at, err := t.bounds(ctx)
	if err != nil {
		return nil, err
	}
	p := &plan{from: map[int32]int64{}, chosen: map[int32][]int64{}, ends: map[int32]int64{}}
	to := map[int32]int64{}
	for n, b := range at {
		p.from[n], to[n] = b.done, b.end
	}
	var picks []pick
	targets, known := []Target{}, map[Target]int32{}
	err = t.scan(ctx, p.from, to, func(l *Letter) {
		p.pending++
		if !l.of(t.pipeline.Name) {
			p.foreign++
			return
		}
		if !o.Filter.matches(l) {
			return
		}
		target := Target{Topic: l.Cause.Source.Topic, Partition: l.Cause.Source.Partition}
		i, ok := known[target]
		if !ok {
			i = int32(len(targets))
			known[target] = i
			targets = append(targets, target)
		}
		picks = append(picks, pick{l.Time.UnixMilli(), l.Offset, l.Partition, i})
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(picks, func(a, b pick) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.partition, b.partition), cmp.Compare(a.offset, b.offset))
	})
	if o.Limit > 0 && len(picks) > o.Limit {
		picks = picks[:o.Limit]
	}
	for _, one := range picks {
		p.chosen[one.partition] = append(p.chosen[one.partition], one.offset)
		targets[one.target].Letters++
	}
	for n, offsets := range p.chosen {
		slices.Sort(offsets)
		p.ends[n] = offsets[len(offsets)-1] + 1
	}
	p.count = len(picks)
	p.targets = slices.DeleteFunc(targets, func(t Target) bool { return t.Letters == 0 })
	slices.SortFunc(p.targets, func(a, b Target) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return p, nil
}

// has says whether a letter was chosen.
func (p *plan) has(partition int32, offset int64) bool {
	_, ok := slices.BinarySearch(p.chosen[partition], offset)
	return ok
}

// before counts the chosen letters below these offsets.
func (p *plan) before(offsets map[int32]int64) (n int) {
	for partition, chosen := range p.chosen {
		i, _ := slices.BinarySearch(chosen, offsets[partition])
		n += i
	}
	return n
}

// reachable looks whether every chosen letter can go back: to a topic that the pipeline reads, and to a partition that exists.
func (t *Topic) reachable(ctx context.Context, p *plan) error {
	var names []string
	var errs []error
	for _, target := range p.targets {
		if slices.Contains(names, target.Topic) {
			continue
		}
		names = append(names, target.Topic)
		if !t.reads(target.Topic) || target.Topic == t.name {
			errs = append(errs, fmt.Errorf("letters came from topic %q, which pipeline %q does not read", target.Topic, t.pipeline.Name))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("%w: nothing was replayed: %w: nobody would take them there; choose others with --source, or purge them", ErrUsage, errors.Join(errs...))
	}
	if len(names) == 0 {
		return nil
	}
	found, err := t.topics(ctx, names...)
	if err != nil {
		return err
	}
	for _, target := range p.targets {
		if n := len(found[target.Topic].Partitions); int(target.Partition) >= n {
			what := fmt.Sprintf("has only %d partitions", n)
			if n == 0 {
				what = "does not exist any more"
			}
			errs = append(errs, fmt.Errorf("%d letters came from topic %q partition %d, and the topic %s", target.Letters, target.Topic, target.Partition, what))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("%w: nothing was replayed: %w: create what is missing, choose others with --source, or purge them",
			host.ErrEnvironment, errors.Join(errs...))
	}
	return nil
}

// alone refuses a pass where another group has done letters of the same topic.
func (t *Topic) alone(ctx context.Context) error {
	others, err := t.others(ctx)
	if err != nil || len(others) == 0 {
		return err
	}
	return fmt.Errorf("%w: letters of topic %q were done by group %s already, and by its offsets alone it is known which: with %q they would be done twice; "+
		"use --group %s", ErrUsage, t.name, strings.Join(others, ", "), t.group, others[0])
}
