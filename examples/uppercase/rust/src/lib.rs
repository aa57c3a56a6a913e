//! Upper-cases the ASCII letters of every value. A tombstone stays a tombstone.

use wasmflow::{Output, Record, Result};

fn upper(r: Record<'_>, out: &mut Output) -> Result {
    match r.value() {
        None => out.forward(r),
        Some(v) => out.from(r).value_with(|w| w.extend(v.iter().map(u8::to_ascii_uppercase))).send(),
    }
}

wasmflow::transform!(upper);

#[cfg(test)]
mod tests {
    use wasmflow::testing::{Host, Record, Settings};

    fn upper(value: Option<&[u8]>) -> Option<Vec<u8>> {
        let given =
            Record { value: value.map(<[u8]>::to_vec), ..Record::new() }.key("k").header("h", "v").timestamp_ms(7);
        let mut host = Host::start(super::wasmflow_guest(), &Settings::new()).unwrap();
        let mut got = host.run(std::slice::from_ref(&given));
        assert_eq!((got.sent.len(), got.refused.len()), (1, 0));
        let sent = got.sent.remove(0);
        assert_eq!((sent.key, sent.headers, sent.timestamp_ms), (given.key, given.headers, given.timestamp_ms));
        sent.value
    }

    #[test]
    fn ascii_letters_only() {
        assert_eq!(upper(Some(b"abc xyz")), Some(b"ABC XYZ".to_vec()));
        assert_eq!(upper(Some("AbC-019 grüße ß".as_bytes())), Some("ABC-019 GRüßE ß".as_bytes().to_vec()));
        assert_eq!(upper(Some(b"`az{\0\xff\xe9")), Some(b"`AZ{\0\xff\xe9".to_vec()));
    }

    #[test]
    fn nothing_stays_nothing() {
        assert_eq!(upper(None), None);
        assert_eq!(upper(Some(b"")), Some(Vec::new()));
    }
}
