package main

import "strconv"

// parseAmount reads a decimal with at most 16 digits before the point and 2 after it, in cents: 18 digits, which 64 bits
// hold. There is no floating point, because 0.1 + 0.2 is not 0.3 there. The reason is "" where it is one.
func parseAmount(s []byte) (cents int64, reason string) {
	const notDecimal = "amount: not a decimal"
	negative := len(s) > 0 && s[0] == '-'
	if negative {
		s = s[1:]
	}
	whole := digits(s)
	after := s[whole:]
	var decimals []byte
	if len(after) > 0 {
		decimals = after[1:]
		if after[0] != '.' || len(decimals) == 0 || digits(decimals) != len(decimals) {
			return 0, notDecimal
		}
	}
	switch {
	case whole == 0, whole > 1 && s[0] == '0':
		return 0, notDecimal
	case len(decimals) > 2:
		return 0, "amount: more than 2 decimals"
	case whole > 16:
		return 0, "amount: more than 16 digits"
	}
	for _, c := range s[:whole] {
		cents = cents*10 + int64(c-'0')
	}
	for i := range 2 {
		cents *= 10
		if i < len(decimals) {
			cents += int64(decimals[i] - '0')
		}
	}
	if negative {
		cents = -cents
	}
	return cents, ""
}

// digits is how many digits s begins with.
func digits(s []byte) (n int) {
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// appendAmount writes cents, which are not negative, with exactly two decimals.
func appendAmount(b []byte, cents int64) []byte {
	b = strconv.AppendInt(b, cents/100, 10)
	return append(b, '.', byte('0'+cents/10%10), byte('0'+cents%10))
}
