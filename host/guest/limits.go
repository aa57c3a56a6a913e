package guest

import (
	"errors"
	"fmt"
	"time"
)

// pageSize is the size of a page of linear memory (WebAssembly core, section 2.5.5).
const pageSize = 64 << 10

// Bounds of what a module may declare, beside those of the meter.
const (
	maxModule       = 1 << 30   // in bytes
	maxTableEntries = 1_000_000 // of all tables together, as far as they may grow
)

// What a 32-bit guest can have at most: a memory whose size in bytes is a 32-bit number, and an image of a quarter of that.
const (
	maxMemory = 4<<30 - pageSize
	maxInput  = 1 << 30
)

// maxTimeout is longer than any call that a transaction could wait for.
const maxTimeout = time.Hour

// check says which limits make no sense, all of them.
func (l Limits) check() error {
	var errs []error
	between := func(name string, v, least, most int64) {
		if v != 0 && (v < least || v > most) {
			errs = append(errs, fmt.Errorf("%s: between %d and %d (got %d)", name, least, most, v))
		}
	}
	between("Limits.Memory", l.Memory, pageSize, maxMemory)
	between("Limits.InputBytes", l.InputBytes, 1, maxInput)
	between("Limits.OutputRecords", int64(l.OutputRecords), 1, 1<<31-1)
	between("Limits.OutputBytes", l.OutputBytes, 1, 1<<40)
	between("Limits.FuelPerBatch", l.FuelPerBatch, 1, unlimited)
	between("Limits.FuelPerRecord", l.FuelPerRecord, 1, unlimited)
	if l.Timeout != 0 && (l.Timeout < time.Millisecond || l.Timeout > maxTimeout) {
		errs = append(errs, fmt.Errorf("Limits.Timeout: between 1ms and %v (got %v)", maxTimeout, l.Timeout))
	}
	if l.FuelMode != "" && l.FuelMode != FuelExact && l.FuelMode != FuelCoarse {
		errs = append(errs, fmt.Errorf("Limits.FuelMode: %s or %s (got %q)", FuelExact, FuelCoarse, l.FuelMode))
	}
	return errors.Join(errs...)
}

// complete fills in the defaults.
func (l Limits) complete() Limits {
	if l.Memory == 0 {
		l.Memory = DefaultMemory
	}
	l.Memory -= l.Memory % pageSize
	if l.InputBytes == 0 {
		l.InputBytes = min(l.Memory/4, maxInput)
	}
	if l.OutputRecords == 0 {
		l.OutputRecords = DefaultOutputRecords
	}
	if l.OutputBytes == 0 {
		l.OutputBytes = DefaultOutputBytes
	}
	if l.Timeout == 0 {
		l.Timeout = DefaultTimeout
	}
	if l.FuelMode == "" {
		l.FuelMode = FuelExact
	}
	return l
}
