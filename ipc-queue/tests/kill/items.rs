//! Items that tell whether they are whole: all their bytes follow from their number.

/// The bytes of the item of this number, as many as wanted, but at least four.
pub(crate) fn bytes_of(number: u32, len: usize) -> Vec<u8> {
    let content = (4..len as u32).map(|idx| {
        let mixed = (number ^ idx << 24).wrapping_mul(0x9e37_79b9).wrapping_add(idx);
        (mixed >> 24) as u8
    });
    number.to_le_bytes().into_iter().chain(content).collect()
}

/// The number of an item, if it is whole and of the length that it should have.
pub(crate) fn number_of(bytes: &[u8], len: usize) -> Result<u32, String> {
    let start = bytes.first_chunk().ok_or_else(|| format!("an item of {} bytes", bytes.len()))?;
    let number = u32::from_le_bytes(*start);
    if bytes == bytes_of(number, len) { Ok(number) } else { Err(format!("a torn item: {bytes:x?}")) }
}
