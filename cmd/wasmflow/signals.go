package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

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
		select {
		case s := <-got:
			cancel(interrupted{s})
		case <-done:
			return
		}
		select {
		case s := <-got:
			fmt.Fprintf(stderr, "wasmflow: second signal (%s): stopping at once, open transactions are left to the broker\n", s)
			os.Exit(exitFailed)
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(got)
		close(done)
		cancel(nil)
	}
}
