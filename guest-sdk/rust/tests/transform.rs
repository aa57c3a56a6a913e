//! What transforms send and refuse, as a host sees it.

use std::io::Write as _;

use wasmflow::testing::{Host, Outcome, Record as Given, Sent, Settings};
use wasmflow::{refuse, Batch, Guest, Level, Output, Record, Refusal, Result, TimestampKind};

type Bytes = Option<Vec<u8>>;

fn bytes(text: &str) -> Bytes {
    Some(text.as_bytes().to_vec())
}

fn given() -> Given {
    Given::new().key("key").value("value").header("a", "1").header("a", "2").timestamp_ms(5)
}

/// Runs one record of `given`.
fn run(f: impl FnMut(Record<'_>, &mut Output) -> Result + 'static) -> Outcome {
    Host::start(Guest::each(f), &Settings::new()).unwrap().run(&[given()])
}

fn one(f: impl FnMut(Record<'_>, &mut Output) -> Result + 'static) -> Sent {
    let mut got = run(f);
    assert_eq!((got.sent.len(), got.refused.len()), (1, 0), "{got:?}");
    got.sent.remove(0)
}

fn headers(of: &[(&str, Option<&str>)]) -> Vec<(Vec<u8>, Bytes)> {
    of.iter().map(|(k, v)| (k.as_bytes().to_vec(), v.map(|v| v.as_bytes().to_vec()))).collect()
}

#[test]
fn forward_is_the_record() {
    let sent = one(|r, out| out.forward(r));
    assert_eq!(
        sent,
        Sent {
            source: 0,
            output: "out".to_owned(),
            key: bytes("key"),
            value: bytes("value"),
            headers: headers(&[("a", Some("1")), ("a", Some("2"))]),
            timestamp_ms: 5,
            partition: None,
        }
    );
}

#[test]
fn null_and_empty_are_two_things() {
    for (key, value) in [(None, None), (bytes(""), bytes("")), (None, bytes("")), (bytes(""), None)] {
        let record = Given { key: key.clone(), value: value.clone(), ..Given::new() }.header("", "").null_header("n");
        let mut seen = Host::start(
            Guest::each(|r, out| {
                out.forward(r)?;
                let d = out.from(r).key(r.key()).value(r.value()).no_headers();
                r.headers().fold(d, |d, h| d.add_header(h.key, h.value)).send()
            }),
            &Settings::new(),
        )
        .unwrap();
        for sent in seen.run(&[record]).sent {
            assert_eq!((&sent.key, &sent.value), (&key, &value));
            assert_eq!(sent.headers, headers(&[("", Some("")), ("n", None)]));
        }
    }
}

#[test]
fn key_value_partition_and_timestamp() {
    let sent = one(|r, out| out.from(r).key(&b"k"[..]).value(None).partition(3).timestamp_ms(-1).send());
    assert_eq!((sent.key, sent.value, sent.partition, sent.timestamp_ms), (bytes("k"), None, Some(3), -1));
    let sent = one(|r, out| out.from(r).key(None).value("twice".as_bytes()).value("once".as_bytes()).send());
    assert_eq!((sent.key, sent.value, sent.timestamp_ms), (None, bytes("once"), 5));
    assert_eq!(one(|r, out| out.send(r, "v".as_bytes())).value, bytes("v"));
    assert_eq!(one(|r, out| out.send(r, None)).value, None);
}

#[test]
fn parts_of_the_source() {
    let sent = one(|r, out| out.from(r).key_part(1..3).value_part(2..5).send());
    assert_eq!((sent.key, sent.value), (bytes("ey"), bytes("lue")));
    let sent = one(|r, out| out.from(r).key_part(0..3).value_part(5..5).send());
    assert_eq!((sent.key, sent.value), (bytes("key"), bytes("")));
    let sent =
        one(|r, out| out.from(r).value_part(2..5).value("own".as_bytes()).key_part(1..2).key("K".as_bytes()).send());
    assert_eq!((sent.key, sent.value), (bytes("K"), bytes("own")));
    let sent = one(|r, out| out.from(r).value_part(2..5).value_with(|w| w.put(b"own")).send());
    assert_eq!(sent.value, bytes("own"));
}

#[test]
#[should_panic(expected = "bytes 0..6 are not in the source's value (length 5")]
fn a_part_that_is_none() {
    run(|r, out| out.from(r).value_part(0..6).send());
}

#[test]
#[should_panic(expected = "partition -1 is negative")]
fn a_negative_partition() {
    run(|r, out| out.from(r).partition(-1).send());
}

#[test]
fn headers_after_the_sources_or_instead() {
    let sent = one(|r, out| out.from(r).add_header("b", "3".as_bytes()).add_header([0xff], None).send());
    let mut want = headers(&[("a", Some("1")), ("a", Some("2")), ("b", Some("3"))]);
    want.push((vec![0xff], None));
    assert_eq!(sent.headers, want);
    assert_eq!(one(|r, out| out.from(r).no_headers().send()).headers, []);
    let sent = one(|r, out| out.from(r).add_header("x", None).no_headers().add_header("b", "".as_bytes()).send());
    assert_eq!(sent.headers, headers(&[("b", Some(""))]));
}

#[test]
fn written_values() {
    let sent = one(|r, out| {
        out.from(r)
            .value_with(|w| {
                assert!(w.is_empty());
                w.push(b'1');
                w.put(b"2");
                w.put_str("3");
                w.extend([b'4', b'5']);
                write!(w, "{}", 6);
                w.write_all(b"7").unwrap();
                w.reserve(1);
                w.spare()[0].write(b'8');
                // SAFETY: written just now.
                unsafe { w.advance(1) };
                assert_eq!(w.len(), 8);
            })
            .key("after".as_bytes())
            .send()
    });
    assert_eq!((sent.value, sent.key), (bytes("12345678"), bytes("after")));
}

#[test]
fn a_draft_that_is_not_sent_leaves_nothing() {
    let mut host = Host::start(
        Guest::each(|r, out| {
            let _ = out.from(r).key("lost".as_bytes()).add_header("lost", None).value("lost".as_bytes());
            let failed = out.from(r).try_value_with(|w| {
                w.put(b"lost");
                refuse!("no")
            });
            assert_eq!(failed.err(), Some(Refusal::new(0, "no")));
            out.from(r).value("kept".as_bytes()).add_header("kept", None).send()
        }),
        &Settings::new(),
    )
    .unwrap();
    let got = host.run(&[given()]);
    assert_eq!(got.sent.len(), 1);
    assert_eq!(got.sent[0].value, bytes("kept"));
    assert_eq!(got.sent[0].headers.len(), 3);
    let image = host.result_image(&empty_image(1));
    assert!(!image.windows(4).any(|w| w == b"lost"));
}

/// An image of records without anything, of topic `t`.
fn empty_image(records: u32) -> Vec<u8> {
    let mut image = vec![0; 64 + 48 * records as usize];
    let total = image.len() as u32 + 1;
    let mut word = |at: usize, w: u32| image[at..at + 4].copy_from_slice(&w.to_le_bytes());
    word(0, 0x3142_4657);
    word(4, 48 << 16 | 64);
    word(8, total);
    word(12, records);
    word(20, 64);
    word(36, total - 1);
    word(40, 1);
    for r in 0..records as usize {
        word(64 + 48 * r + 20, u32::MAX);
        word(64 + 48 * r + 28, u32::MAX);
    }
    image.push(b't');
    image
}

#[test]
fn an_error_refuses_the_record_and_undoes_what_it_sent() {
    let guest = Guest::each(|r, out| {
        out.from(r).value("sent".as_bytes()).add_header("h", None).send()?;
        match r.index() {
            1 => refuse!(code = 7, "record {}", r.index()),
            2 => Ok("x".parse::<u32>().map(drop)?),
            3 => refuse!("no code"),
            _ => out.forward(r),
        }
    });
    let mut host = Host::start(guest, &Settings::new()).unwrap();
    let got = host.run(&[given(), given(), given(), given(), given()]);
    assert_eq!(got.sent.iter().map(|s| s.source).collect::<Vec<_>>(), [0, 0, 4, 4]);
    assert_eq!(got.sent[3].value, bytes("value"));
    let refused: Vec<_> = got.refused.iter().map(|r| (r.source, r.refusal.code, r.refusal.text.as_str())).collect();
    assert_eq!(refused, [(1, 7, "record 1"), (2, 0, "invalid digit found in string"), (3, 0, "no code")]);

    // Undone by the transform, and not only left out by the host.
    let image = host.result_image(&empty_image(5));
    let word = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap());
    assert_eq!((word(12), word(20), word(28)), (4, 2, 3), "records, headers, refusals");
    assert_eq!(word(40) as usize, 2 * "senth".len() + "record 1invalid digit found in stringno code".len());
}

/// The blob of a result image, and its length.
fn blob(image: &[u8]) -> (&[u8], usize) {
    let word = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap()) as usize;
    (&image[word(36)..], word(40))
}

