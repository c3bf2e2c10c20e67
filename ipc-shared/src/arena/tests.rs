//! Several participants of one segment in one process: each is a [`Segment`] of its own over the same memory, and dies when
//! it is dropped.

use super::cells::Place;
use super::layout::{Geometry, N_SLOTS};
use super::members::Seat;
use super::segment::Segment;
use super::world::{self, World};
use super::{AllocError, layout};
use crate::sync::raw::{Id, Peers};
use ipc_sys::handle::OwnedHandle;
use ipc_testkit::Rng;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::mpsc;

/// A segment with few cells, so that it is soon full.
fn first() -> Segment {
    Segment::create(Geometry::for_payload(32 << 10).0).expect("memory is left")
}

/// One more participant of the same segment.
fn join(segment: &Segment) -> Segment {
    Segment::open(&handle(segment)).expect("it is a segment")
}

fn handle(segment: &Segment) -> OwnedHandle {
    segment.new_claimant().expect("descriptors are left").into_handle()
}

fn allocate(world: &World, segment: &Segment) -> Place {
    let allocate = || segment.allocate(world).expect("memory is left");
    allocate()
        .or_else(|| {
            segment.find_free(world);
            allocate()
        })
        .expect("cells are left")
}

/// A message with one thing in it.
fn message(segment: &Segment, place: Place) -> Seat {
    let seat = segment.new_seat().expect("slots are left");
    assert!(segment.arrive(seat.slot(), place));
    seat
}

/// How many cells are free, or were never used.
fn n_free(world: &World, segment: &Segment) -> usize {
    let found = segment.find_free(world);
    found + (segment.geometry.n_cells() - segment.n_fresh().load(SeqCst)) as usize
}

#[test]
fn a_cell_that_is_let_go_begins_another_life() {
    let (world, segment) = (world::lock(), first());
    let one = allocate(&world, &segment);
    segment.release(&world, one.cell);
    let other = allocate(&world, &segment);
    assert_eq!((other.cell, other.generation), (one.cell, one.generation + 1));
}

#[test]
fn a_full_segment_says_so_and_has_room_again() {
    let (world, segment) = (world::lock(), first());
    let places: Vec<Place> =
        std::iter::from_fn(|| segment.allocate(&world).expect("memory is left")).collect();
    assert_eq!(places.len(), segment.geometry.n_cells() as usize);
    assert_eq!(n_free(&world, &segment), 0);
    places.iter().for_each(|place| segment.release(&world, place.cell));
    assert_eq!(n_free(&world, &segment), places.len());
}

#[test]
fn a_message_holds_what_is_in_it_until_it_is_received() {
    let (world, here) = (world::lock(), first());
    let there = join(&here);
    let place = allocate(&world, &here);
    let seat = message(&here, place);
    here.release(&world, place.cell);
    assert_eq!(n_free(&world, &here), 31);

    assert!(there.retain(&world, place));
    drop(seat);
    assert_eq!(n_free(&world, &here), 31);
    there.release(&world, place.cell);
    assert_eq!(n_free(&world, &here), 32);
}

#[test]
fn a_message_that_gets_lost_holds_nothing() {
    let (world, here) = (world::lock(), first());
    let place = allocate(&world, &here);
    let seat = message(&here, place);
    here.release(&world, place.cell);
    drop(seat);
    assert_eq!(n_free(&world, &here), 32);
    assert!(!here.retain(&world, place));
    assert_eq!(n_free(&world, &here), 32);
}

#[test]
fn what_a_dead_process_held_is_given_back() {
    let (world, here) = (world::lock(), first());
    let place = allocate(&world, &here);
    for round in 0..100 {
        let there = join(&here);
        let own = allocate(&world, &there);
        assert!(there.retain(&world, place));
        // Without letting go of anything.
        drop(there);
        // Every other one is cleaned up by the next who comes, not by a search.
        if round % 2 == 0 {
            assert_eq!(n_free(&world, &here), 31, "{own:?}");
        }
    }
    here.release(&world, place.cell);
    assert_eq!(n_free(&world, &here), 32);
}

#[test]
fn a_thing_of_another_life_is_refused() {
    let (world, here) = (world::lock(), first());
    let there = join(&here);
    let old = allocate(&world, &here);
    here.release(&world, old.cell);
    let new = allocate(&world, &here);
    assert_eq!(new.cell, old.cell);
    for wrong in [
        old,
        Place { generation: new.generation + 1, ..new },
        Place { cell: 32, ..new },
        Place { cell: u32::MAX, ..new },
    ] {
        assert!(!there.retain(&world, wrong), "{wrong:?}");
        assert!(!here.retain(&world, wrong), "{wrong:?}");
    }
    assert!(there.retain(&world, new));
    here.release(&world, new.cell);
    there.release(&world, new.cell);
    assert_eq!(n_free(&world, &here), 32);
}

#[test]
fn two_handles_of_one_process_are_one_claim() {
    let (world, here) = (world::lock(), first());
    let place = allocate(&world, &here);
    assert!(here.retain(&world, place));
    here.release(&world, place.cell);
    assert_eq!(n_free(&world, &here), 31);
    here.release(&world, place.cell);
    assert_eq!(n_free(&world, &here), 32);
}

/// Freed by one, taken by another, given back to the first: which still has the number of the cell among the free ones.
#[test]
fn a_number_in_the_list_of_free_cells_is_no_right_to_the_cell() {
    let (world, here) = (world::lock(), first());
    let there = join(&here);
    let place = allocate(&world, &here);
    here.release(&world, place.cell);
    assert_eq!(there.find_free(&world), 1);
    let theirs = allocate(&world, &there);
    assert_eq!(theirs.cell, place.cell);
    assert!(here.retain(&world, theirs));
    there.release(&world, theirs.cell);

    assert_ne!(allocate(&world, &here).cell, theirs.cell);
    assert!(here.retain(&world, theirs), "it is still held");
}

