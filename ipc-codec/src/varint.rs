//! Integers as the format writes them: seven bits a byte, the least significant first, and the high bit on all bytes but
//! the last.
//!
//! Those of up to 64 bits are taken apart in a register, all bytes at once: a loop over the bytes would
//! have a branch that nobody can predict where small and large numbers follow each other.

/// The longest form of 64 bits, and of 128.
pub(crate) const MAX_SIZE: usize = 10;
pub(crate) const MAX_SIZE_128: usize = 19;

/// The bits that say that another byte follows.
const MORE: u64 = 0x8080_8080_8080_8080;

/// The bits that the first eight bytes hold.
const IN_EIGHT: u64 = (1 << 56) - 1;

/// The bytes of `value`, and how many of them count.
#[inline]
pub(crate) fn encode(value: u64) -> ([u8; MAX_SIZE], usize) {
    let n_bits = 64 - (value | 1).leading_zeros();
    let size = n_bits.div_ceil(7);
    let more = if size > 8 { MORE } else { MORE & ((1 << (8 * (size - 1))) - 1) };
    let [high, last] = ((value >> 56 & 0x7f) as u16 | (value >> 63 << 8) as u16).to_le_bytes();
    let mut bytes = [0; MAX_SIZE];
    bytes[..8].copy_from_slice(&(spread(value) | more).to_le_bytes());
    bytes[8] = high | last << 7;
    bytes[9] = last;
    (bytes, size as usize)
}

/// The same for 128 bits.
pub(crate) fn encode_128(mut value: u128) -> ([u8; MAX_SIZE_128], usize) {
    let mut bytes = [0; MAX_SIZE_128];
    let mut size = 0;
    while value >= 0x80 {
        bytes[size] = value as u8 | 0x80;
        value >>= 7;
        size += 1;
    }
    bytes[size] = value as u8;
    (bytes, size + 1)
}

/// The sign goes to the lowest bit, so that small numbers of either sign are short.
#[inline]
pub(crate) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

#[inline]
pub(crate) fn zigzag_128(value: i128) -> u128 {
    (value << 1 ^ value >> 127) as u128
}

/// The low 56 bits in eight bytes, seven in each: the halves move apart, then the halves of the halves, and so on.
#[inline]
fn spread(value: u64) -> u64 {
    let value = value & IN_EIGHT;
    let value = value & 0x0fff_ffff | (value & !0x0fff_ffff) << 4;
    let value = value & 0x0000_3fff_0000_3fff | (value & 0x0fff_c000_0fff_c000) << 2;
    value & 0x007f_007f_007f_007f | (value & 0x3f80_3f80_3f80_3f80) << 1
}
