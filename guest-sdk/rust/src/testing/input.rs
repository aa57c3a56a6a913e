//! Encodes an input image, as a host does.

use super::Record;
use crate::wire;

/// The input image of records of one partition, in canonical form. An offset that is not given is 0.
pub fn encode(topic: &str, partition: i32, records: &[Record]) -> Vec<u8> {
    let headers: usize = records.iter().map(|r| r.headers.len()).sum();
    let entries_off = wire::HEADER + records.len() * wire::ROW;
    let blob_off = entries_off + headers * wire::ENTRY;
    let mut image = vec![0; blob_off];
    let (topic_off, topic_len) = append(&mut image, Some(topic.as_bytes()));
    let mut first = 0;
    for (i, r) in records.iter().enumerate() {
        let at = wire::HEADER + i * wire::ROW;
        let key = append(&mut image, r.key.as_deref());
        let value = append(&mut image, r.value.as_deref());
        for (j, (name, value)) in r.headers.iter().enumerate() {
            let at = entries_off + (first + j) * wire::ENTRY;
            let name = append(&mut image, Some(name));
            let value = append(&mut image, value.as_deref());
            put_span(&mut image, at, name);
            put_span(&mut image, at + 8, value);
        }
        wire::put(&mut image, at, r.offset.unwrap_or_default().to_le_bytes());
        wire::put(&mut image, at + 8, r.timestamp_ms.to_le_bytes());
        put_span(&mut image, at + wire::KEY_OFF, key);
        put_span(&mut image, at + wire::VALUE_OFF, value);
        if !r.headers.is_empty() {
            wire::put(&mut image, at + wire::FIRST_HEADER, (first as u32).to_le_bytes());
            wire::put(&mut image, at + wire::HEADER_COUNT, (r.headers.len() as u32).to_le_bytes());
        }
        wire::put(&mut image, at + 40, r.leader_epoch.unwrap_or(-1).to_le_bytes());
        wire::put(&mut image, at + 44, (if r.broker_time { wire::BROKER_TIME } else { 0 }).to_le_bytes());
        first += r.headers.len();
    }
    let clock = records.iter().map(|r| r.timestamp_ms).max().unwrap_or_default();
    let total = image.len() as u32;
    wire::put(&mut image, 0, wire::INPUT_MAGIC.to_le_bytes());
    wire::put(&mut image, 4, (wire::HEADER as u16).to_le_bytes());
    wire::put(&mut image, 6, (wire::ROW as u16).to_le_bytes());
    for (at, word) in [
        (8, total),
        (12, records.len() as u32),
        (16, headers as u32),
        (20, wire::HEADER as u32),
        (24, entries_off as u32),
        (32, partition as u32),
        (36, topic_off),
        (40, topic_len as u32),
        (44, blob_off as u32),
    ] {
        wire::put(&mut image, at, word.to_le_bytes());
    }
    wire::put(&mut image, 48, clock.to_le_bytes());
    image
}

/// Puts bytes behind the image: where they begin, and their length. Null and empty have no place.
fn append(image: &mut Vec<u8>, bytes: Option<&[u8]>) -> (u32, i32) {
    match bytes {
        None => (0, wire::NULL),
        Some([]) => (0, 0),
        Some(b) => {
            let off = image.len() as u32;
            image.extend_from_slice(b);
            (off, b.len() as i32)
        }
    }
}

fn put_span(image: &mut [u8], at: usize, (off, len): (u32, i32)) {
    wire::put(image, at, off.to_le_bytes());
    wire::put(image, at + 4, len.to_le_bytes());
}
