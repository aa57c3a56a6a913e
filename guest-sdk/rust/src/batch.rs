//! A batch: the input image, checked once, then read where it lies.

use core::fmt;

use crate::record::Record;
use crate::wire;

/// The records of one call: of one partition, in offset order.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    view: &'a View<'a>,
}

impl<'a> Batch<'a> {
    #[inline]
    pub(crate) fn new(view: &'a View<'a>) -> Self {
        Batch { view }
    }

    /// How many records there are.
    #[inline]
    pub fn len(self) -> usize {
        self.view.len as usize
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.view.len == 0
    }

    /// The record at `index`, from 0.
    #[inline]
    pub fn get(self, index: usize) -> Option<Record<'a>> {
        if index >= self.len() {
            return None;
        }
        // The rows were checked to lie in the image, so neither the product nor the sum overflows.
        let at = self.view.rows_off + index * self.view.row_size;
        let row = self.view.image.get(at..)?.first_chunk()?;
        Some(Record { view: self.view, row, index: index as u32 })
    }

    /// The records in order.
    #[inline]
    pub fn iter(self) -> Records<'a> {
        Records { batch: self, next: 0 }
    }

    /// The topic of all records.
    #[inline]
    pub fn topic(self) -> &'a str {
        self.view.topic
    }

    /// The partition of all records.
    #[inline]
    pub fn partition(self) -> i32 {
        self.view.partition
    }

    /// The largest timestamp of the records, in milliseconds since 1970-01-01 UTC.
    #[inline]
    pub fn clock_ms(self) -> i64 {
        self.view.clock_ms
    }
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records of {}/{}", self.len(), self.topic(), self.partition())
    }
}

impl<'a> IntoIterator for Batch<'a> {
    type Item = Record<'a>;
    type IntoIter = Records<'a>;

    #[inline]
    fn into_iter(self) -> Records<'a> {
        self.iter()
    }
}

/// The records of a batch in order.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    batch: Batch<'a>,
    next: usize,
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a>> {
        let r = self.batch.get(self.next)?;
        self.next += 1;
        Some(r)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.batch.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Records<'_> {}

/// An input image whose header, rows and headers have been checked: every offset and length that they hold lies in it.
pub struct View<'a> {
    image: &'a [u8],
    rows_off: usize,
    /// From row to row, as the image says: later versions of the ABI may send longer rows than this one reads.
    row_size: usize,
    len: u32,
    entries: &'a [u8],
    pub(crate) flags: u32,
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    clock_ms: i64,
}

/// What is wrong with an input image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bad {
    /// The list (`records`, `headers`) and the index in it, where the field belongs to a row.
    row: Option<(&'static str, u32)>,
    /// The field, in the words of the specification.
    field: &'static str,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            None => write!(f, "input image: {} is not valid", self.field),
            Some((list, i)) => write!(f, "input image: {list}[{i}].{} is not valid", self.field),
        }
    }
}

impl<'a> View<'a> {
    /// Checks all of an input image, once, so that a mistake is named where it is made and reading needs no care.
    pub fn parse(image: &'a [u8]) -> Result<Self, Bad> {
        let bad = |field| Err(Bad { row: None, field });
        if image.len() < wire::HEADER {
            return bad("total");
        }
        let at = |at| wire::u32_at(image, at);
        let (header_size, row_size) = (wire::u16_at(image, 4) as usize, wire::u16_at(image, 6) as usize);
        let (total, len, entries, flags) = (at(8) as usize, at(12), at(16), at(28));
        if at(0) != wire::INPUT_MAGIC {
            return bad("magic");
        }
        if header_size < wire::HEADER || header_size % 8 != 0 {
            return bad("header_size");
        }
        if row_size < wire::ROW || row_size % 8 != 0 {
            return bad("record_size");
        }
        if total > image.len() || total < header_size {
            return bad("total");
        }
        if flags & !(wire::VALUES_ABSENT | wire::KEYS_ABSENT | wire::HEADERS_ABSENT) != 0 {
            return bad("flags");
        }
        let image = &image[..total];
        let rows_off = at(20) as usize;
        if len > 0 && !within(total, header_size, rows_off, len, row_size) {
            return bad("records_off");
        }
        let Some(entries) = (match entries {
            0 => Some(&image[..0]),
            n if within(total, header_size, at(24) as usize, n, wire::ENTRY) => {
                image.get(at(24) as usize..at(24) as usize + n as usize * wire::ENTRY)
            }
            _ => None,
        }) else {
            return bad("headers_off");
        };
        let topic = slice(image, at(36), at(40) as usize).and_then(|t| core::str::from_utf8(t).ok());
        let Some(topic) = topic else {
            return bad("topic_off");
        };
        let (partition, clock_ms) = (wire::i32_at(image, 32), wire::i64_at(image, 48));
        let view = View { image, rows_off, row_size, len, entries, flags, topic, partition, clock_ms };
        view.check()?;
        Ok(view)
    }

