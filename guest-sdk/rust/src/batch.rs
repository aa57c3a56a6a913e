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
        if at(0) != wire::INPUT_MAGIC {
            return bad("magic");
        }
        if header_size < wire::HEADER || header_size > image.len() {
            return bad("header_size");
        }
        if row_size < wire::ROW || row_size % 8 != 0 {
            return bad("record_size");
        }
        if at(8) as usize != image.len() {
            return bad("total");
        }
        let (len, entries, flags) = (at(12), at(16), at(28));
        if flags & !(wire::VALUES_ABSENT | wire::KEYS_ABSENT | wire::HEADERS_ABSENT) != 0 {
            return bad("flags");
        }
        let (rows_off, entries_off) = (at(20), at(24));
        if len > 0 && (rows_off % 8 != 0 || segment(image, rows_off, len, row_size).is_none()) {
            return bad("records_off");
        }
        let entries = match segment(image, entries_off, entries, wire::ENTRY) {
            Some([]) => &[],
            Some(entries) if entries_off % 4 == 0 => entries,
            _ => return bad("headers_off"),
        };
        let topic = segment(image, at(36), at(40), 1).and_then(|t| core::str::from_utf8(t).ok());
        let Some(topic) = topic else {
            return bad("topic_off");
        };
        if at(44) as usize > image.len() {
            return bad("blob_off");
        }
        let (partition, clock_ms) = (wire::i32_at(image, 32), wire::i64_at(image, 48));
        let rows_off = rows_off as usize;
        let view = View { image, rows_off, row_size, len, entries, flags, topic, partition, clock_ms };
        view.check()?;
        Ok(view)
    }

    fn check(&self) -> Result<(), Bad> {
        let present = |absent: u32| self.flags & absent == 0;
        let (keys, values) = (present(wire::KEYS_ABSENT), present(wire::VALUES_ABSENT));
        for (i, e) in self.entries.chunks_exact(wire::ENTRY).enumerate() {
            let bad = |field| Err(Bad { row: Some(("headers", i as u32)), field });
            if wire::i32_at(e, 4) < 0 || !self.holds(e, 0, true) {
                return bad("key_off");
            }
            if wire::i32_at(e, 12) < wire::NULL {
                return bad("value_len");
            }
            if !self.holds(e, 8, true) {
                return bad("value_off");
            }
        }
        let all = (self.entries.len() / wire::ENTRY) as u64;
        for r in Batch::new(self) {
            let bad = |field| Err(Bad { row: Some(("records", r.index)), field });
            if wire::u32_at(r.row, 44) & !wire::BROKER_TIME != 0 {
                return bad("flags");
            }
            if wire::i32_at(r.row, wire::KEY_LEN) < wire::NULL {
                return bad("key_len");
            }
            if !self.holds(r.row, wire::KEY_OFF, keys) {
                return bad("key_off");
            }
            if wire::i32_at(r.row, wire::VALUE_LEN) < wire::NULL {
                return bad("value_len");
            }
            if !self.holds(r.row, wire::VALUE_OFF, values) {
                return bad("value_off");
            }
            let first = u64::from(wire::u32_at(r.row, wire::FIRST_HEADER));
            let count = u64::from(wire::u32_at(r.row, wire::HEADER_COUNT));
            if count > 0 && first + count > all && present(wire::HEADERS_ABSENT) {
                return bad("first_header");
            }
        }
        Ok(())
    }

    /// Whether the bytes whose offset and length are at `at` lie in the image, if there are any and they were not left out.
    #[inline(always)]
    fn holds(&self, row: &[u8], at: usize, present: bool) -> bool {
        let (off, len) = (wire::u32_at(row, at), wire::i32_at(row, at + 4));
        len <= 0 || !present || u64::from(off) + u64::from(len.unsigned_abs()) <= self.image.len() as u64
    }

    /// Bytes of the image, which `parse` has found to lie in it.
    #[inline]
    pub(crate) fn slice(&self, off: usize, len: usize) -> &'a [u8] {
        match len {
            0 => &[], // its offset says nothing
            _ => &self.image[off..off + len],
        }
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

/// The bytes of `count` rows of `size` bytes from `off`, if they lie in the image; where there are none `off` says nothing.
fn segment(image: &[u8], off: u32, count: u32, size: usize) -> Option<&[u8]> {
    let len = u64::from(count) * size as u64;
    match len {
        0 => Some(&[]),
        _ if u64::from(off) + len > image.len() as u64 => None,
        _ => Some(&image[off as usize..off as usize + len as usize]),
    }
}
