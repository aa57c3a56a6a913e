//! Reads every value as JSON and writes it again with one member more: a guest for benchmarks.

use serde_json::{Map, Value};
use wasmflow::{Output, Record, Result};

fn json(r: Record<'_>, out: &mut Output) -> Result {
    let mut members: Map<String, Value> = serde_json::from_slice(r.value().unwrap_or_default())?;
    members.insert("seen".into(), true.into());
    let text = serde_json::to_vec(&members)?;
    out.from(r).value(&text[..]).send()
}

wasmflow::transform!(json);