    fn check(&self) -> Result<(), Bad> {
        let known = |absent: u32| self.flags & absent == 0;
        let (keys, values) = (known(wire::KEYS_ABSENT), known(wire::VALUES_ABSENT));
        let all = (self.entries.len() / wire::ENTRY) as u64;
        for r in Batch::new(self) {
            let bad = |field| Err(Bad { row: Some(("records", r.index)), field });
            if !self.holds(r.row, wire::KEY_OFF, wire::i32_at(r.row, wire::KEY_LEN), keys) {
                return bad("key_off");
            }
            if !self.holds(r.row, wire::VALUE_OFF, wire::i32_at(r.row, wire::VALUE_LEN), values) {
                return bad("value_off");
            }
            let first = u64::from(wire::u32_at(r.row, wire::FIRST_HEADER));
            let count = u64::from(wire::u32_at(r.row, wire::HEADER_COUNT));
            if count > 0 && first + count > all && known(wire::HEADERS_ABSENT) {
                return bad("first_header");
            }
            if wire::u32_at(r.row, 44) & !wire::BROKER_TIME != 0 {
                return bad("flags");
            }
        }
        for (i, entry) in self.entries.chunks_exact(wire::ENTRY).enumerate() {
            let bad = |field| Err(Bad { row: Some(("headers", i as u32)), field });
            let key_len = i32::try_from(wire::u32_at(entry, 4)).unwrap_or(wire::SOURCE);
            if key_len < 0 || !self.holds(entry, 0, key_len, true) {
                return bad("key_off");
            }
            if !self.holds(entry, 8, wire::i32_at(entry, 12), true) {
                return bad("value_off");
            }
        }
        Ok(())
    }

    /// Whether the bytes that `row` names at `off` are null or lie in the image, or were left out of it.
    #[inline(always)]
    fn holds(&self, row: &[u8], off: usize, len: i32, known: bool) -> bool {
        let end = u64::from(wire::u32_at(row, off)) + u64::from(len.unsigned_abs());
        len == wire::NULL || (len >= 0 && (!known || end <= self.image.len() as u64))
    }

    /// Bytes of the image, which `parse` has found to lie in it.
    #[inline]
    pub(crate) fn slice(&self, off: usize, len: usize) -> &'a [u8] {
        &self.image[off..off + len]
    }

    /// Entries of headers, which `parse` has found to be there.
    #[inline]
    pub(crate) fn entries(&self, first: usize, count: usize) -> core::slice::ChunksExact<'a, u8> {
        let entries = match count {
            0 => &[],
            _ => &self.entries[first * wire::ENTRY..(first + count) * wire::ENTRY],
        };
        entries.chunks_exact(wire::ENTRY)
    }
}

/// Whether `count` rows of `size` bytes from `off` lie behind the header and in the image.
fn within(total: usize, header: usize, off: usize, count: u32, size: usize) -> bool {
    off >= header && off as u64 + u64::from(count) * size as u64 <= total as u64
}

fn slice(image: &[u8], off: u32, len: usize) -> Option<&[u8]> {
    image.get(off as usize..)?.get(..len)
}
