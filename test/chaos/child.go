package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
)

// Child is a runner in a process of its own.
type Child struct {
	// Settings that it was started with.
	Settings Settings

	cmd      *exec.Cmd
	in       io.WriteCloser
	said     tail
	done     chan struct{} // closed when it has ended
	err      error         // of its end
	expected atomic.Bool   // the test ends it
}

// Launch starts a runner. Each of its events is handed to tell, by one goroutine.
func Launch(program string, s Settings, tell func(Event)) (*Child, error) {
	line, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	c := &Child{Settings: s, cmd: exec.Command(program), done: make(chan struct{})}
	// A write of the runner ends up in a pipe of ours, not of the test's own output, so that one that outlives its parent
	// does not hold that up.
	out, told, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer told.Close()
	c.cmd.Stdout, c.cmd.Stderr = told, &c.said
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		_ = out.Close()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	go func() {
		defer close(c.done)
		defer out.Close()
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var e Event
			if json.Unmarshal(lines.Bytes(), &e) == nil { // a killed one may leave half a line
				tell(e)
			}
		}
		c.err = c.cmd.Wait()
	}()
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		c.End()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return c, nil
}

// signal sends a signal to the process, which may have ended.
func (c *Child) signal(s os.Signal) { _ = c.cmd.Process.Signal(s) }

// Kill ends the process as a power cut would, and waits until it is gone.
func (c *Child) Kill() {
	c.expected.Store(true)
	c.signal(syscall.SIGKILL)
	<-c.done
}

// Stop halts it where it is, as a long pause of its machine would; Continue lets it go on.
func (c *Child) Stop() { c.signal(syscall.SIGSTOP) }

// Continue lets a stopped process go on.
func (c *Child) Continue() { c.signal(syscall.SIGCONT) }

// Drain asks it to end (SIGTERM), and returns how it did.
func (c *Child) Drain(ctx context.Context) error {
	c.expected.Store(true)
	c.signal(syscall.SIGTERM)
	return c.Wait(ctx)
}

// Wait returns how the process ended: nil is exit code 0.
func (c *Child) Wait(ctx context.Context) error {
	select {
	case <-c.done:
		if c.err != nil {
			return fmt.Errorf("host %s: %s", c.Settings.Instance, explain(c.cmd, c.err, &c.said))
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("host %s does not end: %w\n%s", c.Settings.Instance, context.Cause(ctx), &c.said)
	}
}

// Ended says that it has ended, in whatever way.
func (c *Child) Ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Killed says that it has ended by a SIGKILL.
func (c *Child) Killed() bool {
	if !c.Ended() {
		return false
	}
	status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// End ends it by any means.
func (c *Child) End() {
	c.Kill()
	_ = c.in.Close()
}
