//! The golden vectors that every SDK and the host share (abi/testdata/vectors): what their input means is what a transform sees,
//! and what it does then is, in canonical form, their result.

use std::fs;
use std::path::PathBuf;

use wasmflow::testing::{
    canonical, check_input, decode, encode, Host, Outcome, Record as Given, Refused, Sent, Settings,
};
use wasmflow::{Batch, Draft, Guest, Out, Output, Record, Refusal, Result, TimestampKind};

type Bytes = Option<Vec<u8>>;
type Headers = Vec<(Vec<u8>, Bytes)>;

#[derive(Clone, Default)]
struct Vector {
    name: String,
    /// The image that must be refused, the field, and by whom.
    error: Option<(String, String, String)>,
    /// Whether the input and the result are in the form that an encoder gives them.
    canonical: [bool; 2],
    outputs: usize,
    at: u32,
    topic: String,
    partition: i32,
    clock: i64,
    records: Vec<Given>,
    rows: Vec<Row>,
    refusals: Vec<Refused>,
    sent: Vec<Sent>,
    refused: Vec<Refused>,
}

#[derive(Clone)]
struct Row {
    source: usize,
    output: usize,
    partition: i32,
    timestamp: Option<i64>,
    key: Cell,
    value: Cell,
    /// own, source or after
    from: String,
    headers: Headers,
}

#[derive(Clone)]
enum Cell {
    Source,
    Part(usize, usize),
    Own(Bytes),
}

/// The words of a line.
struct Words<'a>(std::str::SplitWhitespace<'a>);

impl Words<'_> {
    fn word(&mut self) -> String {
        self.0.next().expect("one more word").to_owned()
    }

    fn number<T: std::str::FromStr<Err = std::num::ParseIntError>>(&mut self) -> T {
        self.word().parse().expect("a number")
    }

    fn bytes(&mut self) -> Bytes {
        bytes(&self.word())
    }

    fn cell(&mut self) -> Cell {
        let word = self.word();
        match word.strip_prefix("part:").and_then(|p| p.split_once(':')) {
            Some((off, len)) => Cell::Part(off.parse().unwrap(), len.parse().unwrap()),
            None if word == "source" => Cell::Source,
            None => Cell::Own(bytes(&word)),
        }
    }

    fn refused(&mut self) -> Refused {
        let (source, code) = (self.number(), self.number());
        Refused { source, refusal: Refusal::new(code, String::from_utf8_lossy(&self.bytes().unwrap())) }
    }
}

