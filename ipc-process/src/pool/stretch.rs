//! Which part of an area of a desk the next chunk gets: a stretch in one piece, round and round, behind the last one.

/// Stretches begin at cache lines.
const ALIGN: usize = 64;

/// An area, and where its last stretch ends.
#[derive(Debug)]
pub(super) struct Area {
    size: usize,
    end: usize,
}

impl Area {
    pub(super) fn new(size: usize) -> Self {
        Area { size, end: 0 }
    }

    /// Where a stretch of `size` bytes fits, if it does. `oldest` is where the oldest stretch begins that is in use.
    pub(super) fn find(&self, size: usize, oldest: Option<usize>) -> Option<usize> {
        let size = size.next_multiple_of(ALIGN).max(ALIGN);
        match oldest {
            None => (size <= self.size).then_some(0),
            // In use is what is between.
            Some(oldest) if self.end > oldest => {
                if self.size - self.end >= size {
                    Some(self.end)
                } else {
                    (size < oldest).then_some(0)
                }
            }
            // A stretch never ends where the oldest one begins, so this is no full area.
            Some(oldest) => (oldest - self.end > size).then_some(self.end),
        }
    }

    /// The stretch that was found is in use.
    pub(super) fn take(&mut self, at: usize, size: usize) {
        self.end = at + size.next_multiple_of(ALIGN).max(ALIGN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn stretches_never_overlap() {
        let mut rng = ipc_testkit::Rng::seeded(7);
        let mut area = Area::new(4096);
        let mut used: VecDeque<(usize, usize)> = VecDeque::new();
        for _ in 0..100_000 {
            let size = rng.below(1500) as usize;
            match area.find(size, used.front().map(|(at, _)| *at)) {
                Some(at) => {
                    assert!(at + size <= 4096);
                    let apart = |&(from, to): &(usize, usize)| at + size <= from || to <= at;
                    assert!(used.iter().all(apart), "{at} {size} {used:?}");
                    area.take(at, size);
                    used.push_back((at, at + size.max(1)));
                }
                None => assert!(used.pop_front().is_some(), "no room for {size} in an empty area"),
            }
        }
    }
}
