package main

import (
	"bytes"
	"strconv"

	"github.com/wasmflow/wasmflow/guest-sdk/go"
	"github.com/wasmflow/wasmflow/guest-sdk/go/strictjson"
)

// payment is a payment as it came: its fields' values are views of the record's value.
type payment struct {
	id, account, currency, amount strictjson.Value
	unknown                       bool // it has another field
}

// Codes of refusals, for whoever reads dead letters by machine.
const (
	noBody = 1 + iota
	notAnObject
	givenTwice
	noID
)

const maxDepth = 32 // levels of nesting, the payment's own object counted

// parse reads a record's value. An error is a refusal: what came is no payment.
func parse(value []byte) (p payment, err error) {
	if value == nil {
		return p, wasmflow.Refusal{Code: noBody, Text: "payment without a body"}
	}
	object, err := strictjson.ParseObject(value, maxDepth)
	if err != nil {
		return p, wasmflow.Refusal{Code: notAnObject, Text: "payment is " + err.Error()}
	}
	for name, v := range object.Members() {
		var field *strictjson.Value
		switch {
		case name.Is("id"):
			field = &p.id
		case name.Is("account"):
			field = &p.account
		case name.Is("currency"):
			field = &p.currency
		case name.Is("amount"):
			field = &p.amount
		default:
			p.unknown = true
			continue
		}
		if field.Kind() != strictjson.Nothing { // two readers could see two payments
			return p, wasmflow.Refusal{Code: givenTwice, Text: "field " + strconv.Quote(name.Text()) +
				" is given twice: byte " + strconv.Itoa(name.At()) + " of " + strconv.Itoa(len(value))}
		}
		*field = v
	}
	if p.id.Kind() != strictjson.String || p.id.Is("") {
		return p, wasmflow.Refusal{Code: noID, Text: "payment without an id"}
	}
	return p, nil
}

// appendNormal writes an accepted payment in its normal form.
func (p payment) appendNormal(b []byte, cents int64) []byte {
	b = append(b, `{"id":`...)
	b = appendString(b, p.id)
	b = append(b, `,"account":`...)
	b = appendString(b, p.account)
	b = append(b, `,"currency":`...)
	b = appendString(b, p.currency)
	b = append(b, `,"amount":"`...)
	b = appendAmount(b, cents)
	return append(b, `"}`...)
}

// appendString writes a string with the escapes that it must have, in their shortest form, and no others.
func appendString(b []byte, s strictjson.Value) []byte {
	const hex = "0123456789abcdef"
	if bytes.IndexByte(s.Raw(), '\\') < 0 { // without escapes it is in normal form
		return append(b, s.Raw()...)
	}
	b = append(b, '"')
	for _, c := range text(s) {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\b':
			b = append(b, `\b`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\f':
			b = append(b, `\f`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// text is the string, its escapes resolved. Most have none, and are read where they are.
func text(s strictjson.Value) []byte {
	if raw := s.Raw(); bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	return s.AppendText(nil)
}