#[test]
fn a_text_is_cut_before_it_counts() {
    let text = |n: usize| "x".repeat(n) + "\u{20ac}" + &"y".repeat(1 << 20);
    for (n, want) in [(1020, 1024), (1021, 1024), (1022, 1022), (1023, 1023), (1024, 1024)] {
        let guest = Guest::each(move |_, _| Err(Refusal::new(1, text(n))));
        let mut host = Host::start(guest, &Settings::new()).unwrap();
        let image = host.result_image(&empty_image(33));
        assert_eq!(blob(&image).1, 33 * want, "{n} bytes before a character of three");
        assert_eq!(host.run(&[given()]).refused[0].refusal.text, text(n)[..want]);
    }
    let whole = "x".repeat(1021) + "\u{20ac}";
    let same = whole.clone();
    let got = run(move |_, _| Err(Refusal::new(1, same.as_str())));
    assert_eq!(got.refused[0].refusal.text, whole);
}

#[test]
fn the_first_refusal_of_a_record_stands() {
    let guest = Guest::each(|r, out| {
        out.send(r, "sent".as_bytes())?;
        if r.index() == 1 {
            out.refuse(r, Refusal::new(7, "a first reason, the longer one"));
            refuse!("second");
        }
        Ok(())
    });
    let got = Host::start(guest, &Settings::new()).unwrap().run(&[given(), given(), given()]);
    let refused: Vec<_> = got.refused.iter().map(|r| (r.source, r.refusal.code, r.refusal.text.as_str())).collect();
    assert_eq!(refused, [(1, 7, "a first reason, the longer one")]);
    assert_eq!(
        got.sent.iter().map(|s| (s.source, s.value.clone())).collect::<Vec<_>>(),
        [(0, bytes("sent")), (2, bytes("sent"))]
    );
}

