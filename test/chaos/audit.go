package chaos

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"sync"
)

// Topics of a pipeline under test.
type Topics struct{ Input, A, B, Dead string }

// Audit reads everything to its end, and holds it against the promise. An error says that it could not, or that the input is not
// what the checker builds upon.
func Audit(ctx context.Context, brokers []string, group string, t Topics, module string, watchers ...*Watcher) (*Books, error) {
	b := NewBooks(t.A, t.B, t.Dead)
	b.Module = module
	last := map[Place]int64{}
	ends, err := Read(ctx, brokers, func(s Seen) error {
		last[s.Place] = s.Offset
		return b.Input(s)
	}, t.Input)
	if err != nil {
		return nil, err
	}
	if _, err := Read(ctx, brokers, func(s Seen) error { b.Output(s); return nil }, t.A, t.B, t.Dead); err != nil {
		return nil, err
	}
	committed, err := GroupOffsets(ctx, brokers, group)
	if err != nil {
		return nil, err
	}
	for at, end := range ends {
		if n, ok := last[at]; ok {
			b.Offset(at, committed[at], n, end)
		}
	}
	for _, w := range watchers {
		w.Close()
		w.Tell(b.Watched)
	}
	b.Close()
	return b, nil
}

// Settle waits until the group has committed everything in the input.
func Settle(ctx context.Context, brokers []string, group, input string) error {
	last := map[Place]int64{}
	if _, err := Read(ctx, brokers, func(s Seen) error { last[s.Place] = s.Offset; return nil }, input); err != nil {
		return err
	}
	return await(ctx, "the group has committed all of the input", func(ctx context.Context) (bool, error) {
		committed, err := GroupOffsets(ctx, brokers, group)
		for at, n := range last {
			if committed[at] <= n {
				return false, err
			}
		}
		return err == nil, err
	})
}

// tail keeps the last bytes that were written.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const mostTail = 2 << 10

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if n := len(t.text) - mostTail; n > 0 {
		t.text = append(t.text[:0], t.text[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

var _ io.Writer = (*tail)(nil)

// explain names a process that ended.
func explain(cmd *exec.Cmd, err error, said *tail) string {
	return fmt.Sprintf("%v: %v\n%s", cmd.ProcessState, err, said)
}
