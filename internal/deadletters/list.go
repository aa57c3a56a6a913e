package deadletters

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/wasmflow/wasmflow/host"
)

// Listing is what a topic holds.
type Listing struct {
	// Topic of the dead letters, and the Group that says which are done.
	Topic, Group string
	// Letters that were chosen, the newest ones, in the order of their time.
	Letters []*Letter
	// Chosen counts all that were; Pending, those of the topic that are not done; Foreign, those of them that are not of this
	// pipeline.
	Chosen, Pending, Foreign int
	// Kinds counts the chosen ones by Cause.Kind, "" for those without a cause.
	Kinds map[string]int
	// OtherGroups have offsets in the same topic.
	OtherGroups []string
}

// List reads the letters that are not done, or, with all, those too that still lie there, and keeps the last most of those that
// the filter chooses; 0 keeps all of them.
func (t *Topic) List(ctx context.Context, f Filter, all bool, most int) (*Listing, error) {
	at, err := t.bounds(ctx)
	if err != nil {
		return nil, err
	}
	out := &Listing{Topic: t.name, Group: t.group, Kinds: map[string]int{}}
	if out.OtherGroups, err = t.others(ctx); err != nil {
		return nil, err
	}
	from, to := map[int32]int64{}, map[int32]int64{}
	for n, b := range at {
		from[n], to[n] = b.done, b.end
		if all {
			from[n] = b.start
		}
	}
	err = t.scan(ctx, from, to, func(l *Letter) {
		l.Done = l.Offset < at[l.Partition].done
		if !l.Done {
			out.Pending++
			if !l.of(t.pipeline.Name) {
				out.Foreign++
			}
		}
		if !f.matches(l) {
			return
		}
		kind := ""
		if l.Cause != nil {
			kind = l.Cause.Kind
		}
		out.Kinds[kind]++
		out.Chosen++
		out.Letters = append(out.Letters, l)
		if most > 0 && len(out.Letters) >= 2*most {
			out.newest(most)
		}
	})
	out.newest(most)
	return out, err
}

// newest leaves the last letters.
func (l *Listing) newest(most int) {
	slices.SortFunc(l.Letters, func(a, b *Letter) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	if most > 0 && len(l.Letters) > most {
		n := copy(l.Letters, l.Letters[len(l.Letters)-most:])
		clear(l.Letters[n:])
		l.Letters = l.Letters[:n]
	}
}

// KindNames are the kinds that were found, in order.
func (l *Listing) KindNames() []string { return slices.Sorted(maps.Keys(l.Kinds)) }

// Read reads one letter.
func (t *Topic) Read(ctx context.Context, partition int32, offset int64) (*Letter, error) {
	at, err := t.bounds(ctx)
	if err != nil {
		return nil, err
	}
	b, ok := at[partition]
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: topic %q has no partition %d", ErrUsage, t.name, partition)
	case offset < b.start || offset >= b.end:
		return nil, fmt.Errorf("%w: topic %q partition %d has no letter at offset %d: it holds %d to %d", ErrUsage, t.name, partition, offset, b.start, b.end-1)
	}
	var found *Letter
	err = t.scan(ctx, map[int32]int64{partition: offset}, map[int32]int64{partition: offset + 1}, func(l *Letter) { found = l })
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, fmt.Errorf("%w: topic %q partition %d holds a marker at offset %d, not a letter", ErrUsage, t.name, partition, offset)
	}
	found.Done = offset < b.done
	return found, nil
}

// Of says whether the letter was written by this pipeline.
func (l *Letter) Of(p host.Config) bool { return l.of(p.Name) }
