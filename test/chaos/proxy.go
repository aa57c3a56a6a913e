package chaos

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Act is what a rule does to a request.
type Act string

const (
	// Cut closes the connection: the request does not arrive.
	Cut Act = "cut"
	// CutAnswer forwards the request and closes the connection in place of its answer.
	CutAnswer Act = "cut answer"
	// Delay holds the request back for Rule.For.
	Delay Act = "delay"
	// Blackhole swallows everything of the connection, both ways, until Rule.For is over, and then closes it.
	Blackhole Act = "blackhole"
)

// Rule picks requests and does something to them.
type Rule struct {
	// Key of the requests; AnyKey is all.
	Key kmsg.Key
	// Client whose requests they are, by the client id in their header, "" for any.
	Client string
	Act    Act
	For    time.Duration
	// After so many requests that fit. Times that it acts, then it is over; 0 is once, -1 until it is removed.
	After int
	Times int
	// Then is called before the act, by the connection's goroutine.
	Then func()

	hits atomic.Int64
	hit  chan struct{} // closed at the first hit
}

// AnyKey picks all requests.
const AnyKey kmsg.Key = -1

// Proxy stands between hosts and brokers on 127.0.0.1, one door for each broker, and understands as much of Kafka's protocol as
// it takes to know a request: its length, API key and client id, and the correlation id of answers.
type Proxy struct {
	life  context.Context
	end   context.CancelFunc
	doors []net.Listener
	wait  sync.WaitGroup

	mu    sync.Mutex
	rules []*Rule
}

// NewProxy makes a proxy without doors.
func NewProxy() *Proxy {
	p := &Proxy{}
	p.life, p.end = context.WithCancel(context.Background())
	return p
}

// Close ends all connections.
func (p *Proxy) Close() {
	p.end()
	for _, d := range p.doors {
		_ = d.Close()
	}
	p.wait.Wait()
}

// Front opens a door to a broker, and returns its address. It is not to be called at once with Close.
func (p *Proxy) Front(broker string) (string, error) {
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	p.doors = append(p.doors, door)
	p.wait.Go(func() {
		for {
			client, err := door.Accept()
			if err != nil {
				return
			}
			p.wait.Go(func() { p.serve(client, broker) })
		}
	})
	return door.Addr().String(), nil
}

// Fronts opens a door to each of the brokers; the result is for Settings.Dial.
func (p *Proxy) Fronts(brokers []string) (map[string]string, error) {
	doors := map[string]string{}
	for _, b := range brokers {
		door, err := p.Front(b)
		if err != nil {
			return nil, err
		}
		doors[b] = door
	}
	return doors, nil
}

// Add puts a rule in force; the first that fits a request acts.
func (p *Proxy) Add(r *Rule) *Rule {
	if r.Times == 0 {
		r.Times = 1
	}
	r.hit = make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, r)
	return r
}

// Remove takes a rule out, and says how often it has acted.
func (p *Proxy) Remove(r *Rule) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.rules {
		if p.rules[i] == r {
			p.rules = append(p.rules[:i:i], p.rules[i+1:]...)
			break
		}
	}
	return int(r.hits.Load())
}

// Hit is closed when the rule has acted.
func (r *Rule) Hit() <-chan struct{} { return r.hit }

func (p *Proxy) match(key int16, client string) *Rule {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.rules {
		if r.Times == 0 || r.Key != AnyKey && int16(r.Key) != key || r.Client != "" && r.Client != client {
			continue
		}
		if r.After > 0 {
			r.After--
			continue
		}
		if r.Times > 0 {
			r.Times--
		}
		if r.hits.Add(1) == 1 {
			close(r.hit)
		}
		return r
	}
	return nil
}

// line is one connection of a client, and the one to its broker.
type line struct {
	client, broker net.Conn
	held           chan struct{} // closed when nothing may pass any more
	hold           sync.Once

	mu   sync.Mutex
	lost map[int32]bool // correlation ids of answers in whose place the connection is closed
}

func (p *Proxy) serve(client net.Conn, address string) {
	defer client.Close()
	broker, err := net.DialTimeout("tcp", address, 3*time.Second)
	if err != nil {
		return // it is down: so is the door
	}
	defer broker.Close()
	l := &line{client: client, broker: broker, held: make(chan struct{}), lost: map[int32]bool{}}
	stop := context.AfterFunc(p.life, l.close)
	defer stop()
	p.wait.Go(func() {
		defer l.close()
		_ = l.answers()
	})
	_ = p.requests(l)
	l.close()
}

func (l *line) close() {
	_ = l.client.Close()
	_ = l.broker.Close()
}

// frame reads what a length of four bytes precedes, with the length.
func frame(r io.Reader, buf []byte) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(length[:]))
	if n < 4 || n > 256<<20 {
		return nil, fmt.Errorf("a frame of %d bytes", n)
	}
	if cap(buf) < n+4 {
		buf = make([]byte, n+4)
	}
	buf = buf[:n+4]
	copy(buf, length[:])
	_, err := io.ReadFull(r, buf[4:])
	return buf, err
}

// header reads a request's header: key, version, correlation id, client id.
func header(f []byte) (key int16, correlation int32, client string) {
	if len(f) < 14 {
		return -1, 0, ""
	}
	key, correlation = int16(binary.BigEndian.Uint16(f[4:])), int32(binary.BigEndian.Uint32(f[8:]))
	if n := int(int16(binary.BigEndian.Uint16(f[12:]))); n > 0 && len(f) >= 14+n {
		client = strings.Clone(string(f[14 : 14+n]))
	}
	return key, correlation, client
}

// requests forwards what the client asks, until a rule or an end of the connection stops it.
func (p *Proxy) requests(l *line) error {
	var buf []byte
	for {
		var err error
		if buf, err = frame(l.client, buf); err != nil {
			return err
		}
		key, correlation, client := header(buf)
		if r := p.match(key, client); r != nil {
			if r.Then != nil {
				r.Then()
			}
			switch r.Act {
			case Cut:
				return nil
			case CutAnswer:
				l.mu.Lock()
				l.lost[correlation] = true
				l.mu.Unlock()
			case Blackhole:
				l.hold.Do(func() { close(l.held) })
				p.pause(r.For)
				return nil
			case Delay:
				p.pause(r.For)
			}
		}
		if _, err := l.broker.Write(buf); err != nil {
			return err
		}
	}
}

func (p *Proxy) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.life.Done():
	}
}

// answers forwards what the broker says.
func (l *line) answers() error {
	var buf []byte
	for {
		var err error
		if buf, err = frame(l.broker, buf); err != nil {
			return err
		}
		select {
		case <-l.held:
			continue
		default:
		}
		l.mu.Lock()
		lost := l.lost[int32(binary.BigEndian.Uint32(buf[4:]))]
		l.mu.Unlock()
		if lost {
			return nil
		}
		if _, err := l.client.Write(buf); err != nil {
			return err
		}
	}
}
