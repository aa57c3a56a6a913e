// Package kafka_test runs pipelines on a real Apache Kafka: one node, started by scripts/kafka.sh from jars of Maven Central.
// It uses the public API only. What it checks on the embedded broker too is checked here again, because the embedded broker
// is not Kafka.
package kafka_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// broker is the address of the one node, without TLS, where every client is a super user; secureBroker wants TLS and SCRAM.
var broker, secureBroker string

// authority is the file of the certificate that signed the node's.
var authority string

const script = "../../scripts/kafka.sh"

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if tool := missing("java", "keytool", "mvn"); tool != "" {
		if os.Getenv("CI") != "" {
			fmt.Fprintf(os.Stderr, "%s is not installed: the tests on a real Kafka cannot run\n", tool)
			return 1
		}
		fmt.Printf("skipped, no test ran: %s is not installed, and a real Kafka needs it\n", tool)
		return 0
	}
	stop, err := startCluster()
	if err != nil {
		fmt.Fprintf(os.Stderr, "start Kafka: %v\n", err)
		return 1
	}
	defer stop()
	return m.Run()
}

func missing(tools ...string) string {
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			return tool
		}
	}
	return ""
}

// startCluster starts the node in a folder of its own. What it returns stops the node and removes the folder.
func startCluster() (stop func(), err error) {
	dir, err := os.MkdirTemp("", "wasmflow-kafka-")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	guard, err := startGuard(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	start := exec.CommandContext(ctx, "bash", script, "start", "--secure", "--dir", dir, "--port", strconv.Itoa(port))
	start.Stderr = os.Stderr
	out, err := start.Output()
	if err != nil {
		guard()
		return nil, err
	}
	broker = strings.TrimSpace(string(out))
	secureBroker = net.JoinHostPort("127.0.0.1", strconv.Itoa(port+200))
	authority = filepath.Join(dir, "tls", "ca.pem")
	return guard, nil
}

// startGuard starts a process that stops the node and removes its folder when its input ends: after the tests, and also
// when they die by a timeout or a signal.
func startGuard(dir string) (stop func(), err error) {
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
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// client connects to the node as a super user.
func client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(broker), kgo.MetadataMinAge(100 * time.Millisecond)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.CloseAllowingRebalance)
	return cl
}
