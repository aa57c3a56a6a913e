// Package demo shows what exactly-once means, on a broker inside the process: payments go through the payments guest, the
// host is killed with a transaction open, a second one takes its place, and every payment must be found exactly once.
package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Payment is a generated payment and what must become of it (examples/payments/README.md has the rules).
type Payment struct {
	// ID is unique, and ascends in the order in which the payments are produced.
	ID string
	// Account is the record's key.
	Account string
	// Value is what is produced.
	Value []byte
	// Time is the record's timestamp, whole milliseconds; it must be that of what comes out.
	Time time.Time
	// Output that it must come out on, accepted or rejected.
	Output string
	// Want is the value there.
	Want []byte
	// Reason is the header that a rejected payment has.
	Reason string
}

// Names of the outputs, in the configuration and in the guest.
const (
	accepted = "accepted"
	rejected = "rejected"
)

// The configuration of the guest.
var currencies = []string{"EUR", "USD"}

const limitCents = 10_000_00

// fault makes a payment one that must be rejected for reason.
type fault struct {
	reason string
	apply  func(r *rand.Rand, f map[string]string)
}

var faults = []fault{
	{"currency: not accepted", func(r *rand.Rand, f map[string]string) { f["currency"] = pick(r, "GBP", "JPY", "eur", "XXX") }},
	{"amount: not above zero", func(r *rand.Rand, f map[string]string) { f["amount"] = pick(r, "0", "0.00", "-5", "-12.50") }},
	{"amount: over the limit", func(r *rand.Rand, f map[string]string) { f["amount"] = money(limitCents + 1 + r.Int64N(1_000_000_00)) }},
	{"amount: more than 2 decimals", func(r *rand.Rand, f map[string]string) { f["amount"] = money(1+r.Int64N(limitCents/2)) + "5" }},
	{"amount: not a decimal", func(r *rand.Rand, f map[string]string) { f["amount"] = pick(r, "1e3", "12,50", "ten", ".5", "00.10") }},
	{"account: missing", func(_ *rand.Rand, f map[string]string) { delete(f, "account") }},
	{"currency: missing", func(_ *rand.Rand, f map[string]string) { delete(f, "currency") }},
	{"amount: missing", func(_ *rand.Rand, f map[string]string) { delete(f, "amount") }},
	{"unknown field", func(_ *rand.Rand, f map[string]string) { f["note"] = "urgent" }},
}

// Traffic generates n payments, about one in seven of them to be rejected, one a millisecond up to now. The same seed gives the
// same payments. Where ctx is done it stops, with fewer of them.
func Traffic(ctx context.Context, seed uint64, n int, now time.Time) []Payment {
	r := rand.New(rand.NewPCG(seed, 0))
	first := now.Truncate(time.Millisecond).Add(-time.Duration(n) * time.Millisecond)
	var payments []Payment
	for i := 0; i < n && ctx.Err() == nil; i++ {
		p := payment(r, i)
		p.Time = first.Add(time.Duration(i) * time.Millisecond)
		payments = append(payments, p)
	}
	return payments
}

func payment(r *rand.Rand, i int) Payment {
	p := Payment{ID: fmt.Sprintf("p-%07d", i+1), Account: fmt.Sprintf("account-%03d", r.IntN(200)), Output: accepted}
	cents := 1 + r.Int64N(limitCents)
	f := map[string]string{"id": p.ID, "account": p.Account, "currency": pick(r, currencies...), "amount": money(cents)}
	if r.IntN(7) == 0 {
		bad := faults[r.IntN(len(faults))]
		bad.apply(r, f)
		p.Value = object(f)
		p.Output, p.Want, p.Reason = rejected, p.Value, bad.reason
		return p
	}
	p.Want = object(f)
	if cents%10 == 0 {
		f["amount"] = strings.TrimSuffix(f["amount"], "0") // 10.50 as 10.5, 10.00 as 10.0: the guest has something to normalise.
	}
	p.Value = object(f)
	return p
}

// object writes the fields in the guest's normal order; every text here needs no escapes.
func object(f map[string]string) []byte {
	var b strings.Builder
	for _, name := range []string{"id", "account", "currency", "amount", "note"} {
		v, ok := f[name]
		if !ok {
			continue
		}
		b.WriteByte("{,"[min(b.Len(), 1)])
		b.WriteString(strconv.Quote(name) + ":" + strconv.Quote(v))
	}
	b.WriteByte('}')
	return []byte(b.String())
}

func money(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }
