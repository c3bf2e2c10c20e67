//! Reading a container in pages: one call for many items.

use crate::error::CallError;

/// A page ends with the item that makes it larger than this.
pub(crate) const PAGE_SIZE: usize = 16 << 10;

/// Items that come in pages: `next` is asked where to go on, and returns a page and where the next one begins.
pub(crate) fn pages<T, F>(mut next: F) -> impl Iterator<Item = Result<T, CallError>>
where
    F: FnMut(u64) -> Result<(Vec<T>, Option<u64>), CallError>,
{
    let mut place = Some(0);
    let mut page = Vec::new().into_iter();
    std::iter::from_fn(move || {
        loop {
            if let Some(item) = page.next() {
                return Some(Ok(item));
            }
            match next(place?) {
                Ok((items, then)) => {
                    page = items.into_iter();
                    place = then;
                }
                Err(error) => {
                    place = None;
                    return Some(Err(error));
                }
            }
        }
    })
}
