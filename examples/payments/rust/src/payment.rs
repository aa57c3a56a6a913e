//! A payment: read, checked, written in its normal form.

use std::borrow::Cow;

use wasmflow::{refuse, Result, Writer};

use crate::amount::cents;
use crate::json::Reader;

const NAMES: [&str; 4] = ["id", "account", "currency", "amount"];
const MAX_NAME: usize = 64;

/// A field of a payment.
enum Field<'a> {
    Missing,
    /// There, and no string.
    Other,
    /// A string, its escapes resolved, in UTF-8.
    Text(Cow<'a, [u8]>),
}

/// A JSON object with an id, and nothing more known of it.
pub struct Payment<'a> {
    id: Cow<'a, [u8]>,
    account: Field<'a>,
    currency: Field<'a>,
    amount: Field<'a>,
    unknown: bool,
}

pub enum Verdict<'a> {
    Accepted(Accepted<'a>),
    Rejected(&'static str),
}

pub struct Accepted<'a> {
    id: Cow<'a, [u8]>,
    account: Cow<'a, [u8]>,
    currency: Cow<'a, [u8]>,
    cents: i64,
}

impl<'a> Payment<'a> {
    /// Reads a payment; what is none is refused.
    pub fn read(text: &'a [u8]) -> Result<Self> {
        let mut fields = NAMES.map(|_| Field::Missing);
        let mut unknown = false;
        let mut twice = None;
        let mut reader = Reader::new(text);
        let whole = reader.object(|name_at, name, value| match NAMES.iter().position(|n| n.as_bytes() == name) {
            None => unknown = true,
            Some(n) if matches!(fields[n], Field::Missing) => fields[n] = value.map_or(Field::Other, Field::Text),
            Some(n) => {
                twice.get_or_insert((NAMES[n], name_at));
            }
        });
        if let Err(at) = whole {
            refuse!(code = 2, "payment is not a JSON object: byte {at} of {}", text.len());
        }
        if let Some((name, at)) = twice {
            refuse!(code = 3, "field \"{name}\" is given twice: byte {at} of {}", text.len());
        }
        let [id, account, currency, amount] = fields;
        match id {
            Field::Text(id) if !id.is_empty() => Ok(Payment { id, account, currency, amount, unknown }),
            _ => refuse!(code = 4, "payment without an id"),
        }
    }

    /// Accepts or rejects it; the first rule that applies decides.
    pub fn check(self, currencies: &[String], limit: i64) -> Verdict<'a> {
        match self.accept(currencies, limit) {
            Ok(accepted) => Verdict::Accepted(accepted),
            Err(reason) => Verdict::Rejected(reason),
        }
    }

    fn accept(self, currencies: &[String], limit: i64) -> std::result::Result<Accepted<'a>, &'static str> {
        if self.unknown {
            return Err("unknown field");
        }
        if self.id.len() > MAX_NAME {
            return Err("id: longer than 64 bytes");
        }
        let account = self.account.text("account: missing", "account: not a string")?;
        if account.is_empty() {
            return Err("account: empty");
        }
        if account.len() > MAX_NAME {
            return Err("account: longer than 64 bytes");
        }
        let currency = self.currency.text("currency: missing", "currency: not a string")?;
        if !currencies.iter().any(|c| c.as_bytes() == &*currency) {
            return Err("currency: not accepted");
        }
        let cents = cents(&self.amount.text("amount: missing", "amount: not a string")?)?;
        if cents > limit {
            return Err("amount: over the limit");
        }
        Ok(Accepted { id: self.id, account, currency, cents })
    }
}

impl<'a> Field<'a> {
    fn text(self, missing: &'static str, other: &'static str) -> std::result::Result<Cow<'a, [u8]>, &'static str> {
        match self {
            Field::Missing => Err(missing),
            Field::Other => Err(other),
            Field::Text(text) => Ok(text),
        }
    }
}

impl Accepted<'_> {
    /// Writes the normal form.
    pub fn write(&self, w: &mut Writer<'_>) {
        for (before, text) in
            [("{\"id\":\"", &self.id), ("\",\"account\":\"", &self.account), ("\",\"currency\":\"", &self.currency)]
        {
            w.put_str(before);
            text.iter().for_each(|&b| escape(w, b));
        }
        write!(w, "\",\"amount\":\"{}.{:02}\"}}", self.cents / 100, self.cents % 100);
    }
}

fn escape(w: &mut Writer<'_>, byte: u8) {
    match byte {
        b'"' => w.put_str("\\\""),
        b'\\' => w.put_str("\\\\"),
        0x08 => w.put_str("\\b"),
        b'\t' => w.put_str("\\t"),
        b'\n' => w.put_str("\\n"),
        0x0c => w.put_str("\\f"),
        b'\r' => w.put_str("\\r"),
        0..0x20 => write!(w, "\\u{byte:04x}"),
        _ => w.push(byte),
    }
}
