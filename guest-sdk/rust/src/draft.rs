//! Drafts: an output record while it is written.

use core::ops::Range;

use crate::output::{Mark, Out, Output};
use crate::record::Record;
use crate::refusal::Result;
use crate::room::{reserve, Writer};
use crate::wire;

/// An output record that is being written, straight into the result image. Nothing is sent before [`send`](Self::send), and a
/// draft that is dropped without it leaves nothing behind.
///
/// It borrows the output, so that there is one at a time.
#[must_use = "a draft that is not sent is undone"]
pub struct Draft<'o> {
    out: &'o mut Output,
    mark: Mark,
    row: Row,
    source_key_len: i32,
    source_value_len: i32,
}

/// A row of the result image in the making.
struct Row {
    source: u32,
    output: u16,
    flags: u16,
    timestamp_ms: i64,
    key: (u32, i32),
    value: (u32, i32),
    headers: (u32, u32),
    partition: i32,
}

impl<'o> Draft<'o> {
    #[inline]
    pub(crate) fn new(out: &'o mut Output, r: Record<'_>) -> Self {
        let mark = out.mark();
        let row = Row {
            source: r.index,
            output: 0,
            flags: 0,
            timestamp_ms: 0,
            key: (0, wire::SOURCE),
            value: (0, wire::SOURCE),
            headers: (0, wire::SOURCE_HEADERS),
            partition: wire::BY_KEY,
        };
        let source_key_len = wire::i32_at(r.row, wire::KEY_LEN);
        let source_value_len = wire::i32_at(r.row, wire::VALUE_LEN);
        Draft { out, mark, row, source_key_len, source_value_len }
    }

    /// To another output than the default one.
    #[inline]
    pub fn to(mut self, out: Out) -> Self {
        self.row.output = out.0;
        self
    }

