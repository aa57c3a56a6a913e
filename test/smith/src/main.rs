//! Writes modules made by chance into a folder: `smith FOLDER FIRST COUNT`. A seed always gives the same module.

use std::{env, error::Error, fs, path::Path};

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

/// Bytes of a pseudorandom sequence (SplitMix64).
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        out.extend((z ^ (z >> 31)).to_le_bytes());
    }
    out
}

/// What the meter supports, without imports, all of it exported: so that it can be called and looked at.
fn config(seed: u64) -> Config {
    Config {
        max_imports: 0,
        max_memories: 1,
        max_tables: 3,
        min_funcs: 4,
        max_instructions: 100 + (seed as usize % 5) * 400,
        max_memory32_bytes: 64 << 16,
        max_table_elements: 1000,
        table_max_size_required: true,
        export_everything: true,
        // Most segments are out of bounds, and end the module before it begins.
        allow_start_export: seed.is_multiple_of(8),
        max_data_segments: if seed.is_multiple_of(5) { 3 } else { 0 },
        max_element_segments: if seed % 5 == 1 { 3 } else { 0 },
        disallow_traps: seed.is_multiple_of(2),
        canonicalize_nans: true,
        generate_custom_sections: seed.is_multiple_of(4),
        simd_enabled: !seed.is_multiple_of(3),
        min_uleb_size: 1 + (seed % 2) as u8 * 4,
        relaxed_simd_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        compact_imports_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        memory64_enabled: false,
        wide_arithmetic_enabled: false,
        extended_const_enabled: false,
        ..Config::default()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().collect();
    let [_, folder, first, count] = args.as_slice() else {
        return Err("usage: smith FOLDER FIRST COUNT".into());
    };
    let (first, count): (u64, u64) = (first.parse()?, count.parse()?);
    for seed in first..first + count {
        let data = bytes(seed, 4000 + (seed as usize % 7) * 3000);
        let module = Module::new(config(seed), &mut Unstructured::new(&data))?;
        fs::write(
            Path::new(folder).join(format!("{seed}.wasm")),
            module.to_bytes(),
        )?;
    }
    Ok(())
}
