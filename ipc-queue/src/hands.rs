//! Whose hands the tasks of a joinable queue are in.
//!
//! Each process has a hand: its name, and how many tasks it has taken and not finished. So the tasks of a process that has
//! ended are known by its name, and no count has to be set right after it.
//!
//! | step | a survivor finds |
//! | --- | --- |
//! | take 1. the hand has one more, under the lock of the gets | the hand of a dead process, which counts for nothing; the item is in the queue |
//! | take 2. the item is taken | the hand of a dead process: the task is lost |
//! | finish 1. the hand has one less | a task that is lost: nobody knows that it was done |
//! | finish 2. one more was done | as if it had lived on; who joins looks again after a while |
//!
//! All is done when the queue is empty and no living process has a task in hand. Who looks first sees that no item was put or
//! taken while it went over the hands: without takes no hand gets more, so hands that were found empty one after the other
//! are empty together.

use crate::memory::Memory;
use crate::raw_queue::{Forked, RawQueue};
use ipc_shared::internals::{Id, Patience, Peers, slot_of};
use ipc_sys::clock::Deadline;
use ipc_sys::futex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

impl RawQueue {
    /// Counts tasks that this process is about to take. For who has the lock of the gets.
    #[inline]
    pub(crate) fn take_in_hand(&self, count: u32) {
        if self.is_joinable() {
            self.take_in_hand_cold(count);
        }
    }

    #[cold]
    fn take_in_hand_cold(&self, count: u32) {
        let Some(me) = self.peers().me() else { return };
        let (name, in_hand) = hand(self.memory(), me);
        if name.load(Relaxed) != me.get() {
            // The former owner of the slot has ended. Its name goes last, so that what it had never looks like this one's.
            in_hand.store(0, Relaxed);
            name.store(me.get(), Release);
        }
        in_hand.fetch_add(u64::from(count), AcqRel);
    }

    /// One task of this process is done; false if it has none in hand.
    pub(crate) fn finish_task(&self) -> Result<bool, Forked> {
        let me = self.peers().me().ok_or(Forked)?;
        let (name, in_hand) = hand(self.memory(), me);
        let less = |count: u64| count.checked_sub(1);
        if name.load(Acquire) != me.get() || in_hand.fetch_update(AcqRel, Relaxed, less).is_err() {
            return Ok(false);
        }
        let gets = self.ring().gets();
        gets.n_done.fetch_add(1, AcqRel);
        if self.unfinished() == Some(0) {
            gets.all_done.fetch_add(1, Release);
            futex::wake_all(&gets.all_done);
        }
        Ok(true)
    }

    /// Waits until all is done, and tells how many tasks are lost; nothing when the deadline passed first.
    pub(crate) fn join(&self, deadline: Deadline) -> Result<Option<u64>, Forked> {
        self.peers().me().ok_or(Forked)?;
        let gets = self.ring().gets();
        let mut patience = Patience::default();
        loop {
            let heard = gets.all_done.load(Acquire);
            match self.unfinished() {
                Some(0) => return Ok(Some(self.lost())),
                _ if deadline.is_over() => return Ok(None),
                Some(_) => futex::wait(&gets.all_done, heard, deadline),
                None => patience.turn(),
            }
        }
    }

    /// How many tasks are in the queue and in the hands of the living; nothing if items were put or taken meanwhile.
    pub(crate) fn unfinished(&self) -> Option<u64> {
        let ring = self.ring();
        let (put, taken) = ring.counts();
        let in_hands = self.in_hands();
        (ring.counts() == (put, taken)).then(|| in_hands.saturating_add(put.wrapping_sub(taken).into()))
    }

    /// How many tasks were taken by processes that have ended since, without being done. While others take and finish tasks it
    /// is a guess.
    pub(crate) fn lost(&self) -> u64 {
        let (_, taken) = self.ring().counts();
        let done = self.ring().gets().n_done.load(Acquire);
        u64::from(taken.wrapping_sub(done as u32).wrapping_sub(self.in_hands() as u32))
    }

    fn in_hands(&self) -> u64 {
        let me = self.peers().me().map_or(0, Id::get);
        let hands = self.memory().hands().chunks_exact(2);
        // They can hold anything, if somebody has scribbled over them.
        hands.filter_map(|hand| self.in_living_hand(&hand[0], &hand[1], me)).fold(0, u64::saturating_add)
    }

    fn in_living_hand(&self, name: &AtomicU64, in_hand: &AtomicU64, me: u64) -> Option<u64> {
        let count = in_hand.load(Acquire);
        let owner = Id::new(name.load(Acquire)).filter(|_| count > 0)?;
        (owner.get() == me || !self.peers().is_dead(owner)).then_some(count)
    }
}

fn hand(memory: &Memory, me: Id) -> (&AtomicU64, &AtomicU64) {
    let hands = memory.hands();
    let at = 2 * slot_of(me) as usize;
    (&hands[at], &hands[at + 1])
}