#[test]
fn a_value_outlives_what_the_draft_writes_after_it() {
    let large = vec![0; 5_000_000];
    let again = large.clone();
    let sent = one(move |r, out| {
        let d = out.from(r).value_with(|w| w.put(b"hello")).key(again.as_slice()).add_header("h", again.as_slice());
        d.send()
    });
    assert_eq!((sent.value, sent.key), (bytes("hello"), Some(large)));
}

#[test]
fn a_record_of_which_nothing_is_sent_is_dropped() {
    assert_eq!(run(|_, _| Ok(())), Outcome::default());
}

#[test]
fn what_a_record_says() {
    let guest = Guest::each(|r, out| {
        assert_eq!((r.topic(), r.partition(), r.index()), ("payments", 3, r.offset() as usize - 17));
        match r.index() {
            0 => assert_eq!(
                (r.timestamp_ms(), r.timestamp_kind(), r.leader_epoch()),
                (-9, TimestampKind::Broker, Some(0))
            ),
            _ => {
                assert_eq!((r.timestamp_ms(), r.timestamp_kind(), r.leader_epoch()), (5, TimestampKind::Producer, None))
            }
        }
        assert_eq!((r.key_len(), r.value_len()), (r.key().map(<[u8]>::len), r.value().map(<[u8]>::len)));
        assert_eq!(r.headers().len(), 2);
        assert_eq!(r.header("a").unwrap().value, Some(&b"2"[..]));
        assert_eq!(r.header("b"), None);
        assert_eq!(format!("{r:?}"), format!("payments/3@{}", r.offset()));
        out.forward(r)
    });
    let mut host = Host::start(guest, &Settings::new()).unwrap().reading("payments", 3);
    let first = Given { broker_time: true, leader_epoch: Some(0), ..given() }.timestamp_ms(-9).offset(17);
    assert_eq!(host.run(&[first, given()]).sent.len(), 2);
}

