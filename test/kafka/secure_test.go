package kafka_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/wasmflow/wasmflow/config"
	"github.com/wasmflow/wasmflow/host"
	"github.com/wasmflow/wasmflow/test/load"
)

// secured are the names that a secured pipeline needs rights to.
type secured struct{ in, out, dead, group, ids string }

// right is one operation that a pipeline is allowed to do.
type right struct {
	resource, name string
	operation      kadm.ACLOperation
}

// rights are the least of a pipeline that runs exactly once. To read or to write includes to describe.
func (s secured) rights() []right {
	return []right{
		{"topic", s.in, kadm.OpRead},
		{"topic", s.out, kadm.OpWrite},
		{"topic", s.dead, kadm.OpWrite},
		{"group", s.group, kadm.OpRead},
		{"transactional-id", s.ids, kadm.OpWrite},
	}
}

func (r right) acl() *kadm.ACLBuilder {
	acl := kadm.NewACLs().Operations(r.operation)
	switch r.resource {
	case "topic":
		return acl.Topics(r.name)
	case "group":
		return acl.Groups(r.name)
	case "cluster":
		return acl.Clusters()
	default:
		return acl.TransactionalIDs(r.name)
	}
}

// grant gives alice the rights, and takes them back after the test.
func grant(t *testing.T, rights ...right) {
	t.Helper()
	adm := admin(t)
	for _, r := range rights {
		right := r.acl()
		right.Allow("User:alice").AllowHosts("*").ResourcePatternType(kadm.ACLPatternPrefixed)
		results, err := adm.CreateACLs(load.Within(t), right)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.Err != nil {
				t.Fatalf("grant %v: %v", r.Operation, r.Err)
			}
		}
		t.Cleanup(func() {
			if _, err := adm.DeleteACLs(context.Background(), right); err != nil {
				t.Errorf("take rights back: %v", err)
			}
		})
	}
}

// secure loads a configuration file of a pipeline over TLS with a password, as a user writes it.
func secure(t *testing.T, password string) (host.Config, secured) {
	t.Helper()
	file, names := secureFile(t, password)
	loaded, err := config.Load(config.Options{Files: []string{file}, LookupEnv: func(name string) (string, bool) {
		return map[string]string{"KAFKA_USER": "alice"}[name], name == "KAFKA_USER"
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded.Pipelines) != 1 {
		t.Fatalf("%d pipelines, want 1", len(loaded.Pipelines))
	}
	cfg := loaded.Pipelines[0]
	cfg.Once, cfg.Logger = true, logger(t)
	return cfg, names
}

// secureFile writes the configuration, which wants alice as KAFKA_USER.
func secureFile(t *testing.T, password string) (string, secured) {
	t.Helper()
	names := secured{in: topic(t, "in", 4), out: topic(t, "out", 4), dead: topic(t, "dead", 1), group: load.Unique(t, "group"), ids: load.Unique(t, "ids")}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if err := os.WriteFile(filepath.Join(dir, "upper.wasm"), module(t, "uppercase-rust"), 0o600); err != nil {
		t.Fatal(err)
	}
	write("password", password+"\n")
	file := write("wasmflow.yaml", fmt.Sprintf(`version: 1
kafka:
  bootstrap_servers: [%q]
  properties:
    security.protocol: SASL_SSL
    sasl.mechanism: SCRAM-SHA-512
    sasl.username: ${env:KAFKA_USER}
    sasl.password: ${file:%s}
    ssl.ca.location: %q
pipelines:
  - name: secured
    inputs: { topics: [%q], group: %q }
    transforms: [{ name: upper, module: upper.wasm }]
    outputs: { out: { topic: %q } }
    workers: 2
    transaction: { id_prefix: %q }
    errors: { dead_letter: { topic: %q } }
`, kafka.SecureBroker, filepath.Join(dir, "password"), kafka.Authority, names.in, names.group, names.out, names.ids, names.dead))
	return file, names
}

// TestSecured holds that the least rights are enough, over TLS, with SCRAM.
func TestSecured(t *testing.T) {
	const n = 10_000
	cfg, names := secure(t, "alice-secret")
	grant(t, names.rights()...)
	fill(t, names.in, 0, n)
	if err := pipe(t, cfg); err != nil {
		t.Fatal(err)
	}
	verifyLag(t, names.group, names.in)
	verifyUpper(t, names.out, n)
}

// TestSecuredNeedsIt holds that the rights are the least: without any one of them, also where describing is still allowed, the pipeline
// stops at its start, names what is missing, and says how to allow it.
func TestSecuredNeedsIt(t *testing.T) {
	for i, resource := range []string{"input topic", "output topic", "dead letters", "group", "transactional id"} {
		for _, described := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s described %v", resource, described), func(t *testing.T) {
				cfg, names := secure(t, "alice-secret")
				rights := names.rights()
				missing := rights[i]
				grant(t, append(rights[:i:i], rights[i+1:]...)...)
				if described {
					grant(t, right{missing.resource, missing.name, kadm.OpDescribe})
				}
				fill(t, names.in, 0, 100)
				err := pipe(t, cfg)
				refused(t, err, "--operation "+missing.operation.String()[:1]+strings.ToLower(missing.operation.String()[1:]), "--"+missing.resource+" "+missing.name)
				if n := strings.Count(err.Error(), "kafka-acls"); n != 1 {
					t.Errorf("%d lines, want 1: %v", n, err)
				}
				if got := count(t, names.out); got != 0 {
					t.Errorf("%d records were written all the same", got)
				}
			})
		}
	}
}

