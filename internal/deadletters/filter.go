package deadletters

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Filter chooses letters; the zero value chooses all. Of several values of one field one has to fit, and each field has to.
type Filter struct {
	// Kinds and Transforms by their names.
	Kinds, Transforms []string
	// Since and Until bound the record's time, Until excluded; zero bounds nothing.
	Since, Until time.Time
	// Sources that the record was read from.
	Sources []Source
}

// Source is a topic, a partition of it, or one record.
type Source struct {
	Topic string
	// Partition and Offset, -1 for any.
	Partition int32
	Offset    int64
}

// ParseSource reads topic, topic/partition or topic/partition/offset.
func ParseSource(s string) (Source, error) {
	parts := strings.Split(s, "/")
	out := Source{Topic: parts[0], Partition: -1, Offset: -1}
	bad := len(parts) > 3 || out.Topic == ""
	if !bad && len(parts) > 1 {
		n, err := strconv.ParseUint(parts[1], 10, 31)
		out.Partition, bad = int32(n), err != nil
	}
	if !bad && len(parts) > 2 {
		n, err := strconv.ParseUint(parts[2], 10, 63)
		out.Offset, bad = int64(n), err != nil
	}
	if bad {
		return Source{}, fmt.Errorf("%q is not TOPIC, TOPIC/PARTITION or TOPIC/PARTITION/OFFSET", s)
	}
	return out, nil
}

// All says that the filter chooses every letter.
func (f *Filter) All() bool {
	return len(f.Kinds)+len(f.Transforms)+len(f.Sources) == 0 && f.Since.IsZero() && f.Until.IsZero()
}

// matches says whether the filter chooses a letter. One without a cause is chosen by nothing but its time.
func (f *Filter) matches(l *Letter) bool {
	cause := l.Cause
	if cause == nil {
		cause = &Cause{}
	}
	switch {
	case len(f.Kinds) > 0 && !slices.Contains(f.Kinds, cause.Kind),
		len(f.Transforms) > 0 && !slices.Contains(f.Transforms, cause.Transform),
		!f.Since.IsZero() && l.Time.Before(f.Since),
		!f.Until.IsZero() && !l.Time.Before(f.Until):
		return false
	case len(f.Sources) == 0:
		return true
	}
	return slices.ContainsFunc(f.Sources, func(s Source) bool {
		at := cause.Source
		return s.Topic == at.Topic && (s.Partition < 0 || s.Partition == at.Partition) && (s.Offset < 0 || s.Offset == at.Offset)
	})
}
