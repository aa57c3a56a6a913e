//! The canonical form of a result image: one form for each meaning, so that results of different SDKs can be compared.

use super::result::{BadResult, Bytes, Entry, HeadersFrom, Image};
use crate::batch::{Batch, View};
use crate::wire;

/// The canonical form of the result image whose header lies at `at` of `memory`: header, records, headers, refusals and blob
/// without gaps, the blob in the order of first use with nothing shared, offsets that say nothing 0. The result is one of the
/// input image `input`, in a pipeline with `outputs`.
///
/// # Panics
/// If the input image is not valid.
pub fn canonical(memory: &[u8], at: u32, input: &[u8], outputs: usize) -> Result<Vec<u8>, BadResult> {
    let view = View::parse(input).unwrap_or_else(|bad| panic!("{bad}"));
    let decoded = Image::decode(memory, at, Batch::new(&view), outputs)?;
    let mut form = Form::default();
    for row in &decoded.rows {
        let mut flags = 0;
        let mut bytes = [0; wire::ROW];
        let key = form.span(&row.key, wire::KEY_PART, &mut flags);
        let value = form.span(&row.value, wire::VALUE_PART, &mut flags);
        let headers = form.headers(row.headers_from, &row.headers, &mut flags);
        if let Some(timestamp) = row.timestamp_ms {
            flags |= wire::TIMESTAMP_GIVEN;
            wire::put(&mut bytes, 8, timestamp.to_le_bytes());
        }
        wire::put(&mut bytes, 0, row.source.to_le_bytes());
        wire::put(&mut bytes, 4, row.output.to_le_bytes());
        wire::put(&mut bytes, 6, flags.to_le_bytes());
        put_pair(&mut bytes, wire::KEY_OFF, key);
        put_pair(&mut bytes, wire::VALUE_OFF, value);
        put_pair(&mut bytes, wire::FIRST_HEADER, headers);
        wire::put(&mut bytes, 40, row.partition.to_le_bytes());
        form.rows.extend_from_slice(&bytes);
    }
    for &(source, code, text) in &decoded.refusals {
        let mut bytes = [0; wire::REFUSAL];
        put_pair(&mut bytes, 0, (source, code));
        let text = form.put(text);
        put_pair(&mut bytes, 8, text);
        form.refusals.extend_from_slice(&bytes);
    }
    Ok(form.image())
}

#[derive(Default)]
struct Form {
    rows: Vec<u8>,
    entries: Vec<u8>,
    refusals: Vec<u8>,
    blob: Vec<u8>,
}

impl Form {
    fn put(&mut self, bytes: &[u8]) -> (u32, u32) {
        let off = if bytes.is_empty() { 0 } else { self.blob.len() };
        self.blob.extend_from_slice(bytes);
        (off as u32, bytes.len() as u32)
    }

    fn span(&mut self, bytes: &Bytes<'_>, part: u16, flags: &mut u16) -> (u32, u32) {
        match bytes {
            Bytes::Null => (0, wire::NULL as u32),
            Bytes::Source => (0, wire::SOURCE as u32),
            Bytes::Own(b) => self.put(b),
            Bytes::Part(range) => {
                *flags |= part;
                (if range.is_empty() { 0 } else { range.start as u32 }, range.len() as u32)
            }
        }
    }

    fn headers(&mut self, from: HeadersFrom, own: &[Entry<'_>], flags: &mut u16) -> (u32, u32) {
        match from {
            HeadersFrom::Source => return (0, wire::SOURCE_HEADERS),
            HeadersFrom::After => *flags |= wire::HEADERS_APPENDED,
            HeadersFrom::Own => {}
        }
        if own.is_empty() {
            return (0, 0);
        }
        let first = self.entries.len() / wire::ENTRY;
        for (name, value) in own {
            let mut bytes = [0; wire::ENTRY];
            let name = self.put(name);
            put_pair(&mut bytes, 0, name);
            let value = value.map_or((0, wire::NULL as u32), |v| self.put(v));
            put_pair(&mut bytes, 8, value);
            self.entries.extend_from_slice(&bytes);
        }
        (first as u32, own.len() as u32)
    }

    fn image(self) -> Vec<u8> {
        let mut image = vec![0; wire::HEADER];
        wire::put(&mut image, 0, wire::RESULT_MAGIC.to_le_bytes());
        wire::put(&mut image, 4, (wire::HEADER as u16).to_le_bytes());
        wire::put(&mut image, 6, (wire::ROW as u16).to_le_bytes());
        for (at, size, part) in
            [(12, wire::ROW, &self.rows), (20, wire::ENTRY, &self.entries), (28, wire::REFUSAL, &self.refusals)]
        {
            let place = if part.is_empty() { 0 } else { image.len() as u32 };
            put_pair(&mut image, at, ((part.len() / size) as u32, place));
            image.extend_from_slice(part);
        }
        let place = if self.blob.is_empty() { 0 } else { image.len() as u32 };
        put_pair(&mut image, 36, (place, self.blob.len() as u32));
        image.extend_from_slice(&self.blob);
        image
    }
}

fn put_pair(b: &mut [u8], at: usize, (first, second): (u32, u32)) {
    wire::put(b, at, first.to_le_bytes());
    wire::put(b, at + 4, second.to_le_bytes());
}
