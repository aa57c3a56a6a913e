// Package cluster starts a real Apache Kafka for tests and benchmarks: one node or more on 127.0.0.1, from scripts/kafka.sh.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// script is scripts/kafka.sh, seen from the folder of a package two levels below the root.
const script = "../../scripts/kafka.sh"

// Cluster is a running cluster.
type Cluster struct {
	// Broker is the first node's address without TLS, where every client is a super user. SecureBroker wants TLS, and SCRAM with the
	// user alice and the password alice-secret, who has no rights.
	Broker, SecureBroker string
	// Authority is the file of the certificate that signed the node's.
	Authority string
	// Brokers are the addresses of all nodes without TLS, the first node's first.
	Brokers []string

	dir  string
	stop func()
}

// Missing is the name of a tool that a cluster needs and that is not installed, or nothing.
func Missing() string {
	for _, tool := range []string{"bash", "java", "keytool", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			return tool
		}
	}
	return ""
}

// Start starts a node in a folder and on ports of its own, with TLS and without. Close ends it.
func Start() (*Cluster, error) { return start(1, "--secure") }

// StartNodes starts so many nodes, without TLS, with lines that are added to the properties of each. Close ends them.
func StartNodes(nodes int, properties ...string) (*Cluster, error) {
	file, err := os.CreateTemp("", "wasmflow-kafka-*.properties")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name()) // it is read by the start alone
	_, err = file.WriteString(strings.Join(properties, "\n") + "\n")
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return start(nodes, "--props", file.Name())
}

func start(nodes int, args ...string) (*Cluster, error) {
	dir, err := os.MkdirTemp("", "wasmflow-kafka-")
	if err != nil {
		return nil, err
	}
	port, err := freePort(nodes)
	if err != nil {
		return nil, err
	}
	stop, err := guard(dir)
	if err != nil {
		return nil, err
	}
	c := &Cluster{SecureBroker: address(port + 200), Authority: filepath.Join(dir, "tls", "ca.pem"), dir: dir, stop: stop}
	out, err := c.script(append([]string{"start", "--nodes", strconv.Itoa(nodes), "--port", strconv.Itoa(port)}, args...)...)
	if err != nil {
		stop()
		return nil, err
	}
	c.Brokers = strings.Split(strings.TrimSpace(out), ",")
	c.Broker = c.Brokers[0]
	return c, nil
}

func (c *Cluster) script(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, "bash", append(append([]string{script}, args...), "--dir", c.dir)...)
	run.Stderr = os.Stderr
	out, err := run.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", script, args[0], err)
	}
	return string(out), nil
}

// Kill ends a node (1..) as a power cut of its process would.
func (c *Cluster) Kill(node int) error {
	_, err := c.script("kill", strconv.Itoa(node))
	return err
}

// Restart starts a node again, and waits until it is ready; one that runs is stopped in good order before.
func (c *Cluster) Restart(node int) error {
	_, err := c.script("restart", strconv.Itoa(node))
	return err
}

// Close stops the nodes and removes their folder.
func (c *Cluster) Close() { c.stop() }

// guard starts a process that stops the nodes and removes their folder when its input ends: at Close, and also when the tests
// die by a timeout or a signal.
func guard(dir string) (stop func(), err error) {
	guard := exec.Command("bash", "-c", `cat >/dev/null; bash "$0" stop --dir "$1"; rm -rf "$1"`, script, dir)
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt of the terminal is not for it
	in, err := guard.StdinPipe()
	if err != nil {
		return nil, err
	}
	guard.Stdout, guard.Stderr = io.Discard, io.Discard
	if err := guard.Start(); err != nil {
		return nil, err
	}
	return func() {
		_ = in.Close()
		_ = guard.Wait()
	}, nil
}

// freePort finds a port P such that P, P+100 and P+200, the listeners of the first node, are free, and those of the others behind
// them.
func freePort(nodes int) (int, error) {
	for port := 20092; port < 30000; port += 301 {
		all := true
		for n := port; n < port+nodes; n++ {
			all = all && free(n) && free(n+100) && free(n+200)
		}
		if all {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free ports between 20092 and 30000")
}

func free(port int) bool {
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
