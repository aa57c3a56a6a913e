//! The bytes of ABI v1: magic numbers, sizes, marks and flags of both images (abi/SPEC.md), all little endian.

pub const VERSION: i64 = 1;

pub const INPUT_MAGIC: u32 = 0x3142_4657;
pub const RESULT_MAGIC: u32 = 0x3152_4657;
/// Size of both images' headers in this version; later versions may send longer ones.
pub const HEADER: usize = 64;
/// Size of both images' record rows in this version; later versions may send longer ones.
pub const ROW: usize = 48;
/// Size of the entry of a Kafka header.
pub const ENTRY: usize = 16;
/// Size of a refusal.
pub const REFUSAL: usize = 16;

/// Length of a key or value that is null.
pub const NULL: i32 = -1;
/// Length of a result's key or value that is the source's.
pub const SOURCE: i32 = -2;
/// Header count of a result row that has the source's headers.
pub const SOURCE_HEADERS: u32 = u32::MAX;
/// Partition of a result row that is placed by its key.
pub const BY_KEY: i32 = -1;

/// Flags of an input image: the bytes were not copied in, since the guest did not ask for them.
pub const VALUES_ABSENT: u32 = 1;
pub const KEYS_ABSENT: u32 = 2;
pub const HEADERS_ABSENT: u32 = 4;

/// Flag of an input row: the timestamp is the broker's.
pub const BROKER_TIME: u32 = 1;

/// Flags of a result row.
pub const TIMESTAMP_GIVEN: u16 = 1;
pub const VALUE_PART: u16 = 2;
pub const KEY_PART: u16 = 4;
pub const HEADERS_APPENDED: u16 = 8;

/// Offsets in a row, the same in both images.
pub const KEY_OFF: usize = 16;
pub const KEY_LEN: usize = 20;
pub const VALUE_OFF: usize = 24;
pub const VALUE_LEN: usize = 28;
pub const FIRST_HEADER: usize = 32;
pub const HEADER_COUNT: usize = 36;

#[inline(always)]
fn word<const N: usize>(b: &[u8], at: usize) -> [u8; N] {
    let mut w = [0; N];
    w.copy_from_slice(&b[at..at + N]);
    w
}

#[inline(always)]
pub fn u16_at(b: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(word(b, at))
}

#[inline(always)]
pub fn u32_at(b: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(word(b, at))
}

#[inline(always)]
pub fn i32_at(b: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(word(b, at))
}

#[inline(always)]
pub fn i64_at(b: &[u8], at: usize) -> i64 {
    i64::from_le_bytes(word(b, at))
}

/// Writes the little-endian bytes `w` at `at`.
#[inline(always)]
pub fn put<const N: usize>(b: &mut [u8], at: usize, w: [u8; N]) {
    b[at..at + N].copy_from_slice(&w);
}
