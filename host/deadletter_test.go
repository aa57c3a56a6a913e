package host

import (
	"errors"
	"strings"
	"testing"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// TestDeadLetterRoom: no cause and no name make a dead letter grow beyond what its topic was said to need.
func TestDeadLetterRoom(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("n", MaxIDLength)
	long := strings.Repeat("x", 1<<20)
	w := &worker{h: &Host{cfg: Config{Name: name, Errors: ErrorPolicy{DeadLetter: name}}}}
	in := &abi.Batch{Topic: name, Partition: 1 << 30}
	r := &abi.Record{Key: []byte("k"), Value: []byte(long)}
	v := &verdict{
		offset: 1 << 62, transform: name, digest: strings.Repeat("d", 64), output: name, attempts: 1 << 30,
		err: errors.Join(&guest.TrapError{Kind: guest.TrapUnreachable, Stack: []string{long}}, errors.New(long)),
	}
	letter := w.deadLetter(in, r, v)
	plain := letter
	plain.Headers = nil
	if room := batchSize(&letter) - batchSize(&plain); room > DeadLetterRoom || room < DeadLetterRoom/2 {
		t.Errorf("the headers take %d bytes, %d are said", room, DeadLetterRoom)
	}
}
