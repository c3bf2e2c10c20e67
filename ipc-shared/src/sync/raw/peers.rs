//! Who takes part: the names that stand in shared words, and the question whether their owner still lives.

use std::num::NonZeroU64;

/// The name of a process in a segment: its slot and the slot's generation, so that no two processes ever share one.
///
/// Every word that says "mine" holds one. It is less than 2^60 and never zero, so that a word has room for four bits beside it; what else another process has written in its
/// place is the name of nobody, who is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(NonZeroU64);

impl Id {
    /// How many bits a name has.
    pub const BITS: u32 = 60;

    /// The name that a word holds, if it holds one.
    #[inline]
    pub fn new(word: u64) -> Option<Id> {
        if word >> Id::BITS != 0 { None } else { NonZeroU64::new(word).map(Id) }
    }

    /// The word that holds the name.
    #[inline]
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

/// What a lock has to know of the processes that share it.
pub trait Peers {
    /// The name of this process, or nothing in a forked child that could not get one.
    ///
    /// It changes in a forked child, so that nothing of the parent's looks like the child's own.
    fn me(&self) -> Option<Id>;

    /// Whether the owner of the name has ended. Asks the kernel, so it takes a while; a process that was stopped is alive.
    ///
    /// Once true, it stays true. A name that nobody has is that of a dead process.
    fn is_dead(&self, id: Id) -> bool;
}
