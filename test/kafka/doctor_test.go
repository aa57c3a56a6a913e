package kafka_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wasmflow/wasmflow/test/load"
)

// finding is a check of `wasmflow doctor -o json`.
type finding struct {
	Check, About, State, Text, Do string
}

// examine runs the doctor as alice, and returns its checks and its exit code.
func examine(t *testing.T, file string, flags ...string) ([]finding, int) {
	t.Helper()
	cmd := exec.CommandContext(load.Within(t), binary, append([]string{"doctor", "-c", file, "--principal", "User:alice", "-o", "json"}, flags...)...)
	cmd.Env = append(os.Environ(), "KAFKA_USER=alice")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var answer struct{ Result []finding }
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return answer.Result, cmd.ProcessState.ExitCode()
}

func failed(found []finding) []finding {
	return slices.DeleteFunc(slices.Clone(found), func(f finding) bool { return f.State != "failed" })
}

// TestDoctorFindsIt holds that of the rights each one that is removed is found, with the command that gives it, and nothing else.
func TestDoctorFindsIt(t *testing.T) {
	for i, resource := range []string{"input topic", "output topic", "dead letters", "group", "transactional id"} {
		for _, described := range []bool{false, true} {
			t.Run(resource+map[bool]string{true: " described"}[described], func(t *testing.T) {
				file, names := secureFile(t, "alice-secret")
				rights := names.rights()
				missing := rights[i]
				grant(t, append(rights[:i:i], rights[i+1:]...)...)
				if described {
					grant(t, right{missing.resource, missing.name, kadm.OpDescribe})
				}
				found, code := examine(t, file)
				problems := failed(found)
				if code != 3 || len(problems) != 1 || problems[0].Check != "right" {
					t.Fatalf("exit code %d, failed %+v: want 3, and the missing right alone", code, problems)
				}
				operation := missing.operation.String()
				operation = operation[:1] + strings.ToLower(operation[1:])
				do := problems[0].Do
				if !strings.Contains(do, "--operation "+operation) || !strings.Contains(do, "--"+missing.resource+" "+missing.name) {
					t.Errorf("the command gives another right: %s", do)
				}
				grant(t, missing)
				if found, code := examine(t, file); code != 0 {
					t.Errorf("with the right: exit code %d, failed %+v", code, failed(found))
				}
			})
		}
	}
}

// TestDoctorReads holds what the doctor says where it may read everything, and that DescribeConfigs is all that this needs.
func TestDoctorReads(t *testing.T) {
	file, names := secureFile(t, "alice-secret")
	grant(t, names.rights()...)
	before, _ := examine(t, file)
	grant(t, right{"topic", names.in, kadm.OpDescribeConfigs}, right{"topic", names.out, kadm.OpDescribeConfigs}, right{"topic", names.dead, kadm.OpDescribeConfigs},
		right{"cluster", "", kadm.OpDescribeConfigs})
	after, code := examine(t, file)
	if code != 0 {
		t.Fatalf("exit code %d, failed %+v", code, failed(after))
	}
	states := func(found []finding) map[string]string {
		m := map[string]string{}
		for _, f := range found {
			about := strings.NewReplacer(names.in, "IN", names.out, "OUT", names.dead, "DEAD", names.group, "GROUP", names.ids, "IDS", kafka.SecureBroker, "BROKER").Replace(f.About)
			key := strings.TrimSpace(f.Check + " " + about)
			if f.Check == "right" && strings.Contains(f.Text, "DescribeConfigs") {
				key += " configs"
			}
			m[key] = f.State
		}
		for name := range m {
			if strings.HasPrefix(name, "cache_dir") {
				delete(m, name)
			}
		}
		return m
	}
	always := map[string]string{
		"brokers BROKER": "ok", "brokers broker 1": "ok", "sasl": "ok", "tls BROKER": "ok", "transaction_version": "ok", "clock": "unknown",
		"right topic IN": "ok", "right topic OUT": "ok", "right topic DEAD": "ok", "right group GROUP": "ok", "right transactional-id IDS-": "ok",
		"topic IN": "ok", "topic OUT": "ok", "topic DEAD": "ok", "offsets group GROUP": "ok",
	}
	with := func(more map[string]string) map[string]string {
		all := map[string]string{}
		for _, m := range []map[string]string{always, more} {
			for name, state := range m {
				all[name] = state
			}
		}
		return all
	}
	if diff := cmp.Diff(with(map[string]string{
		"broker_settings": "unknown", "right topic OUT configs": "warning", "right topic DEAD configs": "warning",
		"replication IN": "unknown", "replication OUT": "unknown", "replication DEAD": "unknown", "max_message_bytes OUT": "unknown", "max_message_bytes DEAD": "unknown",
	}), states(before)); diff != "" {
		t.Errorf("without DescribeConfigs, - expected, + got:\n%s", diff)
	}
	if diff := cmp.Diff(with(map[string]string{
		"broker_settings transaction.state.log": "warning", "broker_settings offsets.retention.minutes": "ok",
		"right topic OUT configs": "ok", "right topic DEAD configs": "ok",
		"replication IN": "warning", "replication OUT": "warning", "replication DEAD": "warning", "max_message_bytes OUT": "ok", "max_message_bytes DEAD": "warning",
		"timeout transaction.max.timeout.ms": "ok", "timeout group.session.timeout": "ok",
	}), states(after)); diff != "" {
		t.Errorf("with DescribeConfigs, - expected, + got:\n%s", diff)
	}
}

// TestDoctorAtTheDoor holds that what stops the connection has its name.
func TestDoctorAtTheDoor(t *testing.T) {
	wrong, _ := secureFile(t, "wrong")
	file, names := secureFile(t, "alice-secret")
	grant(t, names.rights()...)
	for name, c := range map[string]struct {
		file  string
		flags []string
		check string
	}{
		"password":    {wrong, nil, "sasl"},
		"certificate": {file, []string{"-X", "ssl.ca.location="}, "tls"},
		"address":     {file, []string{"--set", "kafka::bootstrap_servers=127.0.0.1:1"}, "brokers"},
	} {
		found, code := examine(t, c.file, c.flags...)
		if problems := failed(found); code != 3 || len(problems) != 1 || problems[0].Check != c.check {
			t.Errorf("%s: exit code %d, failed %+v: want %s", name, code, problems, c.check)
		}
	}
}
