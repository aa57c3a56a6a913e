//! Amounts: decimals with at most two decimals, as whole cents. There is no floating point.

/// The cents of an amount above zero, or why it is none.
pub fn cents(text: &[u8]) -> Result<i64, &'static str> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, decimals) = match digits.iter().position(|&b| b == b'.') {
        Some(point) => (&digits[..point], Some(&digits[point + 1..])),
        None => (digits, None),
    };
    let number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    if !number(whole) || decimals.is_some_and(|d| !number(d)) || (whole.len() > 1 && whole[0] == b'0') {
        return Err("amount: not a decimal");
    }
    let decimals = decimals.unwrap_or_default();
    if decimals.len() > 2 {
        return Err("amount: more than 2 decimals");
    }
    if whole.len() > 16 {
        return Err("amount: more than 16 digits");
    }
    // At most 18 digits, which 64 bits hold.
    let places = [whole, decimals, &b"00"[decimals.len()..]];
    let cents = places.into_iter().flatten().fold(0, |n, digit| n * 10 + i64::from(digit - b'0'));
    if negative || cents == 0 {
        return Err("amount: not above zero");
    }
    Ok(cents)
}
