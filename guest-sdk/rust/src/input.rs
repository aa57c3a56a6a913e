//! The buffer that the host writes images into.

use std::alloc::{alloc as allocate, dealloc, Layout};
use std::ptr;

/// The buffer for images that the host writes. Between calls only its address is kept: the host writes behind Rust's back.
pub struct Input {
    at: *mut u8,
    layout: Option<Layout>,
}

impl Input {
    pub const fn new() -> Self {
        Input { at: ptr::null_mut(), layout: None }
    }

    /// Room for `size` bytes, neither zeroed nor with what was there before; null where memory ends.
    pub fn room(&mut self, size: usize) -> *mut u8 {
        if let Some(layout) = self.layout {
            if layout.size() >= size {
                return self.at;
            }
            // SAFETY: allocated below with this layout. Given back first: both together may not fit.
            unsafe { dealloc(self.at, layout) };
        }
        self.layout = None;
        self.at = ptr::null_mut();
        let ample = size.saturating_add(size / 4).checked_next_multiple_of(4096);
        for size in [ample.unwrap_or(size), size.max(1)] {
            let Ok(layout) = Layout::from_size_align(size, 16) else { continue };
            // SAFETY: the size is not 0.
            let at = unsafe { allocate(layout) };
            if !at.is_null() && size > 0 {
                (self.at, self.layout) = (at, Some(layout));
                break;
            }
        }
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::Input;

    #[test]
    fn keeps_its_buffer_until_it_is_too_small() {
        let mut input = Input::new();
        let small = input.room(100);
        assert!(!small.is_null());
        assert_eq!(input.room(4096), small);
        let large = input.room(1 << 20);
        assert!(!large.is_null());
        assert_eq!(input.room(1 << 20), large);
        assert_eq!(input.room(1), large);
    }

    #[test]
    fn aligns_to_16() {
        for size in [0, 1, 7, 4097, 100_001] {
            let at = Input::new().room(size);
            assert!(!at.is_null() && at as usize % 16 == 0, "size {size}");
        }
    }

    #[test]
    fn answers_null_where_memory_ends_and_recovers() {
        let mut input = Input::new();
        assert!(!input.room(100).is_null());
        assert!(input.room(usize::MAX).is_null());
        assert!(input.room(usize::MAX / 2).is_null());
        assert!(!input.room(100).is_null());
    }
}
