//! What a transform sends: rows, headers, refusals and bytes of the result image, in four vectors that are kept from call
//! to call. Nothing is concatenated: the image's header says where each of them lies.

use core::fmt;

use crate::draft::Draft;
use crate::record::Record;
use crate::refusal::{cut, Refusal, Result, MAX_TEXT};
use crate::room::reserve;
use crate::wire;

/// An output topic that the pipeline declares, found by name in init ([`Config::out`](crate::Config::out)).
///
/// `Out::default()` is the pipeline's default output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Out(pub(crate) u16);

/// Where a transform puts what it sends.
#[derive(Default)]
pub struct Output {
    pub(crate) rows: Vec<[u8; wire::ROW]>,
    pub(crate) entries: Vec<[u8; wire::ENTRY]>,
    pub(crate) blob: Vec<u8>,
    refusals: Vec<[u8; wire::REFUSAL]>,
}

/// How much had been sent at some time.
#[derive(Clone, Copy)]
pub struct Mark {
    rows: usize,
    entries: usize,
    blob: usize,
}

impl Output {
    /// Sends the record on as it is, to the default output. No byte of it is copied.
    #[inline]
    pub fn forward(&mut self, r: Record<'_>) -> Result {
        self.from(r).send()
    }

    /// Sends the record on with another value, to the default output; `None` is null.
    #[inline]
    pub fn send<'v>(&mut self, r: Record<'_>, value: impl Into<Option<&'v [u8]>>) -> Result {
        self.from(r).value(value).send()
    }

    /// Begins an output record that is, until told otherwise, the record unchanged, to the default output.
    #[inline]
    pub fn from<'o>(&'o mut self, r: Record<'_>) -> Draft<'o> {
        Draft::new(self, r)
    }

    /// Refuses a record of the batch, for transforms of whole batches: what it has sent, and sends yet, is undone by the
    /// host. The first refusal of a record stands. A transform of records returns the error instead.
    ///
    /// The text is cut at 1,024 bytes, between two characters, as a host would cut it.
    pub fn refuse(&mut self, r: Record<'_>, refusal: impl Into<Refusal>) {
        let refusal = refusal.into();
        let text = cut(&refusal.text, MAX_TEXT);
        let off = self.put(text.as_bytes());
        let mut entry = [0; wire::REFUSAL];
        wire::put(&mut entry, 0, r.index.to_le_bytes());
        wire::put(&mut entry, 4, refusal.code.to_le_bytes());
        wire::put(&mut entry, 8, off.to_le_bytes());
        wire::put(&mut entry, 12, (text.len() as u32).to_le_bytes());
        reserve(&mut self.refusals, 1);
        self.refusals.push(entry);
    }

    /// How many refusals there are.
    #[inline]
    pub(crate) fn refused(&self) -> usize {
        self.refusals.len()
    }

    /// Copies bytes to the end of the blob and says where they begin.
    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) -> u32 {
        let off = self.blob.len() as u32;
        reserve(&mut self.blob, bytes.len());
        self.blob.extend_from_slice(bytes);
        off
    }

    /// Empties the output for a batch of `records`, keeping its memory.
    #[inline]
    pub(crate) fn begin(&mut self, records: usize) {
        self.rows.clear();
        self.entries.clear();
        self.refusals.clear();
        self.blob.clear();
        reserve(&mut self.rows, records);
    }

    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark { rows: self.rows.len(), entries: self.entries.len(), blob: self.blob.len() }
    }

    /// Takes back what has been sent since the mark.
    #[inline]
    pub(crate) fn undo(&mut self, mark: Mark) {
        self.rows.truncate(mark.rows);
        self.entries.truncate(mark.entries);
        self.blob.truncate(mark.blob);
    }

    /// Puts the refusals into the order that the ABI wants, ascending by record and each record once. A transform of
    /// records has made them so.
    pub(crate) fn sort_refusals(&mut self) {
        let source = |e: &[u8; wire::REFUSAL]| wire::u32_at(e, 0);
        if !self.refusals.is_sorted_by(|a, b| source(a) < source(b)) {
            self.refusals.sort_by_key(source); // stable: the first refusal of a record stays first
            self.refusals.dedup_by_key(|e| source(e));
        }
    }

    /// The four parts, in the order of the canonical image: rows, headers, refusals, blob.
    pub(crate) fn parts(&self) -> [&[u8]; 4] {
        [self.rows.as_flattened(), self.entries.as_flattened(), self.refusals.as_flattened(), &self.blob]
    }

    /// The header of the result image, for parts that lie at these distances from it (modulo 2^32).
    pub(crate) fn header(&self, at: [u32; 4]) -> [u8; wire::HEADER] {
        let [rows, entries, refusals, blob] = at;
        let mut h = [0; wire::HEADER];
        wire::put(&mut h, 0, wire::RESULT_MAGIC.to_le_bytes());
        wire::put(&mut h, 4, (wire::HEADER as u16).to_le_bytes());
        wire::put(&mut h, 6, (wire::ROW as u16).to_le_bytes());
        for (field, count, at) in
            [(12, self.rows.len(), rows), (20, self.entries.len(), entries), (28, self.refusals.len(), refusals)]
        {
            wire::put(&mut h, field, (count as u32).to_le_bytes());
            wire::put(&mut h, field + 4, at.to_le_bytes());
        }
        wire::put(&mut h, 36, blob.to_le_bytes());
        wire::put(&mut h, 40, (self.blob.len() as u32).to_le_bytes());
        h
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sent, {} refused", self.rows.len(), self.refusals.len())
    }
}
