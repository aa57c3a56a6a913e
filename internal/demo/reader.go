package demo

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// read reads both outputs from their start to their end as it is now for this isolation, partitions in offset order.
func read(ctx context.Context, brokers []string, level kgo.IsolationLevel) ([]Seen, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topicAccepted, topicRejected), kgo.FetchIsolationLevel(level),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.KeepControlRecords(), // A partition ends with one: without them its end would never be seen.
	)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ends, err := endOffsets(ctx, kadm.NewClient(client), level)
	if err != nil {
		return nil, err
	}
	var seen []Seen
	for len(ends) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return nil, err
		}
		for _, e := range fetches.Errors() {
			return nil, fmt.Errorf("read %s/%d: %w", e.Topic, e.Partition, e.Err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				seen = append(seen, seenOf(r))
			}
			p := partition{r.Topic, r.Partition}
			if end, ok := ends[p]; ok && r.Offset+1 >= end {
				delete(ends, p)
			}
		})
	}
	return seen, nil
}

type partition struct {
	topic string
	n     int32
}

// endOffsets are the offsets at which a reader of this isolation is through; empty partitions are left out.
func endOffsets(ctx context.Context, admin *kadm.Client, level kgo.IsolationLevel) (map[partition]int64, error) {
	list := admin.ListCommittedOffsets
	if level == kgo.ReadUncommitted() {
		list = admin.ListEndOffsets
	}
	listed, err := list(ctx, topicAccepted, topicRejected)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list the ends of the outputs: %w", err)
	}
	ends := map[partition]int64{}
	listed.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			ends[partition{o.Topic, o.Partition}] = o.Offset
		}
	})
	return ends, nil
}

func seenOf(r *kgo.Record) Seen {
	s := Seen{Output: accepted, Key: string(r.Key), Value: r.Value, Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp}
	if r.Topic == topicRejected {
		s.Output = rejected
	}
	for _, h := range r.Headers {
		if h.Key == "reason" {
			s.Reason = string(h.Value)
		}
	}
	var payment struct{ ID string }
	if err := json.Unmarshal(r.Value, &payment); err == nil {
		s.ID = payment.ID // What is no payment has no id, and the checker does not know it.
	}
	return s
}

// lag is the number of records of the input that the group has not committed.
func lag(ctx context.Context, client *kgo.Client) (int64, error) {
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(ctx, topicRaw)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("list the ends of the input: %w", err)
	}
	committed, err := admin.FetchOffsets(ctx, group)
	if err == nil {
		err = committed.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("fetch the committed offsets: %w", err)
	}
	var n int64
	ends.Each(func(end kadm.ListedOffset) {
		at, _ := committed.Lookup(end.Topic, end.Partition)
		n += end.Offset - max(at.At, 0)
	})
	return n, nil
}
