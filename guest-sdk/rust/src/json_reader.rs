//! A JSON reader for the settings: they come once an instance, so it is small and not fast.

use crate::json::Json;
use crate::refusal::{Refusal, Result};

/// Reads one JSON value with nothing behind it.
pub fn read(text: &str) -> Result<Json> {
    let mut r = Reader { text, at: 0 };
    let value = r.value(0)?;
    r.space();
    if r.at < text.len() {
        return Err(r.bad("nothing more"));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    /// Deeper than any configuration, and far from the end of the stack.
    const DEEPEST: usize = 64;

    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        let ate = self.text.as_bytes()[self.at..].starts_with(token.as_bytes());
        if ate {
            self.at += token.len();
        }
        ate
    }

    fn bad(&self, want: &str) -> Refusal {
        Refusal::new(0, format!("settings: byte {}: want {want}", self.at))
    }

    fn value(&mut self, depth: usize) -> Result<Json> {
        if depth > Self::DEEPEST {
            return Err(self.bad("less nesting"));
        }
        self.space();
        Ok(match self.peek() {
            b'n' if self.eat("null") => Json::Null,
            b't' if self.eat("true") => Json::Bool(true),
            b'f' if self.eat("false") => Json::Bool(false),
            b'"' => Json::String(self.string()?),
            b'-' | b'0'..=b'9' => self.number()?,
            b'[' => {
                let mut items = Vec::new();
                self.list("]", |r| {
                    items.push(r.value(depth + 1)?);
                    Ok(())
                })?;
                Json::Array(items)
            }
            b'{' => {
                let mut members = Vec::new();
                self.list("}", |r| {
                    let key = r.string()?;
                    r.space();
                    if !r.eat(":") {
                        return Err(r.bad("a colon"));
                    }
                    members.push((key, r.value(depth + 1)?));
                    Ok(())
                })?;
                Json::Object(members)
            }
            _ => return Err(self.bad("a value")),
        })
    }

    /// Reads what stands in brackets, `item` by item, from the opening one to `close`.
    fn list(&mut self, close: &str, mut item: impl FnMut(&mut Self) -> Result) -> Result {
        self.at += 1;
        self.space();
        if self.eat(close) {
            return Ok(());
        }
        loop {
            self.space();
            item(self)?;
            self.space();
            if self.eat(close) {
                return Ok(());
            }
            if !self.eat(",") {
                return Err(self.bad("a comma"));
            }
        }
    }

    fn digits(&mut self) -> Result {
        let from = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == from {
            return Err(self.bad("a digit"));
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Json> {
        let from = self.at;
        self.eat("-");
        if !self.eat("0") {
            self.digits()?;
        }
        if self.eat(".") {
            self.digits()?;
        }
        if self.eat("e") || self.eat("E") {
            let _ = self.eat("+") || self.eat("-");
            self.digits()?;
        }
        Ok(Json::Number(self.text[from..self.at].to_owned()))
    }

    fn string(&mut self) -> Result<String> {
        if !self.eat("\"") {
            return Err(self.bad("a string"));
        }
        let mut s = String::new();
        loop {
            let Some(c) = self.text[self.at..].chars().next() else { return Err(self.bad("the end of the string")) };
            if c < ' ' {
                return Err(self.bad("no control character"));
            }
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(s),
                '\\' => s.push(self.escape()?),
                c => s.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let c = self.peek();
        self.at += 1;
        Ok(match c {
            b'"' | b'\\' | b'/' => c.into(),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut units = [self.hex()?, 0];
                if (0xd800..0xdc00).contains(&units[0]) && self.eat("\\u") {
                    units[1] = self.hex()?;
                }
                let n = if units[1] == 0 { 1 } else { 2 };
                match char::decode_utf16(units.into_iter().take(n)).next() {
                    Some(Ok(c)) => c,
                    _ => return Err(self.bad("whole surrogate pairs")),
                }
            }
            _ => {
                self.at -= 1;
                return Err(self.bad("an escape"));
            }
        })
    }

    fn hex(&mut self) -> Result<u16> {
        let unit = self.text.get(self.at..self.at + 4).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = unit.and_then(|h| u16::from_str_radix(h, 16).ok());
        self.at += 4;
        unit.ok_or_else(|| {
            self.at -= 4;
            self.bad("four hex digits")
        })
    }
}
