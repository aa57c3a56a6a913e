//! Runs the fixtures that this crate shares with the Go one.

use wasmflow::testing::{Host, Record, Sent, Settings};
use wasmflow::{Json, Refusal};

fn fixtures() -> Json {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/fixtures.json");
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    Json::parse(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn list<'a>(fixtures: &'a Json, key: &str) -> &'a [Json] {
    fixtures.get(key).and_then(Json::as_array).unwrap_or_else(|| panic!("fixtures: no list {key}"))
}

fn settings(config: &Json) -> Settings {
    Settings::new().outputs(&["accepted", "rejected"]).config(config.to_string())
}

/// The record of a case, at its place.
fn record(case: &Json, index: usize) -> Record {
    let mut r = Record::new().timestamp_ms(1000 + index as i64);
    match case.get("key") {
        None => r = r.key("k"),
        Some(key) => r.key = key.as_str().map(|k| k.as_bytes().to_vec()),
    }
    r.value = if let Some(hex) = case.get("value_hex").and_then(Json::as_str) {
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        Some(hex.as_bytes().chunks(2).map(byte).collect())
    } else if let Some(parts) = case.get("value_repeat").and_then(Json::as_array) {
        let part = |p: &Json| {
            let p = p.as_array().unwrap();
            p[0].as_str().unwrap().repeat(p[1].as_i64().unwrap() as usize)
        };
        Some(parts.iter().map(part).collect::<String>().into_bytes())
    } else {
        case.get("value").unwrap().as_str().map(|v| v.as_bytes().to_vec())
    };
    for h in case.get("headers").and_then(Json::as_array).unwrap_or_default() {
        let h = h.as_array().unwrap();
        let name = h[0].as_str().unwrap();
        r = match h[1].as_str() {
            Some(value) => r.header(name, value),
            None => r.null_header(name),
        };
    }
    r
}

/// What the case wants: a record sent, or a refusal.
fn wanted(case: &Json, index: usize) -> Result<Sent, Refusal> {
    let given = record(case, index);
    let text = |key| case.get(key).and_then(Json::as_str);
    let sent = |output: &str| Sent {
        source: index,
        output: output.to_owned(),
        key: given.key.clone(),
        value: given.value.clone(),
        headers: given.headers.clone(),
        timestamp_ms: given.timestamp_ms,
        partition: None,
    };
    match (text("accepted"), text("rejected"), case.get("refused")) {
        (Some(value), None, None) => {
            let mut accepted = sent("accepted");
            accepted.value = Some(value.as_bytes().to_vec());
            Ok(accepted)
        }
        (None, Some(reason), None) => {
            let mut rejected = sent("rejected");
            rejected.headers.push((b"reason".to_vec(), Some(reason.as_bytes().to_vec())));
            Ok(rejected)
        }
        (None, None, Some(refused)) => {
            let code = refused.get("code").and_then(Json::as_i64).unwrap();
            Err(Refusal::new(code as u32, refused.get("text").and_then(Json::as_str).unwrap()))
        }
        _ => panic!("want exactly one of accepted, rejected, refused: {case}"),
    }
}

#[test]
fn records() {
    let fixtures = fixtures();
    let cases = list(&fixtures, "records");
    assert!(cases.len() > 150, "only {} cases", cases.len());
    let mut host = Host::start(super::wasmflow_guest(), &settings(fixtures.get("config").unwrap())).unwrap();
    let given: Vec<_> = cases.iter().enumerate().map(|(i, case)| record(case, i)).collect();
    let got = host.run(&given);
    let mut sent = got.sent.into_iter().peekable();
    let mut refused = got.refused.into_iter().peekable();
    for (i, case) in cases.iter().enumerate() {
        let got = match (sent.next_if(|s| s.source == i), refused.next_if(|r| r.source == i)) {
            (Some(sent), None) => Ok(sent),
            (None, Some(refused)) => Err(refused.refusal),
            other => panic!("{case}: {other:?}"),
        };
        assert_eq!(got, wanted(case, i), "{case}");
    }
    assert_eq!((sent.next(), refused.next()), (None, None), "more than one outcome of a record");
}

#[test]
fn configs() {
    for case in list(&fixtures(), "configs") {
        let got = Host::start(super::wasmflow_guest(), &settings(case.get("config").unwrap()));
        let want = case.get("error").and_then(Json::as_str);
        assert_eq!(got.err().map(|e| e.text).as_deref(), want, "{case}");
    }
}

#[test]
fn an_output_that_is_not_declared() {
    let settings = settings(fixtures().get("config").unwrap()).outputs(&["accepted"]);
    let error = Host::start(super::wasmflow_guest(), &settings).unwrap_err();
    assert!(error.text.contains("\"rejected\""), "{error}");
}
