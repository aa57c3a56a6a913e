//! Refusals: how a transform says that it will not have a record.

use std::fmt;

/// Why a record is refused: an error of the transform for that record alone.
///
/// Every `std::error::Error` becomes one through `?`, with code 0. It is no `Error` itself, since that conversion would
/// then contradict the one of the standard library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The transform's own number for the cause, 0 where it has none.
    pub code: u32,
    /// Says why. It is cut at 1,024 bytes, between two characters.
    pub text: String,
}

impl Refusal {
    /// A refusal with a number of the transform's own.
    pub fn new(code: u32, text: impl Into<String>) -> Self {
        Refusal { code, text: text.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<E: std::error::Error> From<E> for Refusal {
    fn from(e: E) -> Self {
        Refusal::new(0, e.to_string())
    }
}

/// The longest text of a refusal that reaches the host, in bytes. It would cut what goes beyond, which counts against the
/// limits of the result until then.
pub(crate) const MAX_TEXT: usize = 1024;

/// The first `most` bytes of a text, or fewer where that would divide a character.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// What a transform answers for a record, and what init answers: `Err` refuses.
pub type Result<T = ()> = core::result::Result<T, Refusal>;

/// Refuses the record, or in init the configuration: returns an error with a text as of `format!`, and with a code if given.
///
/// ```
/// fn check(amount: i64) -> wasmflow::Result {
///     if amount < 0 {
///         wasmflow::refuse!("amount {amount} is negative");
///     }
///     if amount == 0 {
///         wasmflow::refuse!(code = 7, "nothing to pay");
///     }
///     Ok(())
/// }
/// assert_eq!(check(-3).unwrap_err().text, "amount -3 is negative");
/// assert_eq!(check(0).unwrap_err().code, 7);
/// ```
#[macro_export]
macro_rules! refuse {
    (code = $code:expr, $($text:tt)+) => {
        return ::core::result::Result::Err($crate::Refusal::new($code, ::std::format!($($text)+)))
    };
    ($($text:tt)+) => {
        $crate::refuse!(code = 0, $($text)+)
    };
}
