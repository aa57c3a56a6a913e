//! Decodes a result image with all the checks of a host, except its limits.

use std::fmt;
use std::ops::Range;

use super::{Outcome, Refused, Sent};
use crate::batch::Batch;
use crate::refusal::Refusal;
use crate::wire;

/// What is wrong with a result image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadResult {
    /// The field, in the words of the specification.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for BadResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "result image: {}: {}", self.field, self.reason)
    }
}

impl std::error::Error for BadResult {}

pub(super) fn bad<T>(field: impl Into<String>, reason: impl Into<String>) -> Result<T, BadResult> {
    Err(BadResult { field: field.into(), reason: reason.into() })
}

/// A key or value of a result row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bytes<'r> {
    Null,
    /// The source's.
    Source,
    /// A part of the source's.
    Part(Range<usize>),
    Own(&'r [u8]),
}

/// Which headers a result row has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadersFrom {
    /// Its own, in place of the source's.
    Own,
    /// The source's.
    Source,
    /// The source's, then its own.
    After,
}

pub type Entry<'r> = (&'r [u8], Option<&'r [u8]>);

/// A decoded row, with what it inherits still inherited.
#[derive(Clone, Debug)]
pub struct Row<'r> {
    pub source: u32,
    pub output: u16,
    pub timestamp_ms: Option<i64>,
    pub key: Bytes<'r>,
    pub value: Bytes<'r>,
    pub headers_from: HeadersFrom,
    /// The row's own.
    pub headers: Vec<Entry<'r>>,
    pub partition: i32,
}

/// A decoded result image.
#[derive(Clone, Debug)]
pub struct Image<'r> {
    pub rows: Vec<Row<'r>>,
    pub refusals: Vec<(u32, u32, &'r [u8])>,
}

impl<'r> Image<'r> {
    /// Decodes the image whose header lies at `from` of `memory`, made of `batch` for a pipeline with `outputs`.
    pub fn decode(memory: &'r [u8], from: u32, batch: Batch<'_>, outputs: usize) -> Result<Self, BadResult> {
        let Some(image) = memory.get(from as usize..).filter(|i| i.len() >= wire::HEADER) else {
            return bad("address", format!("{from} is not in the memory of {}", memory.len()));
        };
        let at = |at| wire::u32_at(image, at);
        if at(0) != wire::RESULT_MAGIC {
            return bad("magic", format!("{:#x}", at(0)));
        }
        let (header_size, stride) = (wire::u16_at(image, 4) as usize, wire::u16_at(image, 6) as usize);
        if header_size < wire::HEADER || header_size > image.len() {
            return bad("header_size", format!("{header_size}"));
        }
        if stride < wire::ROW || stride % 8 != 0 {
            return bad("record_size", format!("{stride}"));
        }
        if at(8) != 0 {
            return bad("flags", format!("{:#x}", at(8)));
        }
        if at(28) as usize > batch.len() {
            return bad("refusals", format!("{} of {} records", at(28), batch.len()));
        }
        let segment = |name: &str, field: usize, count: u32, size: usize| {
            // The sum wraps on purpose: a part may lie before the header.
            let (start, len) = (from.wrapping_add(at(field)) as usize, count as usize * size);
            match memory.get(start..).and_then(|s| s.get(..len)) {
                _ if count == 0 => Ok(&memory[..0]),
                Some(part) => Ok(part),
                None => {
                    bad(format!("{name}_at"), format!("{start} and {len} are not in the memory of {}", memory.len()))
                }
            }
        };
        let rows = segment("records", 16, at(12), stride)?;
        let entries = segment("headers", 24, at(20), wire::ENTRY)?;
        let refusals = segment("refusals", 32, at(28), wire::REFUSAL)?;
        let blob = segment("blob", 36, at(40), 1)?;
        let mut parts = Parts { batch, outputs, headers: Vec::new(), blob };
        parts.headers =
            entries.chunks_exact(wire::ENTRY).enumerate().map(|(i, e)| parts.entry(i, e)).collect::<Result<_, _>>()?;
        let mut decoded = Image { rows: Vec::new(), refusals: Vec::new() };
        for (i, e) in refusals.chunks_exact(wire::REFUSAL).enumerate() {
            let source = wire::u32_at(e, 0);
            let name = |field| format!("refusals[{i}].{field}");
            if source as usize >= batch.len() || decoded.refusals.last().is_some_and(|last| last.0 >= source) {
                return bad(name("source"), format!("{source}"));
            }
            let text = parts.blob(name("text_off"), wire::u32_at(e, 8), wire::u32_at(e, 12))?;
            decoded.refusals.push((source, wire::u32_at(e, 4), text));
        }
        decoded.rows =
            rows.chunks_exact(stride).enumerate().map(|(i, row)| parts.row(i, row)).collect::<Result<_, _>>()?;
        Ok(decoded)
    }

    /// What a host makes of it: everything that was inherited is there, what refused records sent is not.
    pub fn outcome(&self, batch: Batch<'_>, outputs: &[String]) -> Outcome {
        let mut outcome = Outcome::default();
        for &(source, code, text) in &self.refusals {
            let refusal = Refusal::new(code, String::from_utf8_lossy(text));
            outcome.refused.push(Refused { source: source as usize, refusal });
        }
        for row in &self.rows {
            if self.refusals.iter().any(|r| r.0 == row.source) {
                continue;
            }
            // Rows were checked to have a source.
            let Some(source) = batch.get(row.source as usize) else { continue };
            let mut headers = Vec::new();
            if row.headers_from != HeadersFrom::Own {
                headers.extend(source.headers().map(|h| (h.key.to_vec(), h.value.map(<[u8]>::to_vec))));
            }
            headers.extend(row.headers.iter().map(|(k, v)| (k.to_vec(), v.map(<[u8]>::to_vec))));
            outcome.sent.push(Sent {
                source: row.source as usize,
                output: outputs[row.output as usize].clone(),
                key: row.key.resolve(|| source.key()),
                value: row.value.resolve(|| source.value()),
                headers,
                timestamp_ms: row.timestamp_ms.unwrap_or(source.timestamp_ms()),
                partition: (row.partition != wire::BY_KEY).then_some(row.partition),
            });
        }
        outcome
    }
}

