//! A value as the server keeps it: its encoding, with the names of the objects in it in front.

use crate::wire::{ID_SIZE, Malformed, ObjectId, Reader};

/// A value whose type the server does not know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kept(Box<[u8]>);

impl Kept {
    /// Bytes that came from a client; their names may be anybody's.
    #[inline]
    pub(crate) fn new(bytes: &[u8]) -> Result<Kept, Malformed> {
        let kept = Kept(bytes.into());
        match bytes.first() {
            Some(0) => Ok(kept),
            _ => {
                let mut reader = Reader(bytes);
                let n_names = reader.count()?;
                let size = n_names.checked_mul(ID_SIZE).ok_or(Malformed)?;
                if reader.0.len() < size { Err(Malformed) } else { Ok(kept) }
            }
        }
    }

    /// All of it, as it travels.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The encoding alone.
    #[inline]
    pub(crate) fn body(&self) -> &[u8] {
        body(&self.0)
    }

    /// The objects in it.
    #[inline]
    pub(crate) fn names(&self) -> impl Iterator<Item = ObjectId> + '_ {
        let mut reader = Reader(&self.0);
        let n_names = if self.0.first() == Some(&0) { 0 } else { reader.count().unwrap_or(0) };
        (0..n_names).map_while(move |_| reader.id().ok())
    }

    /// A value without names.
    pub(crate) fn plain(body: &[u8]) -> Kept {
        let mut bytes = Vec::with_capacity(body.len() + 1);
        bytes.push(0);
        bytes.extend_from_slice(body);
        Kept(bytes.into())
    }
}

/// What stands behind the names.
pub(crate) fn body(bytes: &[u8]) -> &[u8] {
    let mut reader = Reader(bytes);
    match reader.count() {
        Ok(n_names) => reader.0.get(n_names.saturating_mul(ID_SIZE)..).unwrap_or(&[]),
        Err(_) => &[],
    }
}
