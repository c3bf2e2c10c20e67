//! What one process knows of its segments, under one lock, and what a fork makes of it.
//!
//! A fork copies the memory of the process, and with it every handle. The child therefore needs a seat of its own in every
//! segment, and in it the parent's claims, before either of the two can let go of anything. Both are made before the
//! fork, by the parent: there is no moment at which the child holds something without a claim.

use super::members::Seat;
use super::segment::Segment;
use ipc_sys::memory::ObjectId;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

/// The segments of this process.
#[derive(Debug, Default)]
pub(super) struct World {
    segments: Option<HashMap<ObjectId, Weak<Segment>>>,
}

static WORLD: Mutex<World> = Mutex::new(World { segments: None });

/// Locks what this process knows. Forks of the C library wait for it, so nothing is half done in a child.
pub(super) fn lock() -> MutexGuard<'static, World> {
    // A panic in between leaves a claim too many at worst, which ends with the process.
    WORLD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sees to it that forks are noticed. To be called before the first segment.
pub(super) fn notice_forks() -> io::Result<()> {
    static NOTICED: OnceLock<()> = OnceLock::new();
    if NOTICED.get().is_none() {
        let _world = lock();
        if NOTICED.get().is_none() {
            ipc_sys::at_fork::register(before_fork, after_fork_in_parent, after_fork_in_child)?;
            let _ = NOTICED.set(());
        }
    }
    Ok(())
}

impl World {
    /// The segment in this memory, if this process takes part in it.
    pub(super) fn find(&self, id: ObjectId) -> Option<Arc<Segment>> {
        self.segments.as_ref()?.get(&id)?.upgrade()
    }

    pub(super) fn insert(&mut self, segment: Segment) -> Arc<Segment> {
        let segment = Arc::new(segment);
        let segments = self.segments.get_or_insert_default();
        // Those that are gone make room when there are as many of them as of the others.
        if segments.len() == segments.capacity() {
            segments.retain(|_, segment| segment.strong_count() > 0);
        }
        segments.insert(segment.id(), Arc::downgrade(&segment));
        segment
    }

    fn segments(&self) -> impl Iterator<Item = Arc<Segment>> {
        self.segments.iter().flat_map(HashMap::values).filter_map(Weak::upgrade)
    }
}

/// What one process alone knows of one segment.
#[derive(Debug)]
pub(super) struct Local {
    /// For each cell, how many handles this process has.
    counts: Vec<u32>,
    /// How many of these are bound: see [`Object::bind`](super::Object).
    bonds: HashMap<u32, u32>,
    /// Cells that were free when somebody looked.
    pub(super) free: Vec<u32>,
}

impl Local {
    pub(super) fn new(n_cells: u32) -> Local {
        Local { counts: vec![0; n_cells as usize], bonds: HashMap::new(), free: Vec::new() }
    }

    pub(super) fn is_held(&self, cell: u32) -> bool {
        self.counts[cell as usize] > 0
    }

    /// One more handle is bound.
    pub(super) fn bind(&mut self, cell: u32) {
        *self.bonds.entry(cell).or_default() += 1;
    }

    /// One less; whether that was the last.
    pub(super) fn unbind(&mut self, cell: u32) -> bool {
        let Some(count) = self.bonds.get_mut(&cell) else { return false };
        *count -= 1;
        let is_last = *count == 0;
        if is_last {
            self.bonds.remove(&cell);
        }
        is_last
    }

    /// Forgets what the parent of this process had bound.
    pub(super) fn become_child(&mut self) {
        self.bonds.clear();
    }

    pub(super) fn retain(&mut self, cell: u32) {
        self.counts[cell as usize] += 1;
    }

    /// Whether that was the last handle.
    pub(super) fn release(&mut self, cell: u32) -> bool {
        let count = &mut self.counts[cell as usize];
        *count -= 1;
        *count == 0
    }
}

/// A fork in progress: nothing may change until it is over, and each child needs its seats.
struct Forking {
    world: MutexGuard<'static, World>,
    seats: Vec<(Arc<Segment>, Option<Seat>)>,
}

thread_local! {
    static FORKING: RefCell<Option<Forking>> = const { RefCell::new(None) };
}

fn before_fork() {
    let world = lock();
    let seats =
        world.segments().map(|segment| (Arc::clone(&segment), seat_for_child(&world, &segment))).collect();
    FORKING.with_borrow_mut(|forking| *forking = Some(Forking { world, seats }));
}

/// Without a seat the child can use nothing of the segment, and says so.
fn seat_for_child(world: &World, segment: &Segment) -> Option<Seat> {
    let seat = segment.new_seat().ok()?;
    segment.arrive_everywhere(world, seat.slot());
    Some(seat)
}

fn after_fork_in_parent() {
    if let Some(Forking { world, seats }) = FORKING.take() {
        drop(world);
        // The descriptions stay open in the child alone.
        drop(seats);
    }
}

fn after_fork_in_child() {
    if let Some(Forking { world, seats }) = FORKING.take() {
        for (segment, seat) in &seats {
            segment.become_child(seat.as_ref());
        }
        drop(world);
        drop(seats);
    }
}
