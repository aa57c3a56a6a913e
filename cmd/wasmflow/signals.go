package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// echo is how soon after the first a signal is still the same one: timeout(1) and some supervisors send it to the process and
// to its group.
const echo = 100 * time.Millisecond

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ sig os.Signal }

func (i interrupted) Error() string { return "stopped by signal " + i.sig.String() }

// withSignals returns a context that the first SIGINT or SIGTERM ends, with an interrupted as its cause. The second one ends
// the process at once: transactions that are open then are the broker's to abort. Stop ends the watch.
func withSignals(parent context.Context, stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	got := make(chan os.Signal, 2)
	signal.Notify(got, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		if s := second(got, done, func(s os.Signal) { cancel(interrupted{s}) }); s != nil {
			fmt.Fprintf(stderr, "wasmflow: second signal (%s): stopping at once, open transactions are left to the broker\n", s)
			os.Exit(exitFailed)
		}
	}()
	return ctx, func() {
		signal.Stop(got)
		close(done)
		cancel(nil)
	}
}

// second tells of the first signal and waits for the second one, which it returns; nil where done came before.
func second(got <-chan os.Signal, done <-chan struct{}, first func(os.Signal)) os.Signal {
	var at time.Time
	for {
		select {
		case s := <-got:
			switch now := time.Now(); {
			case at.IsZero():
				at = now
				first(s)
			case now.Sub(at) >= echo:
				return s
			}
		case <-done:
			return nil
		}
	}
}
