//! What the exports of a module do. The macros make the exports themselves, in the crate of the transform.
//!
//! The host calls one export at a time and calls none while one of our imports runs, so a module has one owner at any time.

use std::cell::UnsafeCell;
use std::slice;

use crate::batch::{Batch, View};
use crate::config::Config;
use crate::guest::Guest;
use crate::host;
use crate::input::Input;
use crate::output::Output;
use crate::refusal::cut;
use crate::wire;

/// The longest text of an init error; the host reads no further.
const MAX_ERROR: usize = 4096;

struct Module {
    input: Input,
    guest: Option<Guest>,
    output: Output,
    header: [u8; wire::HEADER],
    error: String,
}

struct Global(UnsafeCell<Option<Module>>);

// SAFETY: a module has one thread, and calls do not nest.
unsafe impl Sync for Global {}

static MODULE: Global = Global(UnsafeCell::new(None));

fn module() -> &'static mut Module {
    // SAFETY: taken once by each export, none of which calls another or is called while another runs.
    let module = unsafe { &mut *MODULE.0.get() };
    module.get_or_insert_with(|| Module {
        input: Input::new(),
        guest: None,
        output: Output::default(),
        header: [0; wire::HEADER],
        error: String::new(),
    })
}

/// `wasmflow_alloc`: the address of a buffer for an image of `size` bytes, 0 where there is no memory for it. The buffer is
/// the module's one, valid until it is asked for again.
pub fn alloc(size: u32) -> u32 {
    module().input.room(size as usize) as usize as u32
}

/// `wasmflow_init`: 0, or an error text as address << 32 | length.
///
/// # Safety
/// The host has written `len` bytes at `at`, and leaves them alone until this returns.
pub unsafe fn init(make: fn() -> Guest, at: u32, len: u32) -> u64 {
    host::hook_panics();
    // SAFETY: as the caller promises.
    let image = unsafe { image(at, len) };
    let m = module();
    let mut guest = make();
    let refusal = match Config::parse(image).and_then(|config| guest.init(&config)) {
        Ok(()) => {
            m.guest = Some(guest);
            return 0;
        }
        Err(refusal) => refusal,
    };
    m.error = refusal.text;
    if m.error.is_empty() {
        m.error.push_str("init failed and does not say why");
    }
    let error = cut(&m.error, MAX_ERROR);
    pack(error.as_ptr(), error.len())
}

/// `wasmflow_transform`: the header of a result image, as address << 32 | its size.
///
/// # Safety
/// The host has written `len` bytes at `at`, and leaves them alone until this returns.
pub unsafe fn transform(at: u32, len: u32) -> u64 {
    // SAFETY: as the caller promises.
    let image = unsafe { image(at, len) };
    let m = module();
    let view = match View::parse(image) {
        Ok(view) => view,
        Err(bad) => panic!("{bad}"),
    };
    let guest = m.guest.as_mut().expect("transform is called before init");
    if let Err(refusal) = guest.transform(Batch::new(&view), &mut m.output) {
        panic!("{refusal}");
    }
    let from = m.header.as_ptr() as usize as u32;
    // An empty part has no address of its own.
    let distance = |part: &[u8]| if part.is_empty() { 0 } else { (part.as_ptr() as usize as u32).wrapping_sub(from) };
    let at = m.output.parts().map(distance);
    m.header = m.output.header(at);
    pack(m.header.as_ptr(), wire::HEADER)
}

/// `wasmflow_record`: the address of the index of the record that the transform is at.
pub fn record() -> u32 {
    &raw const host::RECORD as usize as u32
}

unsafe fn image<'a>(at: u32, len: u32) -> &'a [u8] {
    if len == 0 {
        return &[];
    }
    // SAFETY: as the caller promises; the lifetime ends with the call, since nothing can keep what is made of it.
    unsafe { slice::from_raw_parts(at as usize as *const u8, len as usize) }
}

fn pack(at: *const u8, len: usize) -> u64 {
    (at as usize as u64) << 32 | len as u64
}
