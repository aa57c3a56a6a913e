//! A guest that does what the value of each record says, for good or ill, and forwards what says nothing. It has a twin in Go.

use std::collections::HashMap;
use std::hint::black_box;
use wasmflow::{Output, Record, Result};

#[link(wasm_import_module = "wasi_snapshot_preview1")]
extern "C" {
    fn clock_time_get(id: u32, precision: u64, time: *mut u64) -> u32;
    fn random_get(at: *mut u8, len: usize) -> u32;
}

fn act(r: Record<'_>, out: &mut Output) -> Result {
    let value = r.value().unwrap_or_default();
    match value {
        b"loop" => endless(),
        b"exponential" => assert!(twice(64) > 0),
        b"recurse" => assert!(deeper(1) > 0),
        b"work" => return out.from(r).value(work().to_string().as_bytes()).send(),
        b"world" => return out.from(r).value(world().as_bytes()).send(),
        _ => {}
    }
    out.forward(r)
}

#[inline(never)]
fn endless() -> ! {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns + 1);
    }
}

/// Returns in some thousand years: each call makes two.
#[inline(never)]
fn twice(n: u32) -> u64 {
    match black_box(n) {
        0 => 1,
        n => twice(n - 1) + twice(n - 1),
    }
}

/// Calls itself for ever, and keeps something on the stack of this memory each time.
#[inline(never)]
#[allow(unconditional_recursion)]
fn deeper(n: u64) -> u64 {
    let kept = black_box([n; 4]);
    deeper(n + 1) + kept[1]
}

/// Takes some seconds.
fn work() -> u64 {
    (0..2_000_000_000u64).fold(1, |sum, n| black_box(sum.rotate_left(5) ^ n))
}

/// What can be seen of the world: two clocks, random numbers, the order of a map.
fn world() -> String {
    let (mut wall, mut mono, mut random) = (0, 0, [0; 8]);
    // The host writes to what it is pointed at.
    let errors = unsafe {
        [
            clock_time_get(0, 1, &mut wall),
            clock_time_get(1, 1, &mut mono),
            random_get(random.as_mut_ptr(), random.len()),
        ]
    };
    let map: HashMap<u64, ()> = (0..20).map(|n| (n * wall, ())).collect();
    format!("{errors:?} {wall} {mono} {random:?} {:?}", map.keys())
}

wasmflow::transform!(act);
