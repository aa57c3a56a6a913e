//! A guest that takes whole batches and does what the mode of its configuration says. It has a twin in Go.

use wasmflow::{Batch, Config, Output, Refusal, Result};

type Mode = fn(Batch<'_>, &mut Output) -> Result;

fn new(config: &Config) -> Result<Mode> {
    Ok(match config.str("mode")? {
        "reverse" => reverse,
        "latest" => latest,
        "refuse" => refuse,
        "fail" => fail,
        other => wasmflow::refuse!("config.mode: no mode {other}"),
    })
}

fn batch(mode: &mut Mode, batch: Batch<'_>, out: &mut Output) -> Result {
    mode(batch, out)
}

/// Forwards the records from the last to the first.
fn reverse(batch: Batch<'_>, out: &mut Output) -> Result {
    for r in (0..batch.len()).rev().filter_map(|i| batch.get(i)) {
        out.forward(r)?;
    }
    Ok(())
}

/// Sends the last record with a text about the batch.
fn latest(batch: Batch<'_>, out: &mut Output) -> Result {
    let Some(last) = batch.iter().last() else {
        return Ok(());
    };
    let text = format!("{}/{} {} at {}", batch.topic(), batch.partition(), batch.len(), batch.clock_ms());
    out.send(last, text.as_bytes())
}

/// Forwards all records and refuses every second one, from the last to the first, twice.
fn refuse(batch: Batch<'_>, out: &mut Output) -> Result {
    for r in batch {
        out.forward(r)?;
    }
    for r in (0..batch.len()).rev().filter(|i| i % 2 == 1).filter_map(|i| batch.get(i)) {
        out.refuse(r, Refusal::new(r.index() as u32, "first"));
        out.refuse(r, Refusal::new(0, "second"));
    }
    Ok(())
}

fn fail(_: Batch<'_>, _: &mut Output) -> Result {
    wasmflow::refuse!("told to fail")
}

wasmflow::transform_batch!(batch, init = new);
