//! A strict JSON reader that knows the byte at which a text stops being JSON.
//!
//! It reads one object of strings and skips, but checks, everything else. Where it fails, it stands on the first byte that no
//! valid text could have there.

use std::borrow::Cow;

/// Objects and arrays in each other, the outermost one counted.
const DEEPEST: usize = 32;

/// The text stops being JSON where the reader stands.
struct Stop;

type Step<T = ()> = Result<T, Stop>;

pub struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Reader { text, at: 0 }
    }

    /// Reads one object, with nothing but white space around it. `field` gets where each name begins, the name, and the value
    /// where that is a string, in the order of the text. An error is the byte that cannot stand there, or the text's length.
    pub fn object(&mut self, mut field: impl FnMut(usize, &[u8], Option<Cow<'a, [u8]>>)) -> Result<(), usize> {
        self.document(&mut field).map_err(|Stop| self.at)
    }

    fn document(&mut self, field: &mut impl FnMut(usize, &[u8], Option<Cow<'a, [u8]>>)) -> Step {
        self.space();
        self.members(1, |r| {
            let name_at = r.at;
            let name = r.string()?;
            r.colon()?;
            let value = match r.peek() {
                Some(b'"') => Some(r.string()?),
                _ => r.value(1).map(|()| None)?,
            };
            field(name_at, &name, value);
            Ok(())
        })?;
        self.space();
        if self.at < self.text.len() {
            return Err(Stop);
        }
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes the next byte if `want` does.
    fn take(&mut self, want: impl Fn(u8) -> bool) -> Step<u8> {
        match self.peek() {
            Some(b) if want(b) => {
                self.at += 1;
                Ok(b)
            }
            _ => Err(Stop),
        }
    }

    fn literal(&mut self, text: &str) -> Step {
        text.bytes().try_for_each(|want| self.take(|b| b == want).map(drop))
    }

    fn colon(&mut self) -> Step {
        self.space();
        self.literal(":")?;
        self.space();
        Ok(())
    }

    /// Checks a value in `depth` objects and arrays.
    fn value(&mut self, depth: usize) -> Step {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.members(depth + 1, |r| {
                r.string()?;
                r.colon()?;
                r.value(depth + 1)
            }),
            Some(b'[') => self.list(b'[', b']', depth + 1, |r| r.value(depth + 1)),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => self.number(),
        }
    }

    fn members(&mut self, depth: usize, member: impl FnMut(&mut Self) -> Step) -> Step {
        self.list(b'{', b'}', depth, member)
    }

    fn list(&mut self, open: u8, close: u8, depth: usize, mut item: impl FnMut(&mut Self) -> Step) -> Step {
        self.take(|b| b == open && depth <= DEEPEST)?;
        self.space();
        if self.take(|b| b == close).is_ok() {
            return Ok(());
        }
        loop {
            item(self)?;
            self.space();
            if self.take(|b| b == close || b == b',')? == close {
                return Ok(());
            }
            self.space();
        }
    }

    fn number(&mut self) -> Step {
        let _ = self.take(|b| b == b'-');
        if self.take(|b| b == b'0').is_err() {
            self.digits()?;
        }
        if self.take(|b| b == b'.').is_ok() {
            self.digits()?;
        }
        if self.take(|b| b == b'e' || b == b'E').is_ok() {
            let _ = self.take(|b| b == b'+' || b == b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Step {
        self.take(|b| b.is_ascii_digit())?;
        while self.take(|b| b.is_ascii_digit()).is_ok() {}
        Ok(())
    }

    /// Reads a string and resolves its escapes; one without is borrowed.
    fn string(&mut self) -> Step<Cow<'a, [u8]>> {
        self.literal("\"")?;
        let mut resolved: Option<Vec<u8>> = None;
        let mut plain = self.at;
        loop {
            let at = self.at;
            match self.take(|b| b >= 0x20)? {
                b'"' => {
                    let rest = &self.text[plain..at];
                    return Ok(match resolved {
                        None => Cow::Borrowed(rest),
                        Some(mut s) => {
                            s.extend_from_slice(rest);
                            Cow::Owned(s)
                        }
                    });
                }
                b'\\' => {
                    let s = resolved.get_or_insert_with(Vec::new);
                    s.extend_from_slice(&self.text[plain..at]);
                    s.extend_from_slice(self.escape()?.encode_utf8(&mut [0; 4]).as_bytes());
                    plain = self.at;
                }
                0..0x80 => {}
                first => self.letter(first)?,
            }
        }
    }

    /// The bytes of a letter behind its first one: Unicode, table 3-7.
    fn letter(&mut self, first: u8) -> Step {
        let (second, more) = match first {
            0xc2..=0xdf => (0x80..=0xbf, 0),
            0xe0 => (0xa0..=0xbf, 1),
            0xed => (0x80..=0x9f, 1),
            0xe1..=0xef => (0x80..=0xbf, 1),
            0xf0 => (0x90..=0xbf, 2),
            0xf1..=0xf3 => (0x80..=0xbf, 2),
            0xf4 => (0x80..=0x8f, 2),
            _ => {
                self.at -= 1;
                return Err(Stop);
            }
        };
        self.take(|b| second.contains(&b))?;
        (0..more).try_for_each(|_| self.take(|b| (0x80..=0xbf).contains(&b)).map(drop))
    }

    fn escape(&mut self) -> Step<char> {
        Ok(match self.take(|b| b"\"\\/bfnrtu".contains(&b))? {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unit()?,
            same => same.into(),
        })
    }

    /// The digits of `\u`, and of the second one where it is half of a pair.
    fn unit(&mut self) -> Step<char> {
        let first = self.hex(|_| true)?;
        let surrogate = first == 0xd;
        // A low half does not come first.
        let second = self.hex(|digit| !surrogate || digit < 0xc)?;
        let unit = (first << 4 | second) << 8 | self.hex(|_| true)? << 4 | self.hex(|_| true)?;
        if !surrogate || second < 8 {
            return char::from_u32(unit).ok_or(Stop);
        }
        self.literal("\\u")?;
        let low = self.hex(|digit| digit == 0xd)? << 12
            | self.hex(|digit| digit >= 0xc)? << 8
            | self.hex(|_| true)? << 4
            | self.hex(|_| true)?;
        char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).ok_or(Stop)
    }

    fn hex(&mut self, want: impl Fn(u32) -> bool) -> Step<u32> {
        let digit = |b: u8| char::from(b).to_digit(16);
        let b = self.take(|b| digit(b).is_some_and(&want))?;
        digit(b).ok_or(Stop)
    }
}
