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
    match input {
        [first @ 0..0x80, rest @ ..] => Ok((u64::from(*first), rest)),
        _ => decode_long(input, n_bits),
    }
}

#[inline]
fn decode_long(input: &[u8], n_bits: u32) -> Result<(u64, &[u8]), Broken> {
    let (bytes, rest) = match input.split_first_chunk() {
        Some((&bytes, rest)) => (u64::from_le_bytes(bytes), rest),
        None => (partial(input), &[][..]),
    };
    let ends = !bytes & MORE;
    if ends != 0 {
        let size = (ends.trailing_zeros() / 8 + 1) as usize;
        let value = gather(bytes & (ends ^ (ends - 1)));
        if size <= input.len() && size <= n_bits.div_ceil(7) as usize && value >> (n_bits - 1) <= 1 {
            return Ok((value, &input[size..]));
        }
    } else if n_bits == 64 {
        match *rest {
            [high @ 0..0x80, ref rest @ ..] => return Ok((gather(bytes) | u64::from(high) << 56, rest)),
            [high, last @ (0 | 1), ref rest @ ..] => {
                let high = u64::from(high & 0x7f | last << 7);
                return Ok((gather(bytes) | high << 56, rest));
            }
            _ => {}
        }
    }
    // Something is wrong.
    decode_128(input, n_bits).map(|(value, rest)| (value as u64, rest))
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
