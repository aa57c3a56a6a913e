// The row of the meter's benchmark that AssemblyScript compiled: 200 values of 256 bytes, n times, each made upper-case in a new
// array, so that its allocator and its collector are part of it. build.sh says how it is compiled.

const values: Uint8Array[] = [];

function fill(): void {
  let seed: u32 = 7;
  for (let i = 0; i < 200; i++) {
    const value = new Uint8Array(256);
    for (let j = 0; j < 256; j++) {
      seed = seed * 1664525 + 1013904223;
      value[j] = <u8>(32 + (seed >> 8) % 95);
    }
    values.push(value);
  }
}

function upper(value: Uint8Array): Uint8Array {
  const out = new Uint8Array(value.length);
  for (let i = 0; i < value.length; i++) {
    const c = value[i];
    out[i] = c >= 0x61 && c <= 0x7a ? c - 0x20 : c;
  }
  return out;
}

export function uppercase(n: i32): i64 {
  if (values.length == 0) fill();
  let h: u64 = 0;
  for (let turn = 0; turn < n; turn++) {
    for (let i = 0; i < values.length; i++) {
      const out = upper(values[i]);
      h = (h ^ out[(turn + i) & 255]) * 1099511628211;
    }
  }
  return <i64>h;
}