#[test]
fn a_name_is_alive_until_its_owner_has_ended() {
    let here = first();
    let me = here.me().expect("it has joined");
    assert!(!here.is_dead(me));
    let mut dead: Vec<Id> = Vec::new();
    for _ in 0..20 {
        let there = join(&here);
        let id = there.me().expect("it has joined");
        assert!(!here.is_dead(id) && !there.is_dead(me) && !there.is_dead(id));
        assert!(dead.iter().all(|&id| here.is_dead(id) && there.is_dead(id)));
        drop(there);
        assert!(here.is_dead(id));
        dead.push(id);
    }
    let distinct: std::collections::HashSet<_> = dead.iter().collect();
    assert_eq!(distinct.len(), dead.len());
}

#[test]
fn a_name_that_nobody_has_is_that_of_a_dead_process() {
    let here = first();
    let me = here.me().expect("it has joined").get();
    let n_slots = u64::from(N_SLOTS);
    for word in [1, me + 1, me + n_slots, n_slots - 1, (1 << Id::BITS) - 1, 7 * n_slots] {
        assert!(here.is_dead(Id::new(word).expect("a name")), "{word}");
    }
}

/// Somebody who comes stands still between two of its steps: the one whose slot it takes is dead all the while.
#[test]
fn the_former_owner_of_a_slot_is_dead_while_the_next_one_comes() {
    let here = first();
    let there = join(&here);
    let id = there.me().expect("it has joined");
    drop(there);
    let next = here.new_claimant().expect("descriptors are left");
    let seat = (1_u64 << 48) + 4;
    for byte in [seat, seat + 1 + (id.get() >> 12 & 1 ^ 1)] {
        assert!(next.try_claim(byte).expect("it can be asked"));
        assert!(here.is_dead(id), "{byte}");
    }
}

#[test]
fn memory_of_another_kind_is_refused() {
    let here = first();
    let refused = |segment: &Segment| Segment::open(&handle(segment)).expect_err("a stranger").to_string();
    let memory = ipc_sys::memory::SharedMapping::create(1 << 20).expect("memory is left");
    let stranger = memory.duplicate_handle().expect("descriptors are left");
    assert!(Segment::open(&stranger).expect_err("zeros").to_string().contains("no segment"));
    for (offset, text) in [
        (layout::MAGIC_AT, "no segment"),
        (layout::VERSION_AT, "layout version 0x2 instead of 0x1"),
        (layout::FINGERPRINT_AT, "layout fingerprint"),
        (layout::CELL_SIZE_AT, "damaged"),
        (layout::N_CELLS_AT, "damaged"),
    ] {
        let word = here.header_word(offset);
        let former = word.fetch_add(1, SeqCst);
        assert!(refused(&here).contains(text), "{}", refused(&here));
        word.store(former, SeqCst);
    }
    join(&here);
}

/// Whatever stands in a segment: a call is an error, or does something, and ends.
#[test]
fn a_segment_full_of_nonsense_does_no_harm() {
    let (world, mut rng) = (world::lock(), Rng::from_env());
    for _ in 0..40 {
        let here = first();
        let n_cells = u64::from(here.geometry.n_cells());
        let own = allocate(&world, &here);
        for cell in 0..4 {
            here.state(cell).store(rng.next_u64(), Relaxed);
        }
        for slot in 0..2 {
            here.claim(slot, 0).0.store(rng.next_u64(), Relaxed);
            here.generation(slot).store(rng.next_u64() >> (rng.below(64)), Relaxed);
        }
        let numbers = [here.n_fresh(), here.n_slots_used()];
        numbers.iter().for_each(|number| number.store(rng.next_u64() as u32 >> rng.below(32), Relaxed));
        for _ in 0..20 {
            let place = Place { cell: rng.below(2 * n_cells) as u32, generation: rng.below(3) as u32 };
            match rng.below(4) {
                0 => drop(here.find_free(&world)),
                1 => assert!(!matches!(here.allocate(&world), Err(AllocError::Forked))),
                2 if here.retain(&world, place) => here.release(&world, place.cell),
                _ => drop(Segment::open(&handle(&here))),
            }
        }
        here.release(&world, own.cell);
    }
}

/// Cells change hands between participants, by messages, while others free and allocate: nobody ever has a cell that
/// somebody else has got, too.
#[test]
fn no_cell_is_given_to_two() {
    const ROUNDS: u64 = 500;
    let here = first();
    // Each participant does its own bookkeeping, as processes do: the lock of this process is not theirs.
    std::thread::scope(|scope| {
        for n in 0..2_u64 {
            let (near, far) = (join(&here), join(&here));
            let (send, received) = mpsc::sync_channel::<(Place, Seat)>(4);
            scope.spawn(move || {
                let world = World::default();
                for round in 0..ROUNDS {
                    let place = allocate(&world, &near);
                    near.shape(place.cell).store(n << 32 | round, SeqCst);
                    let seat = message(&near, place);
                    near.release(&world, place.cell);
                    send.send((place, seat)).expect("the other side listens");
                }
            });
            scope.spawn(move || {
                let world = World::default();
                for round in 0..ROUNDS {
                    let (place, seat) = received.recv().expect("the other side sends");
                    assert!(far.retain(&world, place));
                    drop(seat);
                    std::thread::yield_now();
                    assert_eq!(far.shape(place.cell).load(SeqCst), n << 32 | round);
                    far.release(&world, place.cell);
                }
            });
        }
    });
    assert_eq!(n_free(&world::lock(), &here), 32);
}
