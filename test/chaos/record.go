package chaos

import (
	"bytes"
	"fmt"
)

// Kind says what a transform does with a record.
type Kind uint8

const (
	// Good records are copied to both outputs.
	Good Kind = iota
	// Refused records are refused by the guest: they belong into the dead letters.
	Refused
	// Trapped records make the guest trap: they belong there too, found by halving their batch.
	Trapped
)

// word is what a record's value says of its kind; the guest looks for it.
func (k Kind) word() string { return [...]string{"good", "refuse", "trap"}[k] }

// phantoms have ids from here on: they are written in transactions that abort, and nobody may see them.
const phantoms = 5_000_000_000

// Record is one of the traffic.
type Record struct {
	// ID is unique over all records.
	ID int64
	// Key of the record, and Seq, its place among those of its key.
	Key  string
	Seq  int64
	Kind Kind
}

// filler makes values about as long as a small payment.
const filler = "the quick brown fox jumps over the lazy dog"

// Value is what is produced for the record.
func (r Record) Value() []byte {
	return fmt.Appendf(nil, "%010d %s %08d %s %s", r.ID, r.Key, r.Seq, r.Kind.word(), filler)
}

// Parse reads a value.
func Parse(value []byte) (r Record, err error) {
	var word string
	if _, err := fmt.Sscanf(string(value), "%d %s %d %s", &r.ID, &r.Key, &r.Seq, &word); err != nil {
		return r, fmt.Errorf("the value %q is none of ours: %w", value, err)
	}
	for k := Good; k <= Trapped; k++ {
		if k.word() == word {
			r.Kind = k
			if !bytes.Equal(r.Value(), value) {
				break
			}
			return r, nil
		}
	}
	return r, fmt.Errorf("the value %q is none of ours", value)
}

// KindOf says what becomes of an id where every k-th one is poison, refused and trapping in turns.
func KindOf(id int64, k int) Kind {
	switch {
	case k == 0 || id%int64(k) != int64(k)/2:
		return Good
	case id/int64(k)%2 == 0:
		return Refused
	default:
		return Trapped
	}
}
