//! Whose hands the tasks of a joinable queue are in.
//!
//! Each process has a hand: its name, and how many tasks it has taken and not finished. So the tasks of a process that has
//! ended are known by its name, and no count has to be set right after it.
//!
//! | step | a survivor finds |
//! | --- | --- |
//! | take 1. the hand has one more, under the lock of the gets | the hand of a dead process, which counts for nothing; the item is in the queue |
//! | take 2. the item is taken | the hand of a dead process: the task is lost |
//! | finish 1. the hand has one less, and one that is being counted | a task that is lost: nobody knows that it was done |
//! | finish 2. one more was done | as if it had lived on; who joins looks again after a while |
//! | finish 3. the hand has none that is being counted | the same |
//!
//! All is done when the queue is empty and no living process has a task in hand, or one that is being counted. Who looks sees
//! first that no item was put or taken while it went over the hands: without takes no hand gets more, so hands that were found
//! empty one after the other are empty together. And a hand that is empty has counted what it has done, so what was taken by
//! then and not counted is lost.

use crate::memory::Memory;
use crate::raw_queue::{Forked, RawQueue};
use ipc_shared::internals::{Id, Patience, Peers, slot_of};
use ipc_sys::clock::Deadline;
use ipc_sys::futex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// One task that is being counted, in the word of a hand. The lower bits are the tasks in hand.
const COUNTED: u64 = 1 << 32;

/// What became of the tasks.
#[derive(Clone, Copy, Debug)]
struct Tally {
    /// Tasks in the queue and in the hands of the living.
    unfinished: u64,
    /// Tasks that nobody has done or will do; right if none is unfinished.
    lost: u32,
}

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
        // Others can have written any number there.
        let begin = |hand: u64| (hand % COUNTED > 0).then(|| (hand - 1).wrapping_add(COUNTED));
        if name.load(Acquire) != me.get() || in_hand.fetch_update(AcqRel, Relaxed, begin).is_err() {
            return Ok(false);
        }
        self.ring().gets().n_done.fetch_add(1, AcqRel);
        in_hand.fetch_sub(COUNTED, AcqRel);
        self.tell_if_all_done();
        Ok(true)
    }

    /// Tasks that this process has taken are lost, since it could not make out what they were.
    #[cold]
    pub(crate) fn lose_tasks(&self, count: usize) {
        let Some(me) = self.peers().me().filter(|_| self.is_joinable()) else { return };
        let (_, in_hand) = hand(self.memory(), me);
        // If another thread has said of too many that they are done, there are fewer.
        let less = |hand: u64| Some(hand - (hand % COUNTED).min(count as u64));
        let _ = in_hand.fetch_update(AcqRel, Relaxed, less);
        self.tell_if_all_done();
    }

    /// Waits until all is done, and tells how many tasks are lost; nothing when the deadline passed first.
    pub(crate) fn join(&self, deadline: Deadline) -> Result<Option<u64>, Forked> {
        self.peers().me().ok_or(Forked)?;
        let gets = self.ring().gets();
        let mut patience = Patience::default();
        loop {
            let heard = gets.all_done.load(Acquire);
            patience.turn();
            match self.tally() {
                Some(Tally { unfinished: 0, lost }) => return Ok(Some(u64::from(lost))),
                _ if deadline.is_over() => return Ok(None),
                Some(_) => futex::wait(&gets.all_done, heard, deadline),
                None => {}
            }
        }
    }

    fn tell_if_all_done(&self) {
        let (put, taken) = self.ring().counts();
        if put == taken && self.tally().is_some_and(|tally| tally.unfinished == 0) {
            let gets = self.ring().gets();
            gets.all_done.fetch_add(1, Release);
            futex::wake_all(&gets.all_done);
        }
    }

    /// Goes over the hands; nothing if items were put or taken meanwhile.
    fn tally(&self) -> Option<Tally> {
        let ring = self.ring();
        let (put, taken) = ring.counts();
        let in_hands = self.in_hands();
        // After the hands: what an empty one has done is counted.
        let done = ring.gets().n_done.load(Acquire);
        (ring.counts() == (put, taken)).then(|| Tally {
            unfinished: in_hands.saturating_add(put.wrapping_sub(taken).into()),
            lost: taken.wrapping_sub(done as u32),
        })
    }

    /// How many tasks the living have in hand, or are being counted.
    fn in_hands(&self) -> u64 {
        let me = self.peers().me().map_or(0, Id::get);
        let hands = self.memory().hands().chunks_exact(2).take(self.peers().n_slots() as usize);
        // They can hold anything, if somebody has scribbled over them.
        hands.filter_map(|hand| self.in_living_hand(&hand[0], &hand[1], me)).fold(0, u64::saturating_add)
    }

    fn in_living_hand(&self, name: &AtomicU64, in_hand: &AtomicU64, me: u64) -> Option<u64> {
        let count = in_hand.load(Acquire);
        let owner = Id::new(name.load(Acquire)).filter(|_| count > 0)?;
        let n_tasks = count % COUNTED + count / COUNTED;
        (owner.get() == me || !self.peers().is_dead(owner)).then_some(n_tasks)
    }
}

fn hand(memory: &Memory, me: Id) -> (&AtomicU64, &AtomicU64) {
    let hands = memory.hands();
    let at = 2 * slot_of(me) as usize;
    (&hands[at], &hands[at + 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JoinableQueue;

    /// Somebody has scribbled over the hands.
    #[test]
    fn a_hand_with_any_number_in_it_is_no_panic() {
        let tasks = JoinableQueue::bounded(1).expect("there is memory");
        tasks.put(1).expect("there is room");
        tasks.get().expect("there is one");
        tasks.raw().memory().hands().iter().skip(1).step_by(2).for_each(|hand| hand.store(u64::MAX, Relaxed));
        tasks.task_done().expect("it has very many in hand");
        tasks.raw().lose_tasks(usize::MAX);
        let _ = tasks.join_timeout(std::time::Duration::ZERO);
    }
}
