// Package cluster starts a real Apache Kafka for tests and benchmarks: one node on 127.0.0.1, from scripts/kafka.sh.
package cluster

import (
	"context"
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

// Cluster is a running node.
type Cluster struct {
	// Broker is its address without TLS, where every client is a super user. SecureBroker wants TLS, and SCRAM with the user
	// alice and the password alice-secret, who has no rights.
	Broker, SecureBroker string
	// Authority is the file of the certificate that signed the node's.
	Authority string

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

// Start starts a node in a folder and on ports of its own. Close ends it.
func Start() (*Cluster, error) {
	dir, err := os.MkdirTemp("", "wasmflow-kafka-")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	stop, err := guard(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	start := exec.CommandContext(ctx, "bash", script, "start", "--secure", "--dir", dir, "--port", strconv.Itoa(port))
	start.Stderr = os.Stderr
	out, err := start.Output()
	if err != nil {
		stop()
		return nil, fmt.Errorf("%s start: %w", script, err)
	}
	return &Cluster{
		Broker:       strings.TrimSpace(string(out)),
		SecureBroker: address(port + 200),
		Authority:    filepath.Join(dir, "tls", "ca.pem"),
		stop:         stop,
	}, nil
}

// Close stops the node and removes its folder.
func (c *Cluster) Close() { c.stop() }

// guard starts a process that stops the node and removes its folder when its input ends: at Close, and also when the tests
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

// freePort finds a port P such that P, P+100 and P+200, the listeners of a node, are free.
func freePort() (int, error) {
	for port := 20092; port < 30000; port += 301 {
		if free(port) && free(port+100) && free(port+200) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no three free ports between 20092 and 30000")
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
