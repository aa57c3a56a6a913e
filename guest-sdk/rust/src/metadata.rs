//! The metadata of a module, put together while it is compiled: macros write it into the custom section `wasmflow`.

/// The bytes of a text, as an array that can be a section.
pub const fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let (from, mut to, mut i) = (text.as_bytes(), [0; N], 0);
    while i < N {
        to[i] = from[i];
        i += 1;
    }
    to
}

/// The text itself, if it can stand in a JSON string as it is; a mistake of compilation otherwise.
pub const fn plain(text: &str) -> &str {
    let (b, mut i) = (text.as_bytes(), 0);
    while i < b.len() {
        assert!(b[i] >= b' ' && b[i] != b'"' && b[i] != b'\\', "metadata: a control character, a quote or a backslash");
        i += 1;
    }
    text
}
