//! What workers did, from a log that no kill can break, and whether a queue can have answered so.
//!
//! # The log
//!
//! A [`Log`] lies in memory that the workers have in common. Each notes what it calls, and what it was told; who is killed
//! leaves a call without an answer. What a record costs, two readings of the clock and two fences a call, is some 100 ns.
//! The fences are necessary, as a processor keeps its stores to itself for a while after it has read the clock. They may
//! hide that a queue lacks one of its own, so that is looked for by other tests.
//!
//! ```
//! use ipc_testkit::history::{Fifo, Log, Op, Outcome};
//! use std::collections::VecDeque;
//! use std::sync::Mutex;
//!
//! let queue = Mutex::new(VecDeque::new());
//! let log = Log::create(2, 100);
//! std::thread::scope(|scope| {
//!     scope.spawn(|| {
//!         let mut writer = log.writer(0);
//!         for value in 0..100 {
//!             let call = writer.call(Op::Put(value));
//!             queue.lock().unwrap().push_back(value);
//!             call.ret(Outcome::Done);
//!         }
//!     });
//!     scope.spawn(|| {
//!         let mut writer = log.writer(1);
//!         while writer.room() > 0 {
//!             let call = writer.call(Op::Get);
//!             let value = queue.lock().unwrap().pop_front();
//!             call.ret(value.map_or(Outcome::Empty, Outcome::Got));
//!         }
//!     });
//! });
//! let passed = Fifo::unbounded().check(&log.history()).unwrap_or_else(|violation| panic!("{violation}"));
//! assert_eq!(passed.got + passed.left, 100);
//! ```
//!
//! # The judge
//!
//! [`Fifo`] holds a history against a queue: each call must have had its effect at one instant between its beginning and
//! its end, so that the effects in their order are those of a queue. That is linearizability; for calls that were cut short
//! by a death it is its strict form, in which they have an effect before the death or never. An item may be lost only by a
//! call to get that was cut short. What is wrong is shown by the few calls that cannot be true together.
//!
//! ```
//! use ipc_testkit::history::{Fifo, History, Op, Outcome, Rule};
//!
//! let mut history = History::new();
//! history.push(0, Op::Put(1), 0, 10, Outcome::Done);
//! history.push(0, Op::Put(2), 20, 30, Outcome::Done);
//! history.push(1, Op::Get, 40, 50, Outcome::Got(2));
//! history.push(1, Op::Get, 60, 70, Outcome::Got(1));
//! let violation = Fifo::unbounded().check(&history).unwrap_err();
//! assert_eq!(violation.rule, Rule::Order);
//! assert_eq!(
//!     violation.to_string(),
//!     "order: 1 was put before 2, and got after it\n  \
//!      worker 0 from 0 to 10: put 1, done\n  \
//!      worker 0 from 20 to 30: put 2, done\n  \
//!      worker 1 from 40 to 50: get, got 2\n  \
//!      worker 1 from 60 to 70: get, got 1\n"
//! );
//! ```
//!
//! That nothing is left in a queue which was filled is told by a worker that has found it empty: let somebody drain the
//! queue in the end, and note the last [`Outcome::Empty`].

mod atom;
mod fifo;
mod log;
mod operation;
mod record;
mod violation;
mod whole;

pub use fifo::{Fifo, Passed};
pub use log::{Call, Log, Writer};
pub use operation::{Op, Operation, Outcome};
pub use violation::{Rule, Violation};
pub use whole::History;
