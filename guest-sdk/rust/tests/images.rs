//! Input images that a transform must read, and ones that it must not.

use wasmflow::testing::{check_input, Host, Outcome, Record as Given, Settings};
use wasmflow::{Guest, Output, Record, Result};

/// An image as a host writes it, in parts that a test changes.
struct Image {
    bytes: Vec<u8>,
}

impl Image {
    /// Two records of topic `t`, partition 9: `("k", "value", [("h", "x"), ("n", null)])` and `(null, "", [])`.
    fn new() -> Image {
        let mut image = Image { bytes: vec![0; 64 + 2 * 48 + 2 * 16] };
        image.bytes.extend_from_slice(b"tkvaluehxn");
        let blob = 192;
        for (at, w) in [
            (0, 0x3142_4657),
            (4, 48 << 16 | 64),
            (8, blob + 10),
            (12, 2),
            (16, 2),
            (20, 64),
            (24, 160),
            (32, 9),
            (36, blob),
            (40, 1),
            (44, blob),
        ] {
            image.word(at, w);
        }
        image.row(0, &[(0, 7), (16, blob + 1), (20, 1), (24, blob + 2), (28, 5), (36, 2), (40, u32::MAX)]);
        image.row(1, &[(0, 8), (20, u32::MAX), (40, u32::MAX)]);
        for (at, w) in
            [(160, blob + 7), (164, 1), (168, blob + 8), (172, 1), (176, blob + 9), (180, 1), (188, u32::MAX)]
        {
            image.word(at, w);
        }
        image
    }

    fn word(&mut self, at: usize, w: u32) {
        self.bytes[at..at + 4].copy_from_slice(&w.to_le_bytes());
    }

    fn half(&mut self, at: usize, w: u16) {
        self.bytes[at..at + 2].copy_from_slice(&w.to_le_bytes());
    }

    fn row(&mut self, i: usize, fields: &[(usize, u32)]) {
        for &(at, w) in fields {
            self.word(64 + i * 48 + at, w);
        }
    }

    fn error(&self) -> String {
        check_input(&self.bytes).expect_err("the image is accepted")
    }
}

/// Sends every record with all that it reads of it rebuilt.
fn rebuild(r: Record<'_>, out: &mut Output) -> Result {
    let d = out.from(r).key(r.key()).value(r.value()).no_headers();
    r.headers().fold(d, |d, h| d.add_header(h.key, h.value)).send()
}

