//! The imports: a log and a last word. Natively a stub takes their place, so that a transform can be tested without Wasm.

use std::sync::atomic::AtomicU32;

/// The level of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Level {
    /// For whoever looks for a fault.
    Debug,
    /// What happens.
    Info,
    /// What should not happen, and does no harm.
    Warn,
    /// What does harm.
    Error,
}

/// Writes a line to the log of the host, as [`debug!`](crate::debug), [`info!`](crate::info), [`warn!`](crate::warn) and
/// [`error!`](crate::error) do. The host cuts it at 4,096 bytes and may drop lines where there are too many.
pub fn log(level: Level, text: &str) {
    imp::log(level, text);
}

/// Writes a line for whoever looks for a fault to the log of the host: arguments as of `format!`.
#[macro_export]
macro_rules! debug {
    ($($text:tt)+) => { $crate::log($crate::Level::Debug, &::std::format!($($text)+)) };
}

/// Writes what happens to the log of the host: arguments as of `format!`.
#[macro_export]
macro_rules! info {
    ($($text:tt)+) => { $crate::log($crate::Level::Info, &::std::format!($($text)+)) };
}

/// Writes what should not happen, and does no harm, to the log of the host: arguments as of `format!`.
#[macro_export]
macro_rules! warn {
    ($($text:tt)+) => { $crate::log($crate::Level::Warn, &::std::format!($($text)+)) };
}

/// Writes what does harm to the log of the host: arguments as of `format!`.
#[macro_export]
macro_rules! error {
    ($($text:tt)+) => { $crate::log($crate::Level::Error, &::std::format!($($text)+)) };
}

/// The index of the record that the transform is at, `NONE` where it is at none: the host reads it after a trap.
pub(crate) static RECORD: AtomicU32 = AtomicU32::new(NONE);

pub(crate) const NONE: u32 = u32::MAX;

pub(crate) use imp::fail;
#[cfg(target_family = "wasm")]
pub(crate) use imp::hook_panics;
#[cfg(not(target_family = "wasm"))]
pub(crate) use imp::take_log;

#[cfg(target_family = "wasm")]
mod imp {
    use super::Level;

    mod import {
        #[link(wasm_import_module = "wasmflow")]
        extern "C" {
            pub fn log(level: u32, at: *const u8, len: usize);
            pub fn fail(at: *const u8, len: usize);
        }
    }

    pub fn log(level: Level, text: &str) {
        // SAFETY: the host reads these bytes and keeps no address.
        unsafe { import::log(level as u32, text.as_ptr(), text.len()) }
    }

    /// Tells the host why the trap follows.
    pub fn fail(text: &str) {
        // SAFETY: the host reads these bytes and keeps no address.
        unsafe { import::fail(text.as_ptr(), text.len()) }
    }

    /// Has the host told the text of a panic, and where it was: the trap that follows says neither.
    pub fn hook_panics() {
        std::panic::set_hook(Box::new(|info| {
            let text = match (info.payload().downcast_ref::<&str>(), info.payload().downcast_ref::<String>()) {
                (Some(text), _) => text,
                (_, Some(text)) => text.as_str(),
                _ => "panic",
            };
            match info.location() {
                Some(at) => fail(&std::format!("{text} ({at})")),
                None => fail(text),
            }
        }));
    }
}

#[cfg(not(target_family = "wasm"))]
mod imp {
    use super::Level;
    use std::cell::RefCell;

    thread_local! {
        static LOG: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
    }

    pub fn log(level: Level, text: &str) {
        LOG.with_borrow_mut(|log| log.push((level, text.to_owned())));
    }

    /// What this thread has logged since it was last asked.
    pub fn take_log() -> Vec<(Level, String)> {
        LOG.take()
    }

    /// There is no host: the abort that follows speaks for itself.
    pub fn fail(_: &str) {}
}
