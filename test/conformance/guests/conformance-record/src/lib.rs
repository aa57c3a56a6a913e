//! A guest that does with each record what the mode of its configuration says. It has a twin in Go, and both are held to the
//! same results by test/conformance.

use wasmflow::{Config, Out, Output, Record, Result};

struct Guest {
    mode: fn(&mut Guest, Record<'_>, &mut Output) -> Result,
    copy: Out,
    times: usize,
    seen: u64,
}

impl Guest {
    fn new(config: &Config) -> Result<Guest> {
        let mode = match config.str("mode")? {
            "identity" => identity,
            "tee" => tee,
            "part" => part,
            "inherit" => inherit,
            "headers" => headers,
            "replace" => replace,
            "refuse" => refuse,
            "drop" => drop,
            "abandon" => abandon,
            "fan" => fan,
            "grow" => grow,
            "panic" => panics,
            "log" => logs,
            "count" => count,
            "look" => look,
            "room" => room,
            "long" => long,
            other => wasmflow::refuse!("config.mode: no mode {other}"),
        };
        let copy = match config.str("mode")? {
            "tee" | "replace" => config.out("copy")?,
            _ => Out::default(),
        };
        let times = match config.get("times") {
            Some(_) => config.i64("times")? as usize,
            None => 0,
        };
        Ok(Guest { mode, copy, times, seen: 0 })
    }

    fn record(&mut self, r: Record<'_>, out: &mut Output) -> Result {
        (self.mode)(self, r, out)
    }
}

fn identity(_: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    out.forward(r)
}

/// Sends each record to two outputs.
fn tee(guest: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    out.forward(r)?;
    out.from(r).to(guest.copy).send()
}

/// Sends the first half of the key and the value without its first byte; nothing is copied.
fn part(_: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    let mut draft = out.from(r);
    if let Some(len) = r.key_len() {
        draft = draft.key_part(0..len / 2);
    }
    if let Some(len @ 1..) = r.value_len() {
        draft = draft.value_part(1..len);
    }
    draft.send()
}

/// Adds headers to those that are there.
fn inherit(_: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    out.from(r).add_header("added", &b"1"[..]).add_header("added", None).send()
}

/// Replaces the headers by those that are there, in reverse.
fn headers(_: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    let mut draft = out.from(r).add_header("lost", None).no_headers();
    for header in r.headers().rev() {
        draft = draft.add_header(header.key, header.value);
    }
    draft.add_header("", &b""[..]).send()
}

/// Sends two records of one, with nothing left of it but the source.
fn replace(guest: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    out.from(r).key(&b"key"[..]).value(None).partition(3).timestamp_ms(42).no_headers().send()?;
    out.from(r).to(guest.copy).key(None).value(&b""[..]).timestamp_ms(-1).send()
}

/// Refuses records that begin with "bad", after it has sent something for them.
fn refuse(_: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    out.forward(r)?;
    if r.value().is_some_and(|v| v.starts_with(b"bad")) {
        wasmflow::refuse!(code = 7, "offset {} of {}/{} is bad", r.offset(), r.topic(), r.partition());
    }
    Ok(())
}

/// Forwards every second record.
fn drop(_: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    match r.index() % 2 {
        0 => out.forward(r),
        _ => Ok(()),
    }
}

/// Leaves every second draft without sending it.
fn abandon(_: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    let draft = out.from(r).value(&b"left behind"[..]).add_header("left", &b"behind"[..]);
    match r.index() % 2 {
        0 => draft.send(),
        _ => Ok(()),
    }
}

/// Sends each record as often as the configuration says.
fn fan(guest: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    (0..guest.times).try_for_each(|_| out.forward(r))
}

/// Sends a value of as many bytes as the configuration says.
fn grow(guest: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    out.from(r).value_with(|w| w.extend((0..guest.times).map(|i| i as u8))).send()
}

/// Traps on the value "panic".
fn panics(_: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    if r.value() == Some(b"panic") {
        panic!("told to panic");
    }
    out.forward(r)
}

/// Writes the value to the log, at each level.
fn logs(_: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    let text = String::from_utf8_lossy(r.value().unwrap_or_default());
    wasmflow::debug!("{text}");
    wasmflow::info!("{text}");
    wasmflow::warn!("{text}");
    wasmflow::error!("{text}");
    out.forward(r)
}

/// Sends the number of records that this instance has seen.
fn count(guest: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    guest.seen += 1;
    out.send(r, guest.seen.to_string().as_bytes())
}

/// Sends what it can see of the record.
fn look(_: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    let last = r.header("h");
    let mut text = format!(
        "{}/{}@{} {} {} {} {} {} ",
        r.topic(),
        r.partition(),
        r.offset(),
        r.timestamp_ms(),
        r.key().is_none(),
        r.value().is_none(),
        r.headers().len(),
        last.is_some()
    )
    .into_bytes();
    text.extend(last.and_then(|h| h.value).unwrap_or_default());
    out.send(r, text.as_slice())
}

/// Writes the value, and then a key and a header of as many bytes as the configuration says.
fn room(guest: &mut Guest, r: Record<'_>, out: &mut Output) -> Result {
    let large = vec![0; guest.times];
    let value = r.value().unwrap_or_default();
    out.from(r).value_with(|w| w.put(value)).key(large.as_slice()).add_header("large", large.as_slice()).send()
}

/// Refuses each record with a text of one byte and then, as often as the configuration says, a character of two.
fn long(guest: &mut Guest, _: Record<'_>, _: &mut Output) -> Result {
    wasmflow::refuse!(code = 9, "x{}", "ü".repeat(guest.times))
}

wasmflow::transform!(Guest::record, init = Guest::new, outputs = ["out", "copy"]);
