//! Init: the settings image, the configuration, the JSON in it.

use wasmflow::testing::{Host, Settings};
use wasmflow::{Config, Guest, Json, Result};

/// The error of an init that does `f`.
fn init<T: 'static>(config: &str, f: impl FnMut(&Config) -> Result<T> + 'static) -> Option<String> {
    let guest = Guest::each_with(f, |_, r, out| out.forward(r));
    Host::start(guest, &Settings::new().config(config)).err().map(|e| e.text)
}

#[test]
fn values_of_the_configuration() {
    let config = r#"{"s": "t\u00e9xt", "n": -12, "f": 1.5e2, "b": true, "a": [1, "2"], "o": {"k": null}}"#;
    let error = init(config, |c| {
        assert_eq!((c.transform(), c.outputs().collect::<Vec<_>>()), ("test", vec!["out"]));
        assert_eq!((c.str("s")?, c.i64("n")?, c.f64("f")?, c.bool("b")?), ("téxt", -12, 150.0, true));
        assert_eq!(c.array("a")?, [Json::Number("1".into()), Json::String("2".into())]);
        assert_eq!(c.get("o").and_then(|o| o.get("k")), Some(&Json::Null));
        assert_eq!(c.get("x"), None);
        assert_eq!(c.json().as_object().unwrap().len(), 6);
        Ok(())
    });
    assert_eq!(error, None);
}

#[test]
fn errors_name_the_key() {
    let config = r#"{"s": "text", "n": 1.5}"#;
    assert_eq!(init(config, |c| c.str("x").map(drop)).unwrap(), "config.x: missing, want a string");
    assert_eq!(init(config, |c| c.str("n").map(drop)).unwrap(), "config.n: want a string, got a number");
    assert_eq!(init(config, |c| c.i64("n")).unwrap(), "config.n: want a whole number, got a number");
    assert_eq!(init(config, |c| c.bool("s")).unwrap(), "config.s: want true or false, got a string");
    assert_eq!(init(config, |c| c.array("s").map(drop)).unwrap(), "config.s: want a list, got a string");
    assert_eq!(init("[]", |_| Ok(())).unwrap(), "config: want an object, got a list");
    assert_eq!(init("null", |_| Ok(())), None);
}

#[test]
fn json_round_trips() {
    let text = r#"{"a":[],"b":{},"c":[1,-0.5e-7,true,false,null,"x\"\\\u0001é💶"],"d":{"e":{"f":[[1]]}}}"#;
    assert_eq!(Json::parse(text).unwrap().to_string(), text);
    let escaped = Json::parse(r#" [ "\b\f\n\r\t\/\ud83d\udcb6" ] "#).unwrap();
    assert_eq!(escaped, Json::Array(vec![Json::String("\u{8}\u{c}\n\r\t/💶".into())]));
}

#[test]
fn what_is_not_json() {
    for text in [
        "",
        " ",
        "nul",
        "nulll",
        "{",
        "}",
        "[",
        "[1",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u+123\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\n\"",
        "1 2",
        "\u{feff}1",
    ] {
        assert!(Json::parse(text).is_err(), "{text:?}");
    }
    assert!(Json::parse(&"[".repeat(1_000_000)).is_err());
    assert_eq!(Json::parse("[1,\n x]").unwrap_err().text, "settings: byte 5: want a value");
}