fn bytes(word: &str) -> Bytes {
    if word == "-" {
        return None;
    }
    let hex = word.strip_prefix('x').expect("- or x and hex");
    Some((0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect())
}

impl Vector {
    fn parse(text: &str) -> Vector {
        let mut v = Vector::default();
        let mut last = "";
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let mut words = Words(line.split_whitespace());
            let Some(word) = words.0.next() else { continue };
            match word {
                "vector" => v.name = words.word(),
                "expect" => {
                    if words.word() == "error" {
                        v.error = Some((words.word(), words.word(), words.word()));
                    }
                }
                "form" => v.canonical = [words.word() == "canonical", words.word() == "canonical"],
                "outputs" => v.outputs = words.number(),
                "limits" => words.0.by_ref().take(3).for_each(drop), // the host's
                "at" => v.at = words.number(),
                "batch" => {
                    v.topic = String::from_utf8(words.bytes().unwrap()).expect("UTF-8");
                    (v.partition, v.clock) = (words.number(), words.number());
                }
                "record" => {
                    let mut r = Given::new().offset(words.number()).timestamp_ms(words.number());
                    r.leader_epoch = Some(words.number()).filter(|&epoch| epoch >= 0);
                    r.broker_time = words.number::<u32>() == 1;
                    (r.key, r.value) = (words.bytes(), words.bytes());
                    v.records.push(r);
                }
                "row" => v.rows.push(Row {
                    source: words.number(),
                    output: words.number(),
                    partition: words.number(),
                    timestamp: Some(words.word()).filter(|t| t != "source").map(|t| t.parse().unwrap()),
                    key: words.cell(),
                    value: words.cell(),
                    from: words.word(),
                    headers: Vec::new(),
                }),
                "refusal" => v.refusals.push(words.refused()),
                "out" => {
                    let (source, output) = (words.number(), format!("o{}", words.word()));
                    let partition = Some(words.number()).filter(|&p| p >= 0);
                    let timestamp_ms = words.number();
                    let (key, value) = (words.bytes(), words.bytes());
                    v.sent.push(Sent { source, output, key, value, headers: Vec::new(), timestamp_ms, partition });
                }
                "refused" => v.refused.push(words.refused()),
                "header" => {
                    let header = (words.bytes().expect("a key"), words.bytes());
                    match last {
                        "record" => v.records.last_mut().unwrap().headers.push(header),
                        "row" => v.rows.last_mut().unwrap().headers.push(header),
                        "out" => v.sent.last_mut().unwrap().headers.push(header),
                        other => panic!("{}: header after {other}", v.name),
                    }
                }
                other => panic!("{}: unknown word {other}", v.name),
            }
            assert_eq!(words.0.next(), None, "{}: a word too many in {line:?}", v.name);
            if word != "header" {
                last = word;
            }
        }
        v
    }

    /// The names of the outputs.
    fn names(&self) -> Vec<String> {
        (0..self.outputs).map(|i| format!("o{i}")).collect()
    }

    fn file(&self, what: &str) -> Vec<u8> {
        let path = folder().join(format!("{}.{what}.bin", self.name));
        fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// An instance whose transform holds the batch to what the vector says, and does then what it says.
    fn host(&self) -> Host {
        let v = self.clone();
        let outputs = v.names();
        let names: Vec<_> = outputs.iter().map(String::as_str).collect();
        let guest = Guest::batch_with(
            |c| c.outputs().map(|name| c.out(name)).collect::<Result<Vec<_>>>(),
            move |outs, batch, out| {
                v.see(batch);
                v.act(outs, batch, out)
            },
        );
        Host::start(guest, &Settings::new().outputs(&names)).unwrap()
    }

    fn see(&self, batch: Batch<'_>) {
        assert_eq!((batch.topic(), batch.partition()), (self.topic.as_str(), self.partition), "{}", self.name);
        assert_eq!((batch.clock_ms(), batch.len()), (self.clock, self.records.len()), "{}", self.name);
        for (got, want) in batch.iter().zip(&self.records) {
            let seen = Given {
                key: got.key().map(<[u8]>::to_vec),
                value: got.value().map(<[u8]>::to_vec),
                headers: got.headers().map(|h| (h.key.to_vec(), h.value.map(<[u8]>::to_vec))).collect(),
                timestamp_ms: got.timestamp_ms(),
                broker_time: got.timestamp_kind() == TimestampKind::Broker,
                offset: Some(got.offset()),
                leader_epoch: got.leader_epoch(),
            };
            assert_eq!(&seen, want, "{}", self.name);
        }
    }

    fn act(&self, outs: &[Out], batch: Batch<'_>, out: &mut Output) -> Result {
        for refused in &self.refusals {
            out.refuse(batch.get(refused.source).unwrap(), refused.refusal.clone());
        }
        self.rows.iter().try_for_each(|row| row.send(outs, batch.get(row.source).unwrap(), out))
    }
}

impl Row {
    fn send(&self, outs: &[Out], r: Record<'_>, out: &mut Output) -> Result {
        let mut d: Draft<'_> = out.from(r).to(outs[self.output]);
        d = match &self.key {
            Cell::Source => d,
            Cell::Part(off, len) => d.key_part(*off..off + len),
            Cell::Own(key) => d.key(key.as_deref()),
        };
        d = match &self.value {
            Cell::Source => d,
            Cell::Part(off, len) => d.value_part(*off..off + len),
            Cell::Own(value) => d.value(value.as_deref()),
        };
        if self.from == "own" {
            d = d.no_headers();
        }
        for (name, value) in &self.headers {
            d = d.add_header(name, value.as_deref());
        }
        if let Some(timestamp) = self.timestamp {
            d = d.timestamp_ms(timestamp);
        }
        if self.partition >= 0 {
            d = d.partition(self.partition);
        }
        d.send()
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../abi/testdata/vectors")
}

fn vectors() -> Vec<Vector> {
    let read = |file: &str| fs::read_to_string(folder().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    let index = read("INDEX"); // and not the folder's list: a vector that is missing would be one that holds
    let vector = |name: &str| {
        let v = Vector::parse(&read(&format!("{name}.txt")));
        assert_eq!(v.name, name);
        v
    };
    index.lines().map(vector).collect()
}

#[test]
fn every_vector_is_in_the_index() {
    let mut found: Vec<_> = fs::read_dir(folder())
        .expect("abi/testdata/vectors")
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|file| Some(file.strip_suffix(".txt")?.to_owned()))
        .collect();
    found.sort();
    assert_eq!(vectors().iter().map(|v| v.name.as_str()).collect::<Vec<_>>(), found);
    assert!(!found.is_empty());
}

#[test]
fn what_a_transform_does_is_the_result() {
    for v in vectors().iter().filter(|v| v.error.is_none()) {
        let (input, want) = (v.file("input"), v.file("result"));
        let form =
            |image: &[u8], at| canonical(image, at, &input, v.outputs).unwrap_or_else(|e| panic!("{}: {e}", v.name));
        let got = v.host().result_image(&input);
        // A refusal that is not UTF-8 cannot be said in Rust.
        if !v.refusals.iter().any(|r| r.refusal.text.contains(char::REPLACEMENT_CHARACTER)) {
            assert_eq!(form(&got, 0), form(&want, v.at), "{}", v.name);
        }
        assert_eq!(form(&want, v.at) == want, v.canonical[1], "{}: whether the result is canonical", v.name);
        if v.canonical[0] {
            assert_eq!(encode(&v.topic, v.partition, &v.records), input, "{}: encoded input", v.name);
        }
    }
}

#[test]
fn what_a_host_makes_of_it() {
    for v in vectors().iter().filter(|v| v.error.is_none()) {
        let input = v.file("input");
        let want = Outcome { sent: v.sent.clone(), refused: v.refused.clone(), log: Vec::new() };
        for mut got in [v.host().run_image(&input), decode(&v.file("result"), v.at, &input, &v.names())] {
            // A host also cuts the texts of refusals.
            got.iter_mut().flat_map(|o| &mut o.refused).for_each(|r| r.refusal.text.truncate(1024));
            assert_eq!(got.as_ref(), Ok(&want), "{}", v.name);
        }
    }
}

#[test]
fn input_that_must_fail() {
    let mut everyone = 0;
    for v in vectors() {
        if let Some((image, field, by)) = v.error.as_ref().filter(|e| e.0 == "input") {
            everyone += usize::from(by == "everyone");
            let error = check_input(&v.file(image)).expect_err(&v.name);
            assert_eq!(error, format!("input image: {field} is not valid"), "{}", v.name);
        }
    }
    assert!(everyone >= 5, "vectors are missing");
}

#[test]
fn results_that_must_fail() {
    let mut held = 0;
    for v in vectors() {
        let Some((_, field, _)) = v.error.as_ref().filter(|e| e.0 == "result") else { continue };
        match decode(&v.file("result"), v.at, &v.file("input"), &v.names()) {
            Err(error) => assert_eq!(&error.field, field, "{}", v.name),
            // Limits are the host's.
            Ok(_) => {
                let of_limits = v.name.contains("over-limit") || v.name == "bad-result-refused-rows-count";
                assert!(of_limits, "{} is accepted", v.name);
                continue;
            }
        }
        held += 1;
    }
    assert!(held >= 30, "vectors are missing");
}
