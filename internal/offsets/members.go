package offsets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/wasmflow/wasmflow/host"
)

// stopped holds that nobody is in the group, and names those who are.
func (r *reset) stopped(ctx context.Context) error {
	var members []string
	add := func(client, at string, instance *string) {
		who := fmt.Sprintf("client %q at %s", client, at)
		if instance != nil {
			who += fmt.Sprintf(" (slot %s)", *instance)
		}
		members = append(members, who)
	}
	classic, err := r.admin.DescribeGroups(ctx, r.group)
	if err != nil {
		return r.explain("describe it", err)
	}
	for _, m := range classic[r.group].Members {
		add(m.ClientID, m.ClientHost, m.InstanceID)
	}
	if err := classic[r.group].Err; err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return r.explain("describe it", err)
	}
	if len(members) == 0 { // it may be one of the other protocol (KIP-848), which this question does not see
		consumers, err := r.admin.DescribeConsumerGroups(ctx, r.group)
		if err == nil {
			err = consumers[r.group].Err
		}
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) && !errors.Is(err, kerr.UnsupportedVersion) {
			return r.explain("describe it", err)
		}
		for _, m := range consumers[r.group].Members {
			add(m.ClientID, m.ClientHost, m.InstanceID)
		}
	}
	if len(members) == 0 {
		return nil
	}
	slices.Sort(members)
	return fmt.Errorf("%w: group %q is at work: %s; stop its hosts first. One that was killed stays in the group until its session is over, 30 to 45 seconds",
		host.ErrEnvironment, r.group, strings.Join(members, ", "))
}
