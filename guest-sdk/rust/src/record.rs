//! Records as a transform sees them: views of the input image, borrowed for the call.

use crate::batch::View;
use crate::wire;

/// A record of the batch: two pointers and an index, to be passed by value.
///
/// Its bytes belong to the host's batch and live until the transform returns: the lifetime keeps a transform from holding
/// on to them, so what must be kept is copied (`to_vec`). Null and empty are two things: null is `None`.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    pub(crate) view: &'a View<'a>,
    pub(crate) row: &'a [u8; wire::ROW],
    pub(crate) index: u32,
}

/// Whose clock a record's timestamp is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampKind {
    /// The producer's (`CreateTime`).
    Producer,
    /// The broker's (`LogAppendTime`).
    Broker,
}

impl<'a> Record<'a> {
    /// The key; `None` is null.
    ///
    /// # Panics
    /// If the module's metadata says that it does not need keys, and the host left them out.
    #[inline]
    pub fn key(self) -> Option<&'a [u8]> {
        self.bytes(wire::KEY_OFF, wire::KEY_LEN, wire::KEYS_ABSENT)
    }

    /// The value; `None` is null, a tombstone in a compacted topic.
    ///
    /// # Panics
    /// If the module's metadata says that it does not need values, and the host left them out.
    #[inline]
    pub fn value(self) -> Option<&'a [u8]> {
        self.bytes(wire::VALUE_OFF, wire::VALUE_LEN, wire::VALUES_ABSENT)
    }

    /// The length of the key, known also where keys were left out.
    #[inline]
    pub fn key_len(self) -> Option<usize> {
        usize::try_from(wire::i32_at(self.row, wire::KEY_LEN)).ok()
    }

    /// The length of the value, known also where values were left out.
    #[inline]
    pub fn value_len(self) -> Option<usize> {
        usize::try_from(wire::i32_at(self.row, wire::VALUE_LEN)).ok()
    }

    /// The headers in their order; names may repeat.
    ///
    /// # Panics
    /// If the module's metadata says that it does not need headers, and the host left them out.
    #[inline]
    pub fn headers(self) -> Headers<'a> {
        self.present(wire::HEADERS_ABSENT);
        let first = wire::u32_at(self.row, wire::FIRST_HEADER) as usize;
        let count = wire::u32_at(self.row, wire::HEADER_COUNT) as usize;
        Headers { view: self.view, entries: self.view.entries(first, count) }
    }

    /// The last header of that name, as Kafka's `lastHeader`.
    ///
    /// # Panics
    /// As [`headers`](Self::headers).
    pub fn header(self, name: impl AsRef<[u8]>) -> Option<Header<'a>> {
        let name = name.as_ref();
        self.headers().rev().find(|h| h.key == name)
    }

    /// The topic that the record was read from.
    #[inline]
    pub fn topic(self) -> &'a str {
        self.view.topic
    }

    /// The partition that the record was read from.
    #[inline]
    pub fn partition(self) -> i32 {
        self.view.partition
    }

    /// The record's offset in its partition.
    #[inline]
    pub fn offset(self) -> i64 {
        wire::i64_at(self.row, 0)
    }

    /// The record's timestamp in milliseconds since 1970-01-01 UTC.
    #[inline]
    pub fn timestamp_ms(self) -> i64 {
        wire::i64_at(self.row, 8)
    }

    /// Whose clock the timestamp is.
    #[inline]
    pub fn timestamp_kind(self) -> TimestampKind {
        if wire::u32_at(self.row, 44) & wire::BROKER_TIME == 0 {
            TimestampKind::Producer
        } else {
            TimestampKind::Broker
        }
    }

    /// The leader epoch that the record was written in, where the broker says it.
    #[inline]
    pub fn leader_epoch(self) -> Option<i32> {
        let epoch = wire::i32_at(self.row, 40);
        (epoch >= 0).then_some(epoch)
    }

    /// The record's place in its batch, from 0.
    #[inline]
    pub fn index(self) -> usize {
        self.index as usize
    }

    #[inline]
    fn bytes(self, off: usize, len: usize, absent: u32) -> Option<&'a [u8]> {
        let len = usize::try_from(wire::i32_at(self.row, len)).ok()?;
        self.present(absent);
        Some(self.view.slice(wire::u32_at(self.row, off) as usize, len))
    }

    #[inline]
    fn present(self, absent: u32) {
        if self.view.flags & absent != 0 {
            left_out(absent);
        }
    }
}

#[cold]
fn left_out(absent: u32) -> ! {
    let what = match absent {
        wire::VALUES_ABSENT => "values",
        wire::KEYS_ABSENT => "keys",
        _ => "headers",
    };
    panic!("the host left out {what}: this module's metadata does not say that it needs them");
}

impl core::fmt::Debug for Record<'_> {
    /// Where the record stands, and no bytes of it: they may be secret.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}@{}", self.topic(), self.partition(), self.offset())
    }
}

/// A header of a record. The key is bytes, since Kafka does not hold it to UTF-8; a null value is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name.
    pub key: &'a [u8],
    /// Its value.
    pub value: Option<&'a [u8]>,
}

/// The headers of a record, in order.
#[derive(Clone)]
pub struct Headers<'a> {
    view: &'a View<'a>,
    entries: core::slice::ChunksExact<'a, u8>,
}

impl<'a> Headers<'a> {
    fn at(&self, entry: &[u8]) -> Header<'a> {
        let value = usize::try_from(wire::i32_at(entry, 12)).ok();
        Header {
            key: self.view.slice(wire::u32_at(entry, 0) as usize, wire::u32_at(entry, 4) as usize),
            value: value.map(|len| self.view.slice(wire::u32_at(entry, 8) as usize, len)),
        }
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    #[inline]
    fn next(&mut self) -> Option<Header<'a>> {
        self.entries.next().map(|e| self.at(e))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl DoubleEndedIterator for Headers<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.entries.next_back().map(|e| self.at(e))
    }
}

impl ExactSizeIterator for Headers<'_> {}

impl core::fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} headers", self.len())
    }
}
