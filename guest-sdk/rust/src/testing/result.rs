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

pub type Entry<'r> = (&'r [u8], Option<&'r [u8]>);

/// A decoded row, with what it inherits still inherited.
#[derive(Clone, Debug)]
pub struct Row<'r> {
    pub source: u32,
    pub output: u16,
    pub timestamp_ms: Option<i64>,
    pub key: Bytes<'r>,
    pub value: Bytes<'r>,
    /// Whether the source's headers come first.
    pub source_headers: bool,
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
    /// Decodes an image in one piece that begins with its header, for a batch of `records` and a pipeline with `outputs`.
    pub fn decode(image: &'r [u8], records: usize, outputs: usize) -> Result<Self, BadResult> {
        if image.len() < wire::HEADER {
            return bad("header", "cut off");
        }
        let at = |at| wire::u32_at(image, at);
        if at(0) != wire::RESULT_MAGIC {
            return bad("magic", format!("{:#x}", at(0)));
        }
        if wire::u16_at(image, 4) < wire::HEADER as u16 {
            return bad("header_size", "below 64");
        }
        let stride = wire::u16_at(image, 6) as usize;
        if stride < wire::ROW || stride % 8 != 0 {
            return bad("record_size", format!("{stride}"));
        }
        if at(8) != 0 {
            return bad("flags", format!("{:#x}", at(8)));
        }
        let segment = |name, at_field: usize, count: u32, size: usize| {
            let (from, len) = (at(at_field) as usize, count as usize * size);
            match count {
                0 => Ok(&image[..0]),
                _ => image
                    .get(from..)
                    .and_then(|s| s.get(..len))
                    .ok_or(BadResult { field: format!("{name}_at"), reason: "not in the image".to_owned() }),
            }
        };
        let rows = segment("records", 16, at(12), stride)?;
        let entries = segment("headers", 24, at(20), wire::ENTRY)?;
        let refusals = segment("refusals", 32, at(28), wire::REFUSAL)?;
        let blob = segment("blob", 36, at(40), 1)?;
        let parts = Parts { records, outputs, entries, blob };
        let rows = rows.chunks_exact(stride).enumerate().map(|(i, row)| parts.row(i, row)).collect::<Result<_, _>>()?;
        let mut decoded = Image { rows, refusals: Vec::new() };
        for (i, e) in refusals.chunks_exact(wire::REFUSAL).enumerate() {
            let source = wire::u32_at(e, 0);
            let name = |field| format!("refusals[{i}].{field}");
            if source as usize >= records || decoded.refusals.last().is_some_and(|last| last.0 >= source) {
                return bad(name("source"), format!("{source}"));
            }
            let text = parts.blob(name("text_off"), wire::u32_at(e, 8), wire::u32_at(e, 12))?;
            decoded.refusals.push((source, wire::u32_at(e, 4), text));
        }
        Ok(decoded)
    }

    /// What a host makes of it: everything that was inherited is there, what refused records sent is not.
    pub fn outcome(&self, batch: Batch<'_>, outputs: &[String]) -> Result<Outcome, BadResult> {
        let mut outcome = Outcome::default();
        for &(source, code, text) in &self.refusals {
            let refusal = Refusal::new(code, String::from_utf8_lossy(text));
            outcome.refused.push(Refused { source: source as usize, refusal });
        }
        for (i, row) in self.rows.iter().enumerate() {
            if self.refusals.iter().any(|r| r.0 == row.source) {
                continue;
            }
            let Some(source) = batch.get(row.source as usize) else {
                return bad(format!("records[{i}].source"), format!("{}", row.source));
            };
            let resolve = |bytes: &Bytes<'_>, of: Option<&[u8]>, field| match bytes {
                Bytes::Null => Ok(None),
                Bytes::Source => Ok(of.map(<[u8]>::to_vec)),
                Bytes::Own(b) => Ok(Some(b.to_vec())),
                Bytes::Part(range) => match super::part(of, range.clone()) {
                    Some(b) => Ok(Some(b.to_vec())),
                    None => bad(format!("records[{i}].{field}"), "not a part of the source's"),
                },
            };
            let mut headers = Vec::new();
            if row.source_headers {
                headers.extend(source.headers().map(|h| (h.key.to_vec(), h.value.map(<[u8]>::to_vec))));
            }
            headers.extend(row.headers.iter().map(|(k, v)| (k.to_vec(), v.map(<[u8]>::to_vec))));
            outcome.sent.push(Sent {
                source: row.source as usize,
                output: outputs[row.output as usize].clone(),
                key: resolve(&row.key, source.key(), "key_off")?,
                value: resolve(&row.value, source.value(), "value_off")?,
                headers,
                timestamp_ms: row.timestamp_ms.unwrap_or(source.timestamp_ms()),
                partition: (row.partition != wire::BY_KEY).then_some(row.partition),
            });
        }
        Ok(outcome)
    }
}

