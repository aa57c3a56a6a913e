package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Brokers are the cluster under a storm, and what can be done to it.
type Brokers struct {
	Addrs []string
	Nodes int
	// Crash kills a node (1..Nodes) and starts it again; nil where that cannot be done.
	Crash func(node int) error
	// Move makes another node the coordinator of the group, and says so.
	Move func(ctx context.Context) (what string, moved bool, err error)
}

// Storm is a run of a pipeline under faults.
type Storm struct {
	// Seed of traffic and faults: the same one does the same things, at moments that may differ.
	Seed uint64
	// Name of group and topics.
	Name    string
	Brokers Brokers
	// Program is the runner, Module the guest, Digest its own, Cache a folder for compiled ones.
	Program, Module, Digest, Cache string
	// Protocol of the group: "classic", the default, or "consumer".
	Protocol string
	// Faults to choose from, and for how long; a deck that was begun is finished at least once.
	Faults   []Fault
	Duration time.Duration
	// Calm is the longest pause between two faults.
	Calm time.Duration
	// Rate of records a second; every Poison-th is poison.
	Rate, Poison int
	// Partitions of the input, and replicas of every topic.
	Partitions int32
	Replicas   int16
	// Patience bounds each wait at the end.
	Patience time.Duration
	// LateDrains are counted and told, where they would else be errors: on the embedded broker the end of a transaction has been
	// seen to take longer than a drain may, with a rebalance under way.
	LateDrains bool
	// Tell gets each line of the history as it comes; nil is nobody.
	Tell func(string)

	fleet   *fleet
	proxy   *Proxy
	history *history
}

// Run lets it happen. The report is there also with an error.
func (s *Storm) Run(ctx context.Context) (*Report, error) {
	s.history = &history{began: time.Now(), tell: s.Tell}
	r := &Report{Seed: s.Seed, history: s.history}
	topics := Topics{s.Name + ".in", s.Name + ".a", s.Name + ".b", s.Name + ".dead"}
	if err := s.create(ctx, topics); err != nil {
		return r, err
	}
	s.proxy = NewProxy()
	defer s.proxy.Close()
	doors, err := s.proxy.Fronts(s.Brokers.Addrs)
	if err != nil {
		return r, err
	}
	s.fleet = newFleet(s.Program, Settings{
		Brokers: s.Brokers.Addrs, Dial: doors, Group: s.Name, Workers: 2, Protocol: s.Protocol, MaxRecords: 500,
		MaxGuestTime: 4 * time.Second, Input: topics.Input, A: topics.A, B: topics.B, Dead: topics.Dead, Module: s.Module, Cache: s.Cache,
	}, s.history)
	s.fleet.lenient = s.LateDrains
	defer s.fleet.end()
	for _, name := range names[:2] {
		if _, err := s.fleet.start(name); err != nil {
			return r, err
		}
	}
	watcher, err := Watch(s.Brokers.Addrs, topics.A, topics.B, topics.Dead)
	if err != nil {
		return r, err
	}
	defer watcher.Close()
	n := &nemesis{Storm: s, random: rand.New(rand.NewPCG(s.Seed, 1)), counts: map[Fault]int{}}
	s.rage(ctx, n, topics)
	r.Faults, r.Took = n.counts, time.Since(s.history.began)
	errs := n.failed
	s.history.add("no more faults; waiting until all of the input is committed")
	calm, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	if err := Settle(calm, s.Brokers.Addrs, s.Name, topics.Input); err != nil {
		errs = append(errs, err)
	}
	r.Settled = time.Since(s.history.began) - r.Took
	draining, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	if err := s.fleet.drain(draining); err != nil {
		errs = append(errs, err)
	}
	s.history.add("the hosts have ended; reading everything")
	r.counters, r.Sessions = s.fleet.tally()
	audit, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	books, err := Audit(audit, s.Brokers.Addrs, s.Name, topics, s.Digest, watcher)
	if err != nil {
		return r, errors.Join(append(errs, err)...)
	}
	s.history.add("everything was read")
	r.Books = books
	return r, errors.Join(errs...)
}

// rage feeds the pipeline, and lets the nemesis at it.
func (s *Storm) rage(ctx context.Context, n *nemesis, topics Topics) {
	feed := &Feed{Brokers: s.Brokers.Addrs, Topic: topics.Input, Poison: s.Poison, Keys: 64, Random: rand.New(rand.NewPCG(s.Seed, 0))}
	stop, fed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(fed)
		feed.Run(ctx, s.Rate, stop)
	}()
	for done := 0; ctx.Err() == nil && (time.Since(s.history.began) < s.Duration || done < len(s.Faults)); done++ {
		pause(ctx, s.Calm/4+time.Duration(n.random.Int64N(int64(s.Calm))))
		n.one(ctx)
	}
	close(stop)
	<-fed
	s.history.add("%d records were written for certain", feed.Written())
}

