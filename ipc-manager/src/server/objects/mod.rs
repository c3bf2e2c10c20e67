//! The kinds of objects.

mod barrier;
mod change;
mod condition;
mod event;
mod items;
mod lock;
mod number;
mod pool;
mod queue;
mod semaphore;
mod state;
mod table;

pub(super) use change::job as change_job;
pub(crate) use number::NumberType;
pub(crate) use pool::{PoolReply, PoolTask};

use super::registry::Maker;
use super::turn::{Object, Turn};
use crate::error::Failure;
use crate::wire::{Kind, Reader};

/// Makes an object from the arguments of its creation.
pub(super) fn create(
    kind: Kind,
    args: &mut Reader<'_>,
    turn: &mut Turn<'_>,
) -> Result<Box<dyn Object>, Failure> {
    Ok(match kind {
        Kind::List | Kind::Array | Kind::Value => Box::new(items::Items::create(kind, args, turn)?),
        Kind::Dict | Kind::Set | Kind::Namespace => Box::new(table::Table::create(kind, args, turn)?),
        Kind::Queue | Kind::JoinableQueue => Box::new(queue::Queue::create(kind, args)?),
        Kind::Lock | Kind::ReentrantLock => Box::new(lock::Lock::create(kind)),
        Kind::Semaphore | Kind::BoundedSemaphore => Box::new(semaphore::Semaphore::create(kind, args)?),
        Kind::Condition => Box::new(condition::Condition::default()),
        Kind::Event => Box::new(event::Event::default()),
        Kind::Barrier => Box::new(barrier::Barrier::create(args)?),
        Kind::Pool => Box::new(pool::Pool::create(args)?),
        Kind::Manager | Kind::Outcome | Kind::Object => return Err(Failure::Malformed),
    })
}

/// A value of a type of the user, which is made when it is first called.
pub(super) fn of_user(make: Maker, args: &[u8]) -> Box<dyn Object> {
    Box::new(state::State::new(make, args))
}