fn run(image: &[u8], f: fn(Record<'_>, &mut Output) -> Result) -> Outcome {
    Host::start(Guest::each(f), &Settings::new()).unwrap().run_image(image).unwrap()
}

/// What `rebuild` and `forward` make of `Image::new`.
fn whole() -> Outcome {
    let mut host = Host::start(Guest::each(|r, out| out.forward(r)), &Settings::new()).unwrap().reading("t", 9);
    host.run(&[
        Given::new().key("k").value("value").header("h", "x").null_header("n").offset(7),
        Given::new().value("").offset(8),
    ])
}

#[test]
fn an_image_is_read() {
    let image = Image::new();
    assert_eq!(check_input(&image.bytes), Ok(()));
    assert_eq!(run(&image.bytes, rebuild), whole());
    assert_eq!(run(&image.bytes, |r, out| out.forward(r)), whole());
}

#[test]
fn longer_headers_and_rows_are_stepped_over() {
    let image = Image::new();
    let (header, row) = (72, 56);
    let grown = header - 64 + 2 * (row - 48);
    let mut longer = Image { bytes: Vec::new() };
    longer.bytes.extend_from_slice(&image.bytes[..64]);
    longer.bytes.extend_from_slice(&[0xee; 8]);
    for i in 0..2 {
        longer.bytes.extend_from_slice(&image.bytes[64 + i * 48..64 + (i + 1) * 48]);
        longer.bytes.extend_from_slice(&[0xee; 8]);
    }
    longer.bytes.extend_from_slice(&image.bytes[160..]);
    longer.half(4, header as u16);
    longer.half(6, row as u16);
    longer.word(20, header);
    let moved = |longer: &mut Image, at: usize| {
        let off = u32::from_le_bytes(longer.bytes[at..at + 4].try_into().unwrap());
        longer.word(at, off + grown);
    };
    for at in [8, 24, 36, 44, 72 + 16, 72 + 24, 184, 192, 200] {
        moved(&mut longer, at);
    }
    assert_eq!(check_input(&longer.bytes), Ok(()));
    assert_eq!(run(&longer.bytes, rebuild), whole());
    assert_eq!(run(&longer.bytes, |r, out| out.forward(r)), whole());
}

#[test]
fn offsets_of_nothing_say_nothing() {
    let mut image = Image::new();
    image.row(1, &[(16, u32::MAX), (24, u32::MAX), (32, u32::MAX)]);
    assert_eq!(check_input(&image.bytes), Ok(()));
    assert_eq!(run(&image.bytes, rebuild), whole());
}

#[test]
fn absent_values_have_their_length() {
    let mut image = Image::new();
    image.word(28, 1);
    image.row(0, &[(24, u32::MAX)]);
    assert_eq!(check_input(&image.bytes), Ok(()));
    let got = Host::start(
        Guest::each(|r, out| {
            assert_eq!(r.value_len(), [Some(5), Some(0)][r.index()]);
            assert_eq!(r.key(), [Some(&b"k"[..]), None][r.index()]);
            out.forward(r)
        }),
        &Settings::new(),
    )
    .unwrap()
    .result_image(&image.bytes);
    assert_eq!(got.len(), 64 + 2 * 48);
}

#[test]
#[should_panic(expected = "the host left out values: this module's metadata does not say that it needs them")]
fn absent_values_cannot_be_read() {
    let mut image = Image::new();
    image.word(28, 1);
    run(&image.bytes, rebuild);
}

#[test]
#[should_panic(expected = "the host left out headers")]
fn absent_headers_cannot_be_read() {
    let mut image = Image::new();
    image.word(28, 4);
    image.word(16, 0);
    assert_eq!(check_input(&image.bytes), Ok(()));
    run(&image.bytes, rebuild);
}

#[test]
fn what_is_not_valid_is_named() {
    type Change = fn(&mut Image);
    let cases: &[(Change, &str)] = &[
        (|i| i.bytes.clear(), "total"),
        (|i| i.bytes.truncate(5), "total"),
        (|i| i.bytes.truncate(63), "total"),
        (|i| i.bytes.truncate(201), "total"),
        (|i| i.bytes.push(0), "total"),
        (|i| i.word(8, u32::MAX), "total"),
        (|i| i.word(0, 0x3242_4657), "magic"),
        (|i| i.half(4, 63), "header_size"),
        (|i| i.half(4, 0xffff), "header_size"),
        (|i| i.half(6, 47), "record_size"),
        (|i| i.half(6, 40), "record_size"),
        (|i| i.half(6, 52), "record_size"),
        (|i| i.half(6, 0), "record_size"),
        (|i| i.word(28, 8), "flags"),
        (|i| i.word(12, 4), "records_off"),
        (|i| i.word(12, u32::MAX), "records_off"),
        (|i| i.word(20, 60), "records_off"),
        (|i| i.word(20, 112), "records_off"),
        (|i| i.word(20, u32::MAX - 7), "records_off"),
        (|i| i.word(16, 3), "headers_off"),
        (|i| i.word(24, 162), "headers_off"),
        (|i| i.word(24, u32::MAX - 15), "headers_off"),
        (|i| i.word(40, 11), "topic_off"),
        (|i| i.word(36, u32::MAX), "topic_off"),
        (|i| i.bytes[192] = 0xff, "topic_off"),
        (|i| i.word(44, 203), "blob_off"),
        (|i| i.row(0, &[(16, 202)]), "records[0].key_off"),
        (|i| i.row(0, &[(16, u32::MAX)]), "records[0].key_off"),
        (|i| i.row(0, &[(20, 11)]), "records[0].key_off"),
        (|i| i.row(1, &[(20, -2i32 as u32)]), "records[1].key_len"),
        (|i| i.row(0, &[(28, i32::MAX as u32)]), "records[0].value_off"),
        (|i| i.row(1, &[(28, -3i32 as u32)]), "records[1].value_len"),
        (|i| i.row(0, &[(32, 1)]), "records[0].first_header"),
        (|i| i.row(0, &[(36, u32::MAX)]), "records[0].first_header"),
        (|i| i.row(1, &[(32, u32::MAX), (36, 1)]), "records[1].first_header"),
        (|i| i.row(1, &[(44, 2)]), "records[1].flags"),
        (|i| i.word(164, u32::MAX), "headers[0].key_off"),
        (|i| i.word(160, 202), "headers[0].key_off"),
        (|i| i.word(188, -2i32 as u32), "headers[1].value_len"),
        (|i| i.word(172, 3), "headers[0].value_off"),
    ];
    for (n, (change, field)) in cases.iter().enumerate() {
        let mut image = Image::new();
        change(&mut image);
        assert_eq!(image.error(), format!("input image: {field} is not valid"), "case {n}");
    }
}

#[test]
fn no_image_makes_reading_panic() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let words = [0, 1, 2, 47, 48, 64, 160, 192, 201, 202, 203, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX];
    let (mut accepted, mut host) = (0, Host::start(Guest::each(rebuild), &Settings::new()).unwrap());
    for _ in 0..200_000 {
        let mut image = Image::new();
        for _ in 0..1 + random(3) {
            let at = random(image.bytes.len() / 4) * 4;
            let w = words[random(words.len())];
            if at + 4 <= image.bytes.len() {
                image.word(at, w);
            }
        }
        let absent = image.bytes[28] != 0;
        if check_input(&image.bytes).is_ok() && !absent {
            accepted += 1;
            host.run_image(&image.bytes).unwrap();
        }
    }
    assert!(accepted > 1000, "only {accepted} images were accepted");
}
