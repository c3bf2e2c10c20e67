//! Small readers of `/proc`, the only place of the kit that knows its file formats.
//!
//! A process may end between two reads. Every reader therefore answers "nothing" (`None`, an empty list) for a process
//! that is gone, and never fails because of it.

mod describe;
mod descriptors;
mod environ;
mod mappings;
mod memory;
mod processes;
mod run_delay;
mod stat;
mod tasks;
mod users;

pub use describe::describe;
pub use descriptors::descriptors;
pub use environ::has_variable;
pub use mappings::{SharedMapping, shared_mappings};
pub use memory::rss_kib;
pub use processes::{children, own_pid, pids};
pub use run_delay::run_delay;
pub use stat::{Stat, stat};
pub use tasks::{Task, tasks};
pub use users::users;