#[test]
fn outputs_by_name() {
    let init = |c: &wasmflow::Config| Ok((c.out("b")?, c.out("a")?));
    let guest = || {
        Guest::each_with(init, |(b, a), r, out| {
            out.from(r).to(*b).send()?;
            out.from(r).to(*a).send()?;
            out.forward(r)
        })
    };
    let mut host = Host::start(guest(), &Settings::new().outputs(&["a", "b"])).unwrap();
    let got = host.run(&[given()]);
    assert_eq!(got.sent.iter().map(|s| s.output.as_str()).collect::<Vec<_>>(), ["b", "a", "a"]);
    let error = Host::start(guest(), &Settings::new().outputs(&["a", "c"])).unwrap_err();
    assert_eq!(error.text, r#"output "b" is not declared: the pipeline has ["a", "c"]"#);
}

#[test]
fn state_lives_from_batch_to_batch() {
    let guest = Guest::each_with(
        |c| c.i64("from"),
        |n, r, out| {
            *n += 1;
            out.from(r).value_with(|w| write!(w, "{n}")).send()
        },
    );
    let mut host = Host::start(guest, &Settings::new().config(r#"{"from": 40}"#)).unwrap();
    host.run(&[given()]);
    assert_eq!(host.run(&[given()]).sent[0].value, bytes("42"));
}

#[test]
fn whole_batches() {
    let guest = Guest::batch(|batch: Batch<'_>, out| {
        assert_eq!((batch.len(), batch.clock_ms(), batch.topic(), batch.partition()), (4, 5, "in", 0));
        assert!(batch.get(4).is_none());
        // Refusals come in any order, and one record is refused twice.
        let at = |i| batch.get(i).unwrap();
        out.refuse(at(3), Refusal::new(1, "three"));
        out.refuse(at(1), Refusal::new(2, "one"));
        out.refuse(at(3), Refusal::new(3, "again"));
        (0..batch.len()).rev().try_for_each(|i| out.forward(at(i)))
    });
    let got = Host::start(guest, &Settings::new()).unwrap().run(&[given(), given(), given(), given()]);
    assert_eq!(got.sent.iter().map(|s| s.source).collect::<Vec<_>>(), [2, 0]);
    let refused: Vec<_> = got.refused.iter().map(|r| (r.source, r.refusal.code, r.refusal.text.as_str())).collect();
    assert_eq!(refused, [(1, 2, "one"), (3, 1, "three")]);
}

#[test]
#[should_panic(expected = "all of it")]
fn an_error_of_a_whole_batch_traps() {
    let guest = Guest::batch(|_, _| refuse!("all of it"));
    Host::start(guest, &Settings::new()).unwrap().run(&[given()]);
}

#[test]
fn logs() {
    let got = run(|_, _| {
        wasmflow::debug!("a {}", 1);
        wasmflow::info!("b");
        wasmflow::warn!("c");
        wasmflow::error!("d");
        Ok(())
    });
    let want = [(Level::Debug, "a 1"), (Level::Info, "b"), (Level::Warn, "c"), (Level::Error, "d")];
    assert_eq!(got.log, want.map(|(level, text)| (level, text.to_owned())));
}

#[test]
fn no_records() {
    let mut host = Host::start(Guest::each(|r, out| out.forward(r)), &Settings::new()).unwrap();
    assert_eq!(host.run(&[]), Outcome::default());
}

#[test]
fn many_and_large() {
    let mut record = Given::new().value(vec![b'v'; 8 << 20]);
    for i in 0..1000 {
        record = record.header(format!("h{}", i % 7), i.to_string());
    }
    let mut records = vec![record.clone()];
    records.resize(10_001, given());
    let mut host = Host::start(
        Guest::each(|r, out| {
            out.forward(r)?;
            let d = out.from(r).value(r.value()).no_headers();
            r.headers().fold(d, |d, h| d.add_header(h.key, h.value)).send()
        }),
        &Settings::new(),
    )
    .unwrap();
    let got = host.run(&records);
    assert_eq!(got.sent.len(), 20_002);
    for sent in [&got.sent[0], &got.sent[1]] {
        assert_eq!((&sent.value, &sent.headers), (&record.value, &record.headers));
    }
    assert_eq!(host.run(&[given()]).sent.len(), 2, "and a small one after it");
}