func (s *Storm) create(ctx context.Context, t Topics) error {
	cl, err := connect(s.Brokers.Addrs)
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for topic, partitions := range map[string]int32{t.Input: s.Partitions, t.A: 4, t.B: 4, t.Dead: 2} {
		if _, err := adm.CreateTopic(ctx, partitions, s.Replicas, nil, topic); err != nil {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	return await(ctx, "the topics are there", func(ctx context.Context) (bool, error) {
		found, err := adm.ListTopics(ctx, t.Input, t.A, t.B, t.Dead)
		return err == nil && found.Error() == nil, err
	})
}

// expelled waits until the group has no member of the host any more.
func (s *Storm) expelled(ctx context.Context, name string) error {
	cl, err := connect(s.Brokers.Addrs)
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	return await(ctx, "the group has expelled host "+name, func(ctx context.Context) (bool, error) {
		members, err := s.members(ctx, adm)
		return err == nil && !slices.Contains(members, name), err
	})
}

// members are the client ids of the group's members: a host's own name.
func (s *Storm) members(ctx context.Context, adm *kadm.Client) (clients []string, err error) {
	if s.Protocol == "consumer" {
		groups, err := adm.DescribeConsumerGroups(ctx, s.Name)
		for _, m := range groups[s.Name].Members {
			clients = append(clients, m.ClientID)
		}
		return clients, errors.Join(err, groups.Error())
	}
	groups, err := adm.DescribeGroups(ctx, s.Name)
	for _, m := range groups[s.Name].Members {
		clients = append(clients, m.ClientID)
	}
	return clients, errors.Join(err, groups.Error())
}

// Report is what a storm did, and what came of it.
type Report struct {
	Seed     uint64
	Took     time.Duration // with faults
	Settled  time.Duration // from the last fault until all of the input was committed
	Faults   map[Fault]int
	Sessions int64 // that were thrown away
	Books    *Books
	counters
	history *history
}

// String is the report for people.
func (r *Report) String() string {
	var b strings.Builder
	total := 0
	for _, n := range r.Faults {
		total += n
	}
	fmt.Fprintf(&b, "seed      %d\n", r.Seed)
	fmt.Fprintf(&b, "time      %.1fs of faults, %.1fs until all was committed\n", r.Took.Seconds(), r.Settled.Seconds())
	if r.Books != nil {
		fmt.Fprintf(&b, "records   %d in, %d dead letters, %d met by a reader during the run\n", r.Books.Records(), r.Books.Letters(), r.Books.Seen())
	}
	fmt.Fprintf(&b, "told      %d commits, %d aborts, %d sessions recreated, %d hosts ended by themselves, %d late drains\n", r.Commits, r.Aborts, r.Sessions, r.Exits, r.Late)
	fmt.Fprintf(&b, "faults    %d: %s\n", total, counts(r.Faults))
	if r.Books != nil {
		fmt.Fprintf(&b, "verdicts  %s\n", r.Books.Counts())
	}
	return b.String()
}

// History is what happened, a line each.
func (r *Report) History() string {
	r.history.mu.Lock()
	defer r.history.mu.Unlock()
	return strings.Join(r.history.lines, "\n") + "\ncauses of aborts: " + counts(r.causes) + "\n"
}

// Held says whether the promise was kept, and whether there was anything to keep it against: so many faults of so many kinds.
func (r *Report) Held(faults, kinds int) error {
	if r.Books == nil {
		return errors.New("the books were not closed")
	}
	var errs []error
	if text := r.Books.String(); text != "" {
		errs = append(errs, fmt.Errorf("the promise is broken:\n%s", text))
	}
	if r.Books.Records() == 0 || r.Books.Letters() == 0 || r.Books.Seen() == 0 {
		errs = append(errs, errors.New("there were no records, no dead letters or no reader"))
	}
	did, of := 0, 0
	for _, n := range r.Faults {
		did += n
		of += min(n, 1)
	}
	if did < faults || of < kinds || r.Faults[Kill]+r.Faults[KillAt] == 0 || r.Faults[Pause] == 0 {
		errs = append(errs, fmt.Errorf("%d faults of %d kinds happened, and %d of %d are wanted, a SIGKILL and a SIGSTOP among them", did, of, faults, kinds))
	}
	return errors.Join(errs...)
}
