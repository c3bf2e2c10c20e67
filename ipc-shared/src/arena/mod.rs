//! Memory for many small things: a lock or a value has a cell of 64 bytes and no descriptor of its own.
//!
//! An [`Arena`] is a chain of *segments* for each size of cell; large things have a segment each. What is in a cell is
//! reached by an [`Object`], the handle on which every lock and value stands.
//!
//! | file | what it has |
//! | --- | --- |
//! | `layout` | where everything stands in a segment |
//! | `segment` | a segment that is mapped, and its words |
//! | `members` | who takes part, and who has ended |
//! | `cells` | which cell is free, and who holds the others |
//! | `world` | what one process knows, and what a fork makes of it |
//! | `object`, `overlay`, `shape` | a handle, what may lie in its payload, and what is there |
//! | `transfer` | handles in messages |

mod cells;
mod error;
mod layout;
mod members;
mod object;
mod overlay;
mod segment;
mod shape;
#[cfg(test)]
mod tests;
mod transfer;
mod world;

pub use error::AllocError;
pub use layout::N_SLOTS;
pub use members::slot_of;
pub use object::{Held, Object};
pub use overlay::Overlay;
pub use segment::Segment;
pub use shape::{Kind, Shape};

use cells::Place;
use layout::{Geometry, MAX_PAYLOAD, N_CLASSES};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use world::World;

/// To what the payload of a cell is aligned at least.
pub(crate) const PAYLOAD_ALIGN: usize = 16;

/// How many bytes the payload has of a thing that needs so many: those that its cell has anyway.
pub(crate) fn room_for(payload_size: usize) -> usize {
    Geometry::for_payload(payload_size).0.payload_size()
}

/// Memory from which locks, values and arrays are made.
///
/// There is one of the process, [`Arena::default()`], which every `new` uses; one has to be made only for separation:
/// whoever has a handle to one thing in an arena has the memory of its neighbours, too. A process that trusts another with
/// one lock and not with the rest makes that lock [in an arena of its own](crate::sync::Mutex::new_in).
///
/// An arena has a segment of some 2 MiB for each size of things that is in use, reserved in steps of 64 KiB as it fills, and
/// further ones when it is full: two descriptors each. A thing that is dropped by all processes that have it, or whose
/// last holder was killed, makes room for the next one. Something larger than 64 KiB has memory of its own. Clones are
/// the same arena.
///
/// # Other processes
///
/// An arena itself is not sent, only what is in it. A forked child goes on with the same one.
///
/// # Examples
///
/// ```
/// use ipc_shared::Arena;
/// use ipc_shared::sync::Mutex;
///
/// let for_strangers = Arena::new();
/// let lock = Mutex::new_in(&for_strangers, 0_u64)?;
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Arena {
    /// For each class, its segments; new things come from the last one. Locked by whoever has locked the world only.
    chains: Arc<Mutex<[Vec<Arc<Segment>>; N_CLASSES]>>,
}

impl Arena {
    /// An arena without memory yet.
    pub fn new() -> Arena {
        Arena { chains: Arc::default() }
    }

    /// How many things are in it that some living process, or message on its way, still holds. Large things, which have memory
    /// of their own, are not counted.
    ///
    /// Looks at every cell, and takes back what dead processes have left: for a look from outside, not for every round.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::{Arena, sync::Mutex};
    ///
    /// let arena = Arena::new();
    /// let lock = Mutex::new_in(&arena, ())?;
    /// let same = lock.clone();
    /// assert_eq!(arena.in_use(), 1);
    /// drop((lock, same));
    /// assert_eq!(arena.in_use(), 0);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn in_use(&self) -> usize {
        let world = world::lock();
        let chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        chains.iter().flatten().map(|segment| segment.in_use(&world)).sum()
    }

    /// A cell for a payload of so many bytes, in a segment of its own or with neighbours.
    fn allocate(&self, payload_size: usize) -> Result<(Arc<Segment>, Place), AllocError> {
        if payload_size > MAX_PAYLOAD {
            return Err(AllocError::TooLarge { size: payload_size });
        }
        world::notice_forks().map_err(|source| AllocError::system("notice forks", source))?;
        let mut world = world::lock();
        let (geometry, class) = Geometry::for_payload(payload_size);
        let Some(class) = class else { return allocate_in_new(&mut world, geometry) };
        let mut chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        let chain = &mut chains[class];
        if let Some(found) = allocate_in(&world, chain)? {
            return Ok(found);
        }
        // Only when a whole segment was used up: so what the search takes is shared by many allocations.
        if let Some(index) = chain.iter().position(|segment| segment.find_free(&world) >= worth_it(geometry))
        {
            let last = chain.len() - 1;
            chain.swap(index, last);
            if let Some(found) = allocate_in(&world, chain)? {
                return Ok(found);
            }
        }
        let (segment, place) = allocate_in_new(&mut world, geometry)?;
        chain.push(Arc::clone(&segment));
        Ok((segment, place))
    }
}

/// The arena of this process.
impl Default for Arena {
    fn default() -> Arena {
        static OWN: LazyLock<Arena> = LazyLock::new(Arena::new);
        OWN.clone()
    }
}

/// How many free cells make it worth while to go on with a segment instead of making a new one.
fn worth_it(geometry: Geometry) -> usize {
    geometry.n_cells().div_ceil(64) as usize
}

fn allocate_in(world: &World, chain: &[Arc<Segment>]) -> Result<Option<(Arc<Segment>, Place)>, AllocError> {
    let Some(segment) = chain.last() else { return Ok(None) };
    Ok(segment.allocate(world)?.map(|place| (Arc::clone(segment), place)))
}

/// A cell in a segment that has no other.
fn allocate_alone(payload_size: usize) -> Result<(Arc<Segment>, Place), AllocError> {
    if payload_size > MAX_PAYLOAD {
        return Err(AllocError::TooLarge { size: payload_size });
    }
    world::notice_forks().map_err(|source| AllocError::system("notice forks", source))?;
    allocate_in_new(&mut world::lock(), Geometry::alone(payload_size))
}

fn allocate_in_new(world: &mut World, geometry: Geometry) -> Result<(Arc<Segment>, Place), AllocError> {
    let segment = world.insert(Segment::create(geometry)?);
    let place = segment.allocate(world)?.ok_or(AllocError::TooManyProcesses)?;
    Ok((segment, place))
}
