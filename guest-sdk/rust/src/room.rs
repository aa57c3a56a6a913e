//! Room: vectors that grow, or else say why they cannot before the instance dies.

use core::mem::MaybeUninit;
use std::alloc::{handle_alloc_error, Layout};
use std::{fmt, io};

/// Makes room for `more` elements. Where memory ends, the host is told what did not fit before the trap. A vector that cannot
/// double may still grow by what is needed.
#[inline(always)]
pub fn reserve<T>(v: &mut Vec<T>, more: usize) {
    if v.capacity() - v.len() < more {
        grow(v, more);
    }
}

#[cold]
#[inline(never)]
fn grow<T>(v: &mut Vec<T>, more: usize) {
    if v.try_reserve(more).is_err() && v.try_reserve_exact(more).is_err() {
        crate::host::fail("out of memory: the result of this batch does not fit into the memory of the instance");
        handle_alloc_error(Layout::array::<T>(more).unwrap_or(Layout::new::<T>()));
    }
}

/// Appends to the value of a draft, straight into the result image. It cannot reach what was written before.
pub struct Writer<'w> {
    blob: &'w mut Vec<u8>,
    start: usize,
}

impl<'w> Writer<'w> {
    pub(crate) fn new(blob: &'w mut Vec<u8>) -> Self {
        let start = blob.len();
        Writer { blob, start }
    }

    /// How many bytes the value has so far.
    #[inline]
    pub fn len(&self) -> usize {
        self.blob.len() - self.start
    }

    /// Whether nothing has been written yet.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends bytes.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        reserve(self.blob, bytes.len());
        self.blob.extend_from_slice(bytes);
    }

    /// Appends text.
    #[inline]
    pub fn put_str(&mut self, text: &str) {
        self.put(text.as_bytes());
    }

    /// Appends one byte.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        reserve(self.blob, 1);
        self.blob.push(byte);
    }

    /// Appends what an iterator gives.
    #[inline]
    pub fn extend(&mut self, bytes: impl IntoIterator<Item = u8>) {
        let bytes = bytes.into_iter();
        reserve(self.blob, bytes.size_hint().0);
        self.blob.extend(bytes);
    }

    /// Appends formatted text: `write!(w, "{n}")` works without a trait and cannot fail.
    ///
    /// # Panics
    /// If the formatting of an argument fails, as `format!` does.
    pub fn write_fmt(&mut self, text: fmt::Arguments<'_>) {
        if fmt::Write::write_fmt(self, text).is_err() {
            panic!("a formatting trait implementation returned an error");
        }
    }

    /// Makes room for `more` bytes, which [`spare`](Self::spare) then shows.
    #[inline]
    pub fn reserve(&mut self, more: usize) {
        reserve(self.blob, more);
    }

    /// The room behind what has been written, not initialised. Write to its start, then call [`advance`](Self::advance).
    #[inline]
    pub fn spare(&mut self) -> &mut [MaybeUninit<u8>] {
        self.blob.spare_capacity_mut()
    }

    /// Takes the first `written` bytes of the room into the value.
    ///
    /// # Safety
    /// They have been written through [`spare`](Self::spare), with nothing appended since.
    #[inline]
    pub unsafe fn advance(&mut self, written: usize) {
        debug_assert!(written <= self.blob.capacity() - self.blob.len());
        // SAFETY: within capacity and initialised, as the caller promises.
        unsafe { self.blob.set_len(self.blob.len() + written) }
    }
}

impl Extend<u8> for Writer<'_> {
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        Writer::extend(self, bytes);
    }
}

impl io::Write for Writer<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Write for Writer<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put_str(text);
        Ok(())
    }
}

impl fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Writer at {}", self.len())
    }
}
