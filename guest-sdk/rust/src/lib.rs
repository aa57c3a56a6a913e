//! Write transforms for wasmflow: WebAssembly between Kafka topics, exactly once.
//!
//! A transform is a function of a record, registered with [`transform!`]:
//!
//! ```
//! use wasmflow::{Output, Record, Result};
//!
//! fn upper(r: Record<'_>, out: &mut Output) -> Result {
//!     match r.value() {
//!         None => out.forward(r), // a tombstone stays one
//!         Some(v) => out.from(r).value_with(|w| w.extend(v.iter().map(u8::to_ascii_uppercase))).send(),
//!     }
//! }
//! wasmflow::transform!(upper);
//! ```
//!
//! - [`Output::forward`] sends a record on unchanged, [`Output::send`] with another value, [`Output::from`] begins a [`Draft`] for
//!   everything else. A record of which nothing is sent is dropped.
//! - An error refuses the record, and what was sent for it is undone. Every `std::error::Error` becomes a [`Refusal`] by `?`, and
//!   [`refuse!`] makes one of a text. A panic is a trap: it fails the whole batch, and the host learns its text and place.
//! - A transform with configuration or state names an `init`, which gets a [`Config`]. State is a cache: the host makes new
//!   instances when it likes, so it must not be the only place where something is known.
//! - [`testing::Host`] runs a transform natively, through the same bytes as a host does.
//!
//! Build for `wasm32-unknown-unknown` (nothing to grant, no clock, no randomness) or `wasm32-wasip1`, as a `cdylib`, with
//! `-C target-feature=+simd128`.

mod batch;
mod config;
mod draft;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod export;
mod guest;
mod host;
#[cfg(any(target_family = "wasm", test))]
mod input;
mod json;
mod json_reader;
mod macros;
#[doc(hidden)]
pub mod metadata;
mod output;
mod record;
mod refusal;
mod room;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod wire;

pub use batch::{Batch, Records};
pub use config::Config;
pub use draft::Draft;
pub use guest::Guest;
pub use host::{log, Level};
pub use json::Json;
pub use output::{Out, Output};
pub use record::{Header, Headers, Record, TimestampKind};
pub use refusal::{Refusal, Result};
pub use room::Writer;

/// The examples of the README, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