impl Bytes<'_> {
    fn resolve<'s>(&self, source: impl FnOnce() -> Option<&'s [u8]>) -> Option<Vec<u8>> {
        match self {
            Bytes::Null => None,
            Bytes::Source => source().map(<[u8]>::to_vec),
            Bytes::Part(range) => source().map(|s| s[range.clone()].to_vec()),
            Bytes::Own(own) => Some(own.to_vec()),
        }
    }
}

/// What rows are checked against.
struct Parts<'r, 'b> {
    batch: Batch<'b>,
    outputs: usize,
    headers: Vec<Entry<'r>>,
    blob: &'r [u8],
}

impl<'r> Parts<'r, '_> {
    fn entry(&self, i: usize, e: &'r [u8]) -> Result<Entry<'r>, BadResult> {
        let name = |field| format!("headers[{i}].{field}");
        let key = self.blob(name("key_off"), wire::u32_at(e, 0), wire::u32_at(e, 4))?;
        let value = match wire::i32_at(e, 12) {
            wire::NULL => None,
            len @ 0.. => Some(self.blob(name("value_off"), wire::u32_at(e, 8), len as u32)?),
            len => return bad(name("value_len"), format!("{len}")),
        };
        Ok((key, value))
    }

    fn row(&self, i: usize, row: &'r [u8]) -> Result<Row<'r>, BadResult> {
        let name = |field: &str| format!("records[{i}].{field}");
        let (source, output, flags) = (wire::u32_at(row, 0), wire::u16_at(row, 4), wire::u16_at(row, 6));
        let Some(of) = self.batch.get(source as usize) else {
            return bad(name("source"), format!("{source}"));
        };
        if output as usize >= self.outputs {
            return bad(name("output"), format!("{output}"));
        }
        let partition = wire::i32_at(row, 40);
        if partition < wire::BY_KEY {
            return bad(name("partition"), format!("{partition}"));
        }
        let known = wire::TIMESTAMP_GIVEN | wire::VALUE_PART | wire::KEY_PART | wire::HEADERS_APPENDED;
        if flags & !known != 0 {
            return bad(name("flags"), format!("{flags:#x}"));
        }
        let part_of = |flag, source_len: Option<usize>| (flags & flag != 0).then_some(source_len);
        let key = self.bytes(row, wire::KEY_OFF, part_of(wire::KEY_PART, of.key_len()), name("key"))?;
        let value = self.bytes(row, wire::VALUE_OFF, part_of(wire::VALUE_PART, of.value_len()), name("value"))?;
        let (first, count) = (wire::u32_at(row, wire::FIRST_HEADER), wire::u32_at(row, wire::HEADER_COUNT));
        let (headers_from, own) = match (count, flags & wire::HEADERS_APPENDED != 0) {
            (wire::SOURCE_HEADERS, true) => return bad(name("header_count"), "the source's headers twice"),
            (wire::SOURCE_HEADERS, false) => (HeadersFrom::Source, Some(&[][..])),
            (0, after) => (if after { HeadersFrom::After } else { HeadersFrom::Own }, Some(&[][..])),
            (n, after) => (
                if after { HeadersFrom::After } else { HeadersFrom::Own },
                self.headers.get(first as usize..).and_then(|h| h.get(..n as usize)),
            ),
        };
        let Some(own) = own else {
            return bad(name("first_header"), format!("{first} and {count}"));
        };
        Ok(Row {
            source,
            output,
            timestamp_ms: (flags & wire::TIMESTAMP_GIVEN != 0).then(|| wire::i64_at(row, 8)),
            key,
            value,
            headers_from,
            headers: own.to_vec(),
            partition,
        })
    }

    /// A key or value; `part_of` is the length of the source's, where the row has a part of that.
    fn bytes(
        &self,
        row: &'r [u8],
        at: usize,
        part_of: Option<Option<usize>>,
        name: String,
    ) -> Result<Bytes<'r>, BadResult> {
        let (off, len) = (wire::u32_at(row, at), wire::i32_at(row, at + 4));
        match (part_of, len) {
            (Some(None), 0..) => bad(name + "_len", "a part of null"),
            (Some(Some(source)), 1..) if off as usize + len as usize > source => {
                bad(name + "_off", format!("{off} and {len} are not in the source's {source}"))
            }
            (Some(Some(_)), 0) => Ok(Bytes::Part(0..0)),
            (Some(Some(_)), 1..) => Ok(Bytes::Part(off as usize..off as usize + len as usize)),
            (None, 0..) => Ok(Bytes::Own(self.blob(name + "_off", off, len as u32)?)),
            (None, wire::NULL) => Ok(Bytes::Null),
            (None, wire::SOURCE) => Ok(Bytes::Source),
            _ => bad(name + "_len", format!("{len}")),
        }
    }

    fn blob(&self, name: String, off: u32, len: u32) -> Result<&'r [u8], BadResult> {
        match self.blob.get(off as usize..).and_then(|b| b.get(..len as usize)) {
            _ if len == 0 => Ok(&[]),
            Some(b) => Ok(b),
            None => bad(name, format!("{off} and {len} are not in the blob of {}", self.blob.len())),
        }
    }
}
