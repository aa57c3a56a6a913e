//! Runs a transform natively, through the same bytes as a host does: records are encoded into an input image, the transform reads
//! that, and what it sends is decoded from its result image.
//!
//! ```
//! # use wasmflow::{Output, Record, Result};
//! # fn upper(r: Record<'_>, out: &mut Output) -> Result {
//! #     out.from(r).value_with(|w| w.extend(r.value().unwrap_or(b"").iter().map(u8::to_ascii_uppercase))).send()
//! # }
//! # wasmflow::transform!(upper);
//! use wasmflow::testing::{Host, Record as Given, Settings};
//!
//! # fn main() {
//! let mut host = Host::start(wasmflow_guest(), &Settings::new()).unwrap();
//! let got = host.run(&[Given::new().key("k").value("grüße")]);
//! assert_eq!(got.sent[0].value.as_deref(), Some("GRüßE".as_bytes()));
//! # }
//! ```

mod canonical;
mod input;
mod result;

pub use canonical::canonical;
pub use input::encode;
pub use result::BadResult;

use crate::batch::{Batch, View};
use crate::config::Config;
use crate::guest::Guest;
use crate::host::{take_log, Level};
use crate::json::Json;
use crate::output::Output;
use crate::refusal::{Refusal, Result};
use crate::wire;
use result::Image;

/// A record to run, or one that was sent: what a transform sees of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The key; `None` is null.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is null.
    pub value: Option<Vec<u8>>,
    /// Names and values in order; a `None` value is null.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// In milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: i64,
    /// Whether the timestamp is the broker's.
    pub broker_time: bool,
    /// In the partition; [`Host::run`] counts on from the record before where it is `None`.
    pub offset: Option<i64>,
    /// `None` where it is not known.
    pub leader_epoch: Option<i32>,
}

impl Default for Record {
    fn default() -> Self {
        Record::new()
    }
}

impl Record {
    /// A record with null key, null value, no headers and timestamp 0.
    pub fn new() -> Self {
        Record {
            key: None,
            value: None,
            headers: Vec::new(),
            timestamp_ms: 0,
            broker_time: false,
            offset: None,
            leader_epoch: None,
        }
    }

    /// With this key.
    #[must_use]
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.key = Some(key.as_ref().to_vec());
        self
    }

    /// With this value.
    #[must_use]
    pub fn value(mut self, value: impl AsRef<[u8]>) -> Self {
        self.value = Some(value.as_ref().to_vec());
        self
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), Some(value.as_ref().to_vec())));
        self
    }

    /// With one more header, whose value is null.
    #[must_use]
    pub fn null_header(mut self, name: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), None));
        self
    }

    /// With this timestamp.
    #[must_use]
    pub fn timestamp_ms(mut self, timestamp: i64) -> Self {
        self.timestamp_ms = timestamp;
        self
    }

    /// At this offset.
    #[must_use]
    pub fn offset(mut self, offset: i64) -> Self {
        self.offset = Some(offset);
        self
    }
}

/// What init is told: by default a transform `test`, one output `out`, an empty configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    outputs: Vec<String>,
    config: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings::new()
    }
}

impl Settings {
    /// The defaults.
    pub fn new() -> Self {
        Settings { outputs: vec!["out".to_owned()], config: "{}".to_owned() }
    }

    /// With these outputs, the default one first.
    #[must_use]
    pub fn outputs(mut self, names: &[&str]) -> Self {
        self.outputs = names.iter().map(|&n| n.to_owned()).collect();
        self
    }

    /// With this configuration, a JSON object.
    #[must_use]
    pub fn config(mut self, json: impl Into<String>) -> Self {
        self.config = json.into();
        self
    }

    fn image(&self) -> String {
        let outputs = Json::Array(self.outputs.iter().cloned().map(Json::String).collect());
        format!(
            r#"{{"abi":1,"transform":"test","outputs":{outputs},"stores":[],"features":[],"config":{}}}"#,
            self.config
        )
    }
}

/// What came of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What was sent, in order, without what refused records sent.
    pub sent: Vec<Sent>,
    /// Which records were refused, in order.
    pub refused: Vec<Refused>,
    /// What was logged.
    pub log: Vec<(Level, String)>,
}

