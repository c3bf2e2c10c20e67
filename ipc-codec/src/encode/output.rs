//! Where encoded bytes go: to the end of a buffer, up to a limit.

use postcard::ser_flavors::Flavor;

/// A buffer that refuses to grow beyond a limit, and remembers that it had to.
pub(super) struct Output<'a> {
    bytes: &'a mut Vec<u8>,
    start: usize,
    limit: usize,
    /// How many bytes were asked for when one time they did not fit.
    refused: Option<usize>,
}

impl<'a> Output<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a mut Vec<u8>, limit: usize) -> Output<'a> {
        Output { start: bytes.len(), bytes, limit, refused: None }
    }

    /// How many bytes may still be added.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.limit - (self.bytes.len() - self.start)
    }

    /// The size that did not fit, and the limit.
    pub(super) fn refused(&self) -> Option<(usize, usize)> {
        self.refused.map(|size| (size, self.limit))
    }

    /// Notes that `more` bytes do not fit.
    #[cold]
    pub(super) fn refuse(&mut self, more: usize) -> postcard::Error {
        self.refused = Some((self.bytes.len() - self.start).saturating_add(more));
        postcard::Error::SerializeBufferFull
    }
}

impl Flavor for Output<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        if self.room() == 0 {
            return Err(self.refuse(1));
        }
        self.bytes.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        if data.len() > self.room() {
            return Err(self.refuse(data.len()));
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
