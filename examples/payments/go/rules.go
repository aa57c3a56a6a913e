package main

import (
	"errors"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
	"github.com/wasmflow/wasmflow/guest-sdk/go/strictjson"
)

// rules are what the pipeline's configuration says about payments.
type rules struct {
	currencies         []string
	limit              int64 // cents
	accepted, rejected wasmflow.To
}

// configured are the rules of this instance, set once by init.
var configured rules

func configure(c wasmflow.Config) error {
	c.Only("currencies", "limit")
	var r rules
	for e := range c.Value("currencies").Elements() {
		code := e.Text()
		if !isCode(code) {
			r.currencies = nil
			break
		}
		r.currencies = append(r.currencies, code)
	}
	if len(r.currencies) == 0 {
		return errors.New(`config.currencies: want a list of codes of three capital letters, like ["EUR", "USD"]`)
	}
	limit, reason := parseAmount(c.Value("limit").AppendText(nil))
	if reason != "" || limit <= 0 {
		return errors.New(`config.limit: want an amount above 0 in a string, like "10000.00"`)
	}
	r.limit = limit
	r.accepted, r.rejected = wasmflow.Out("accepted"), wasmflow.Out("rejected")
	configured = r
	return nil
}

func isCode(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return len(s) == 3
}

// judge says why a payment is rejected; the reason is "" where it is accepted, with its amount in cents.
func (r rules) judge(p payment) (cents int64, reason string) {
	switch {
	case p.unknown:
		return 0, "unknown field"
	case longerThan64(p.id):
		return 0, "id: longer than 64 bytes"
	case p.account.Kind() == strictjson.Nothing:
		return 0, "account: missing"
	case p.account.Kind() != strictjson.String:
		return 0, "account: not a string"
	case p.account.Is(""):
		return 0, "account: empty"
	case longerThan64(p.account):
		return 0, "account: longer than 64 bytes"
	case p.currency.Kind() == strictjson.Nothing:
		return 0, "currency: missing"
	case p.currency.Kind() != strictjson.String:
		return 0, "currency: not a string"
	case !r.accepts(p.currency):
		return 0, "currency: not accepted"
	case p.amount.Kind() == strictjson.Nothing:
		return 0, "amount: missing"
	case p.amount.Kind() != strictjson.String:
		return 0, "amount: not a string"
	}
	cents, reason = parseAmount(text(p.amount))
	switch {
	case reason != "":
		return 0, reason
	case cents <= 0:
		return 0, "amount: not above zero"
	case cents > r.limit:
		return 0, "amount: over the limit"
	}
	return cents, ""
}

func (r rules) accepts(currency strictjson.Value) bool {
	for _, c := range r.currencies {
		if currency.Is(c) {
			return true
		}
	}
	return false
}

// longerThan64 counts bytes of UTF-8, after escapes are resolved.
func longerThan64(s strictjson.Value) bool {
	// Resolved text is never longer than the text between the quotes.
	return len(s.Raw())-2 > 64 && len(text(s)) > 64
}