/// A record that the transform sent, as the host would produce it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The index of the record that it comes from.
    pub source: usize,
    /// The output that it goes to.
    pub output: String,
    /// The key; `None` is null.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is null.
    pub value: Option<Vec<u8>>,
    /// Names and values in order; a `None` value is null.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// In milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: i64,
    /// The partition that the transform chose; `None` where the key decides.
    pub partition: Option<i32>,
}

/// A record that the transform refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The index of the record.
    pub source: usize,
    /// Code and text.
    pub refusal: Refusal,
}

/// Runs a transform as a host does, one instance of it.
#[derive(Debug)]
pub struct Host {
    guest: Guest,
    output: Output,
    outputs: Vec<String>,
    topic: String,
    partition: i32,
    next_offset: i64,
}

impl Host {
    /// Starts an instance: init sees the settings, and its error is the answer.
    pub fn start(guest: Guest, settings: &Settings) -> Result<Host> {
        let mut guest = guest;
        take_log();
        guest.init(&Config::parse(settings.image().as_bytes())?)?;
        let outputs = settings.outputs.clone();
        Ok(Host { guest, output: Output::default(), outputs, topic: "in".to_owned(), partition: 0, next_offset: 0 })
    }

    /// Lets the records that follow come from this topic and partition, at offset 0; from `in` and 0 otherwise.
    #[must_use]
    pub fn reading(mut self, topic: &str, partition: i32) -> Self {
        (self.topic, self.partition, self.next_offset) = (topic.to_owned(), partition, 0);
        self
    }

    /// Runs a batch. Batches of one host are one after the other in their partition.
    ///
    /// # Panics
    /// If the transform panics, if it traps the batch, or if its result is not one that a host accepts.
    pub fn run(&mut self, records: &[Record]) -> Outcome {
        let mut records = records.to_vec();
        for r in &mut records {
            let offset = *r.offset.get_or_insert(self.next_offset);
            self.next_offset = offset + 1;
        }
        let image = input::encode(&self.topic, self.partition, &records);
        match self.run_image(&image) {
            Ok(outcome) => outcome,
            Err(bad) => panic!("{bad}"),
        }
    }

    /// Runs an input image as it is, and decodes the result.
    ///
    /// # Panics
    /// If the image is not valid, or if the transform panics or traps the batch.
    pub fn run_image(&mut self, image: &[u8]) -> std::result::Result<Outcome, BadResult> {
        let result = self.result_image(image);
        let mut outcome = decode(&result, 0, image, &self.outputs)?;
        outcome.log = take_log();
        Ok(outcome)
    }

    /// Runs an input image as it is: the bytes of the result image, in one piece, as the transform wrote them.
    ///
    /// # Panics
    /// If the image is not valid, or if the transform panics or traps the batch.
    pub fn result_image(&mut self, image: &[u8]) -> Vec<u8> {
        let view = View::parse(image).unwrap_or_else(|bad| panic!("{bad}"));
        if let Err(refusal) = self.guest.transform(Batch::new(&view), &mut self.output) {
            panic!("{refusal}");
        }
        let parts = self.output.parts();
        let mut at = [0; 4];
        let mut end = wire::HEADER;
        for (at, part) in at.iter_mut().zip(parts) {
            *at = if part.is_empty() { 0 } else { end as u32 };
            end += part.len();
        }
        let mut result = self.output.header(at).to_vec();
        for part in parts {
            result.extend_from_slice(part);
        }
        result
    }
}

/// Whether an input image is valid: why not, otherwise.
pub fn check_input(image: &[u8]) -> std::result::Result<(), String> {
    View::parse(image).map(|_| ()).map_err(|bad| bad.to_string())
}

/// Decodes the result image whose header lies at `at` of `memory`, with all the checks of a host except its limits. It is one of
/// the input image `input`, in a pipeline with `outputs`.
///
/// # Panics
/// If the input image is not valid.
pub fn decode(memory: &[u8], at: u32, input: &[u8], outputs: &[String]) -> std::result::Result<Outcome, BadResult> {
    let view = View::parse(input).unwrap_or_else(|bad| panic!("{bad}"));
    let batch = Batch::new(&view);
    Ok(Image::decode(memory, at, batch, outputs.len())?.outcome(batch, outputs))
}
