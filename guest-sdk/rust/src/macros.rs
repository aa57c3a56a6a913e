//! Registration. What the macros expand to is in the crate of the transform, since that is where exports come from.

/// Registers a transform of records, and makes the exports and the metadata of the module.
///
/// ```
/// # use wasmflow::{Config, Out, Output, Record, Result};
/// struct Split {
///     limit: usize,
///     large: Out,
/// }
///
/// impl Split {
///     fn new(config: &Config) -> Result<Self> {
///         Ok(Split { limit: config.i64("limit")? as usize, large: config.out("large")? })
///     }
///
///     fn record(&mut self, r: Record<'_>, out: &mut Output) -> Result {
///         if r.value_len() <= Some(self.limit) {
///             return out.forward(r);
///         }
///         out.from(r).to(self.large).send()
///     }
/// }
///
/// wasmflow::transform!(Split::record, init = Split::new, outputs = ["small", "large"]);
/// ```
///
/// After the function, `fn(Record<'_>, &mut Output) -> Result`, there may stand in this order:
/// - `init = f`, a `fn(&Config) -> Result<S>`, called once an instance; the transform then is a
///   `fn(&mut S, Record<'_>, &mut Output) -> Result`;
/// - `name = "..."` in the metadata, the crate's name by default;
/// - `outputs = ["...", ...]`, the outputs that the transform writes to besides the default one, for the metadata.
///
/// The macro also makes `fn wasmflow_guest() -> wasmflow::Guest`, for tests. A module registers one transform.
#[macro_export]
macro_rules! transform {
    ($f:expr $(, name = $name:literal)? $(, outputs = [$($output:literal),* $(,)?])? $(,)?) => {
        $crate::__module!($crate::Guest::each($f); [$($name)?] [$($($output)*)?]);
    };
    ($f:expr, init = $init:expr $(, name = $name:literal)? $(, outputs = [$($output:literal),* $(,)?])? $(,)?) => {
        $crate::__module!($crate::Guest::each_with($init, $f); [$($name)?] [$($($output)*)?]);
    };
}

/// Registers a transform of whole batches, a `fn(Batch<'_>, &mut Output) -> Result`, or with `init = f` a
/// `fn(&mut S, Batch<'_>, &mut Output) -> Result`; otherwise as [`transform!`](crate::transform).
///
/// An error of the function traps the batch; [`Output::refuse`](crate::Output::refuse) refuses one record.
///
/// ```
/// # use wasmflow::{Batch, Output, Result};
/// fn newest(batch: Batch<'_>, out: &mut Output) -> Result {
///     match batch.iter().max_by_key(|r| r.timestamp_ms()) {
///         Some(r) => out.forward(r),
///         None => Ok(()),
///     }
/// }
/// wasmflow::transform_batch!(newest);
/// ```
#[macro_export]
macro_rules! transform_batch {
    ($f:expr $(, name = $name:literal)? $(, outputs = [$($output:literal),* $(,)?])? $(,)?) => {
        $crate::__module!($crate::Guest::batch($f); [$($name)?] [$($($output)*)?]);
    };
    ($f:expr, init = $init:expr $(, name = $name:literal)? $(, outputs = [$($output:literal),* $(,)?])? $(,)?) => {
        $crate::__module!($crate::Guest::batch_with($init, $f); [$($name)?] [$($($output)*)?]);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __module {
    ($guest:expr; [] $outputs:tt) => {
        $crate::__module!(@ $guest; env!("CARGO_PKG_NAME"); $outputs);
    };
    ($guest:expr; [$name:literal] $outputs:tt) => {
        $crate::__module!(@ $guest; $name; $outputs);
    };
    (@ $guest:expr; $name:expr; [$($first:literal $($output:literal)*)?]) => {
        /// The transform of this module.
        #[allow(dead_code)]
        fn wasmflow_guest() -> $crate::Guest {
            $guest
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            const METADATA: &str = concat!(
                "{\"abi\":1,\"name\":\"", $name, "\",\"version\":\"", env!("CARGO_PKG_VERSION"), "\"",
                $(",\"outputs\":[\"", $first, "\"", $(",\"", $output, "\"",)* "]",)?
                "}"
            );

            #[used]
            #[link_section = "wasmflow"]
            static SECTION: [u8; METADATA.len()] = $crate::metadata::bytes(METADATA);

            const _: () = {
                $crate::metadata::plain($name);
                $($crate::metadata::plain($first); $($crate::metadata::plain($output);)*)?
            };

            #[no_mangle]
            extern "C" fn wasmflow_abi_v1() {}

            #[no_mangle]
            extern "C" fn wasmflow_alloc(size: u32) -> u32 {
                $crate::export::alloc(size)
            }

            #[no_mangle]
            unsafe extern "C" fn wasmflow_init(at: u32, len: u32) -> u64 {
                // SAFETY: the host wrote the image, and waits for the answer.
                unsafe { $crate::export::init(wasmflow_guest, at, len) }
            }

            #[no_mangle]
            extern "C" fn wasmflow_record() -> u32 {
                $crate::export::record()
            }

            #[no_mangle]
            unsafe extern "C" fn wasmflow_transform(at: u32, len: u32) -> u64 {
                // SAFETY: the host wrote the image, and waits for the answer.
                unsafe { $crate::export::transform(at, len) }
            }
        };
    };
}