// TestSecuredAllAtOnce holds that one start tells all rights that are missing.
func TestSecuredAllAtOnce(t *testing.T) {
	cfg, names := secure(t, "alice-secret")
	err := pipe(t, cfg)
	for _, r := range names.rights() {
		refused(t, err, "--"+r.resource+" "+r.name)
	}
}

// TestAsksForRightsWithoutTrace holds that asking for rights leaves an open transaction of the same id, and the group, as they are.
func TestAsksForRightsWithoutTrace(t *testing.T) {
	cfg, names := secure(t, "alice-secret")
	producer := client(t, kgo.TransactionalID(names.ids+"-0-0"))
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := producer.ProduceSync(load.Within(t), &kgo.Record{Topic: names.out, Value: []byte("1")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	before, err := admin(t).DescribeTransactions(load.Within(t), names.ids+"-0-0")
	if err != nil {
		t.Fatal(err)
	}
	checks, err := host.CheckRights(load.Within(t), client(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if c.Err != nil || len(c.Missing) > 0 {
			t.Errorf("%+v: a super user has every right", c)
		}
	}
	after, err := admin(t).DescribeTransactions(load.Within(t), names.ids+"-0-0")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the transaction, - before, + after:\n%s", diff)
	}
	if err := producer.EndTransaction(load.Within(t), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	groups, err := admin(t).ListGroups(load.Within(t))
	if _, made := groups[names.group]; err != nil || made {
		t.Errorf("error %v, or the group was made", err)
	}
}

// refused holds that a pipeline stopped because its environment is not ready, in words that say what to do.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	if !errors.Is(err, host.ErrEnvironment) {
		t.Fatalf("got error %v, want one that wraps ErrEnvironment", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
}

func TestWrongPassword(t *testing.T) {
	cfg, _ := secure(t, "wrong")
	refused(t, pipe(t, cfg), "password", kafka.SecureBroker)
}

// TestUnknownAuthority holds that a broker whose certificate nobody vouches for is not spoken to.
func TestUnknownAuthority(t *testing.T) {
	cfg, _ := secure(t, "alice-secret")
	cfg.Kafka = []kgo.Opt{
		kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}),
		kgo.SASL(scram.Auth{User: "alice", Pass: "alice-secret"}.AsSha512Mechanism()),
	}
	refused(t, pipe(t, cfg), "certificate", kafka.SecureBroker)
}

func TestMissingTopics(t *testing.T) {
	cfg, names := secure(t, "alice-secret")
	cfg.Brokers, cfg.Kafka = []string{kafka.Broker}, nil
	cfg.Inputs = []string{names.in, "nowhere.in"}
	cfg.Outputs = map[string]string{"out": "nowhere.out"}
	refused(t, pipe(t, cfg), `"nowhere.in"`, `"nowhere.out"`, "topics create")
}

func TestUnreachableBroker(t *testing.T) {
	cfg, _ := secure(t, "alice-secret")
	cfg.Brokers = []string{"127.0.0.1:1"}
	refused(t, pipe(t, cfg), "127.0.0.1:1")
}