    /// With this key, copied; `None` is null.
    #[inline]
    pub fn key<'k>(mut self, key: impl Into<Option<&'k [u8]>>) -> Self {
        self.row.key = self.bytes(key.into());
        self.row.flags &= !wire::KEY_PART;
        self
    }

    /// With a part of the source's key, not copied.
    ///
    /// # Panics
    /// If the range does not lie in the source's key, or that is null.
    #[inline]
    pub fn key_part(mut self, range: Range<usize>) -> Self {
        self.row.key = part("key", self.source_key_len, range);
        self.row.flags |= wire::KEY_PART;
        self
    }

    /// With this value, copied once; `None` is null: a tombstone in a compacted topic.
    #[inline]
    pub fn value<'v>(mut self, value: impl Into<Option<&'v [u8]>>) -> Self {
        self.row.value = self.bytes(value.into());
        self.row.flags &= !wire::VALUE_PART;
        self
    }

    /// With the value that `write` writes, straight into the result image.
    #[inline]
    pub fn value_with(self, write: impl FnOnce(&mut Writer<'_>)) -> Self {
        match self.try_value_with(|w| {
            write(w);
            Ok(())
        }) {
            Ok(draft) => draft,
            Err(never) => unreachable!("{never}"),
        }
    }

    /// As [`value_with`](Self::value_with), for a `write` that may fail; the draft is then undone.
    #[inline]
    pub fn try_value_with(mut self, write: impl FnOnce(&mut Writer<'_>) -> Result) -> Result<Self> {
        let off = self.out.blob.len();
        write(&mut Writer::new(&mut self.out.blob))?;
        self.row.value = (off as u32, (self.out.blob.len() - off) as i32);
        self.row.flags &= !wire::VALUE_PART;
        Ok(self)
    }

    /// With a part of the source's value, not copied: to strip a prefix, for example.
    ///
    /// # Panics
    /// If the range does not lie in the source's value, or that is null.
    #[inline]
    pub fn value_part(mut self, range: Range<usize>) -> Self {
        self.row.value = part("value", self.source_value_len, range);
        self.row.flags |= wire::VALUE_PART;
        self
    }

    /// With one more header, after the source's, or after [`no_headers`](Self::no_headers) the only ones; a `None` value is null.
    #[inline]
    pub fn add_header<'v>(mut self, name: impl AsRef<[u8]>, value: impl Into<Option<&'v [u8]>>) -> Self {
        if self.row.headers.1 == wire::SOURCE_HEADERS {
            self.row.headers.1 = 0;
            self.row.flags |= wire::HEADERS_APPENDED;
        }
        if self.row.headers.1 == 0 {
            self.row.headers.0 = self.out.entries.len() as u32;
        }
        let name = name.as_ref();
        let name_off = self.out.put(name);
        let (value_off, value_len) = self.bytes(value.into());
        let mut entry = [0; wire::ENTRY];
        wire::put(&mut entry, 0, name_off.to_le_bytes());
        wire::put(&mut entry, 4, (name.len() as u32).to_le_bytes());
        wire::put(&mut entry, 8, value_off.to_le_bytes());
        wire::put(&mut entry, 12, value_len.to_le_bytes());
        reserve(&mut self.out.entries, 1);
        self.out.entries.push(entry);
        self.row.headers.1 += 1;
        self
    }

    /// Without headers: neither the source's nor those added so far.
    #[inline]
    pub fn no_headers(mut self) -> Self {
        self.row.headers = (0, 0);
        self.row.flags &= !wire::HEADERS_APPENDED;
        self
    }

    /// To this partition of the output topic, and not to the one that the key gives.
    ///
    /// # Panics
    /// If it is negative.
    #[inline]
    pub fn partition(mut self, partition: i32) -> Self {
        assert!(partition >= 0, "partition {partition} is negative");
        self.row.partition = partition;
        self
    }

    /// With this timestamp, in milliseconds since 1970-01-01 UTC, and not the source's.
    #[inline]
    pub fn timestamp_ms(mut self, timestamp: i64) -> Self {
        self.row.timestamp_ms = timestamp;
        self.row.flags |= wire::TIMESTAMP_GIVEN;
        self
    }

    /// Sends it. The answer is always `Ok`: it is there to be the transform's.
    #[inline]
    pub fn send(self) -> Result {
        let row = self.row.bytes();
        reserve(&mut self.out.rows, 1);
        self.out.rows.push(row);
        core::mem::forget(self); // what was written stays
        Ok(())
    }

    #[inline]
    fn bytes(&mut self, bytes: Option<&[u8]>) -> (u32, i32) {
        match bytes {
            None => (0, wire::NULL),
            Some(b) => (self.out.put(b), b.len() as i32),
        }
    }
}

impl Drop for Draft<'_> {
    #[inline]
    fn drop(&mut self) {
        self.out.undo(self.mark);
    }
}

impl core::fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Draft from record {}", self.row.source)
    }
}

impl Row {
    #[inline(always)]
    fn bytes(&self) -> [u8; wire::ROW] {
        let mut b = [0; wire::ROW];
        wire::put(&mut b, 0, self.source.to_le_bytes());
        wire::put(&mut b, 4, self.output.to_le_bytes());
        wire::put(&mut b, 6, self.flags.to_le_bytes());
        wire::put(&mut b, 8, self.timestamp_ms.to_le_bytes());
        wire::put(&mut b, wire::KEY_OFF, self.key.0.to_le_bytes());
        wire::put(&mut b, wire::KEY_LEN, self.key.1.to_le_bytes());
        wire::put(&mut b, wire::VALUE_OFF, self.value.0.to_le_bytes());
        wire::put(&mut b, wire::VALUE_LEN, self.value.1.to_le_bytes());
        wire::put(&mut b, wire::FIRST_HEADER, self.headers.0.to_le_bytes());
        wire::put(&mut b, wire::HEADER_COUNT, self.headers.1.to_le_bytes());
        wire::put(&mut b, 40, self.partition.to_le_bytes());
        b
    }
}

fn part(what: &str, len: i32, range: Range<usize>) -> (u32, i32) {
    let inside = usize::try_from(len).is_ok_and(|len| range.start <= range.end && range.end <= len);
    assert!(inside, "bytes {range:?} are not in the source's {what} (length {len}, -1 is null)");
    (range.start as u32, (range.end - range.start) as i32)
}