/// What rows are checked against.
struct Parts<'r> {
    records: usize,
    outputs: usize,
    entries: &'r [u8],
    blob: &'r [u8],
}

impl<'r> Parts<'r> {
    fn row(&self, i: usize, row: &'r [u8]) -> Result<Row<'r>, BadResult> {
        let name = |field| format!("records[{i}].{field}");
        let (source, output, flags) = (wire::u32_at(row, 0), wire::u16_at(row, 4), wire::u16_at(row, 6));
        if source as usize >= self.records {
            return bad(name("source"), format!("{source}"));
        }
        if output as usize >= self.outputs {
            return bad(name("output"), format!("{output}"));
        }
        let known = wire::TIMESTAMP_GIVEN | wire::VALUE_PART | wire::KEY_PART | wire::HEADERS_APPENDED;
        if flags & !known != 0 {
            return bad(name("flags"), format!("{flags:#x}"));
        }
        let partition = wire::i32_at(row, 40);
        if partition < wire::BY_KEY {
            return bad(name("partition"), format!("{partition}"));
        }
        let key = self.bytes(row, wire::KEY_OFF, flags & wire::KEY_PART != 0, name("key"))?;
        let value = self.bytes(row, wire::VALUE_OFF, flags & wire::VALUE_PART != 0, name("value"))?;
        let (first, count) = (wire::u32_at(row, wire::FIRST_HEADER), wire::u32_at(row, wire::HEADER_COUNT));
        let after = flags & wire::HEADERS_APPENDED != 0;
        if count == wire::SOURCE_HEADERS && after {
            return bad(name("flags"), "the source's headers twice");
        }
        let mut headers = Vec::new();
        if count != wire::SOURCE_HEADERS {
            for j in u64::from(first)..u64::from(first) + u64::from(count) {
                let j = j as usize * wire::ENTRY;
                let Some(e) = self.entries.get(j..j + wire::ENTRY) else {
                    return bad(name("first_header"), format!("{first} and {count}"));
                };
                headers.push((
                    self.blob(name("headers.key_off"), wire::u32_at(e, 0), wire::u32_at(e, 4))?,
                    match self.bytes(e, 8, false, name("headers.value"))? {
                        Bytes::Null => None,
                        Bytes::Own(b) => Some(b),
                        _ => return bad(name("headers.value_len"), "below -1"),
                    },
                ));
            }
        }
        Ok(Row {
            source,
            output,
            timestamp_ms: (flags & wire::TIMESTAMP_GIVEN != 0).then(|| wire::i64_at(row, 8)),
            key,
            value,
            source_headers: after || count == wire::SOURCE_HEADERS,
            headers,
            partition,
        })
    }

    fn bytes(&self, row: &'r [u8], at: usize, part: bool, name: String) -> Result<Bytes<'r>, BadResult> {
        let (off, len) = (wire::u32_at(row, at), wire::i32_at(row, at + 4));
        match len {
            0.. if part => Ok(Bytes::Part(off as usize..off as usize + len as usize)),
            0.. => Ok(Bytes::Own(self.blob(name + "_off", off, len as u32)?)),
            _ if part => bad(name + "_len", "a part has a length"),
            wire::NULL => Ok(Bytes::Null),
            wire::SOURCE => Ok(Bytes::Source),
            _ => bad(name + "_len", format!("{len}")),
        }
    }

    fn blob(&self, name: String, off: u32, len: u32) -> Result<&'r [u8], BadResult> {
        match self.blob.get(off as usize..).and_then(|b| b.get(..len as usize)) {
            Some(b) => Ok(b),
            None => bad(name, format!("{off} and {len} are not in the blob of {}", self.blob.len())),
        }
    }
}
