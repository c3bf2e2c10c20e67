//! Integers as the format writes them: seven bits a byte, the least significant first, and the high bit on all bytes but
//! the last.
//!
//! Those of up to 64 bits are taken apart and put together in a register, all bytes at once: a loop over the bytes would
//! have a branch that nobody can predict where small and large numbers follow each other.

/// The bytes of an integer of up to 64 bits, the first of them lowest. Never in memory before they are where they belong.
pub(crate) type Short = u128;

/// The longest form of 128 bits.
const MAX_SIZE_128: usize = 19;

/// The bits that say that another byte follows.
const MORE: u64 = 0x8080_8080_8080_8080;

/// The bits that the first eight bytes hold.
const IN_EIGHT: u64 = (1 << 56) - 1;

/// Why bytes are not an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// They end before it does.
    Truncated,
    /// It is larger than its type.
    TooLarge,
}

/// The bytes of `value`, and how many of them count.
#[inline]
pub(crate) fn encode(value: u64) -> (Short, usize) {
    // The number of bits over 7, rounded up, without a division.
    let size = ((value | 1).ilog2() * 9 + 73) / 64;
    let more = if size > 8 { MORE } else { MORE & ((1 << (8 * (size - 1))) - 1) };
    let (ninth, tenth) = (value >> 56, value >> 63);
    let high = ninth | tenth << 8;
    (Short::from(spread(value) | more) | Short::from(high) << 64, size as usize)
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

/// The integer of at most `n_bits` bits that `input` begins with, and what follows it.
#[inline]
pub(crate) fn decode(input: &[u8], n_bits: u32) -> Result<(u64, &[u8]), Broken> {
    let (value, size) = match (input, input.first_chunk()) {
        ([first @ 0..0x80, ..], _) => (u64::from(*first), 1),
        (_, Some(bytes)) => match decode_word(u64::from_le_bytes(*bytes), n_bits) {
            (_, 0) => decode_longest(input, n_bits),
            found => found,
        },
        (_, None) => decode_at_end(input, n_bits),
    };
    match input.get(size..) {
        Some(rest) if size > 0 => Ok((value, rest)),
        _ => Err(what_is_wrong(input, n_bits)),
    }
}

/// The integer that begins with these bytes, the first one lowest, and how many of them it has; 0 if it has more, or there is none.
#[inline]
pub(crate) fn decode_word(bytes: u64, n_bits: u32) -> (u64, usize) {
    let ends = !bytes & MORE;
    let size = (ends.trailing_zeros() / 8 + 1) as usize;
    let value = gather(bytes & (ends ^ ends.wrapping_sub(1)));
    let is_one = ends != 0 && size <= n_bits.div_ceil(7) as usize && value >> (n_bits - 1) <= 1;
    (value, if is_one { size } else { 0 })
}

/// The same where fewer than eight bytes are left, and zeros are taken for the others. Not in place, so that what is in place stays
/// small.
#[inline(never)]
fn decode_at_end(input: &[u8], n_bits: u32) -> (u64, usize) {
    decode_word(partial(input), n_bits)
}

/// The same for one of nine or ten bytes.
#[inline(never)]
fn decode_longest(input: &[u8], n_bits: u32) -> (u64, usize) {
    let Some((bytes, rest)) = input.split_first_chunk().filter(|_| n_bits == 64) else { return (0, 0) };
    let bytes = u64::from_le_bytes(*bytes);
    match *rest {
        _ if bytes & MORE != MORE => (0, 0),
        [high @ 0..0x80, ..] => (gather(bytes) | u64::from(high) << 56, 9),
        [high, last @ (0 | 1), ..] => (gather(bytes) | u64::from(high & 0x7f | last << 7) << 56, 10),
        _ => (0, 0),
    }
}

/// Why `input` begins with no integer of so many bits.
#[cold]
pub(crate) fn what_is_wrong(input: &[u8], n_bits: u32) -> Broken {
    decode_128(input, n_bits).err().unwrap_or(Broken::Truncated)
}

/// A word that begins with fewer than eight bytes and is filled up with zeros: by loads that overlap, since a copy of so few
/// bytes of a number that is not known takes longer than all else.
#[inline]
fn partial(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        u64::from(first) | u64::from(last) << ((len - 4) * 8)
    } else if len > 0 {
        let at = |idx: usize| u64::from(bytes[idx]) << (idx * 8);
        at(0) | at(len / 2) | at(len - 1)
    } else {
        0
    }
}

/// The same for up to 128 bits.
pub(crate) fn decode_128(input: &[u8], n_bits: u32) -> Result<(u128, &[u8]), Broken> {
    let max_size = n_bits.div_ceil(7) as usize;
    let mut value = 0;
    for (idx, &byte) in input.iter().take(max_size).enumerate() {
        value |= u128::from(byte & 0x7f) << (7 * idx);
        if byte < 0x80 {
            // What the last byte has too many may be beyond the 128 bits.
            let is_too_large = idx + 1 == max_size && u32::from(byte) >> (n_bits - 7 * idx as u32) != 0;
            return if is_too_large { Err(Broken::TooLarge) } else { Ok((value, &input[idx + 1..])) };
        }
    }
    Err(if input.len() < max_size { Broken::Truncated } else { Broken::TooLarge })
}

/// The sign goes to the lowest bit, so that small numbers of either sign are short.
#[inline]
pub(crate) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

#[inline]
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[inline]
pub(crate) fn zigzag_128(value: i128) -> u128 {
    (value << 1 ^ value >> 127) as u128
}

#[inline]
pub(crate) fn unzigzag_128(value: u128) -> i128 {
    (value >> 1) as i128 ^ -((value & 1) as i128)
}

/// The low 56 bits in eight bytes, seven in each: the halves move apart, then the halves of the halves, and so on.
#[inline]
fn spread(value: u64) -> u64 {
    let value = value & IN_EIGHT;
    let value = value & 0x0fff_ffff | (value & !0x0fff_ffff) << 4;
    let value = value & 0x0000_3fff_0000_3fff | (value & 0x0fff_c000_0fff_c000) << 2;
    value & 0x007f_007f_007f_007f | (value & 0x3f80_3f80_3f80_3f80) << 1
}

/// The way back, without the high bits.
#[inline]
fn gather(bytes: u64) -> u64 {
    let value = bytes & 0x007f_007f_007f_007f | (bytes & 0x7f00_7f00_7f00_7f00) >> 1;
    let value = value & 0x0000_3fff_0000_3fff | (value & 0x3fff_0000_3fff_0000) >> 2;
    value & 0x0fff_ffff | (value & 0x0fff_ffff_0000_0000) >> 4
}
