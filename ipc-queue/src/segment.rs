//! The segment of a queue: mapped memory, its layout and its lock, with a name for each shared word.
//!
//! # Safety
//!
//! The lock is a C object in the memory. A [`Segment`] keeps these invariants:
//!
//! 1. The bytes at `LOCK_AT` were made a lock by [`Segment::create`], in this process or in the one that the memory
//!    came from; [`Segment::open`] looks for the header that `create` writes after the lock.
//! 2. Nothing in this crate writes to these bytes.
//!
//! A process that was handed the memory could scribble over the lock on purpose; whoever hands a queue to a process
//! trusts it that far, as the crate page says.
#![allow(unsafe_code)]

use crate::error::{CreateError, OpenError};
use crate::layout::{CLOSED_AT, HEAD_AT, LOCK_AT, Layout, NOT_EMPTY_AT, NOT_FULL_AT, TAIL_AT};
use crate::ring::Locked;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use ipc_sys::memory::SharedMapping;
use ipc_sys::robust::RobustLock;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// The shared memory of one queue, mapped into this process.
#[derive(Debug)]
pub(crate) struct Segment {
    memory: SharedMapping,
    layout: Layout,
}

impl Segment {
    /// Makes the memory of a new, empty queue.
    pub(crate) fn create(layout: Layout, item_type: u64) -> Result<Segment, CreateError> {
        let memory = SharedMapping::create(layout.total_size()).map_err(CreateError::Memory)?;
        // SAFETY: the memory is new and known to nobody else; invariant 2 for the time after.
        unsafe { RobustLock::create(&memory, LOCK_AT) }.map_err(CreateError::Lock)?;
        // All counters begin at zero, which new memory holds already.
        layout.write_header(&memory, item_type);
        Ok(Segment { memory, layout })
    }

    /// Maps the memory of a queue that another process made.
    pub(crate) fn open(handle: OwnedHandle, item_type: u64) -> Result<Segment, OpenError> {
        let memory = SharedMapping::from_handle(handle).map_err(OpenError::Memory)?;
        let layout = Layout::read_header(&memory, item_type)?;
        Ok(Segment { memory, layout })
    }

    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    pub(crate) fn memory(&self) -> &SharedMapping {
        &self.memory
    }

    /// Takes the lock; `None` when the deadline passed first.
    ///
    /// That the owner before died inside needs no repair: see the table in [`ring`](crate::ring).
    pub(crate) fn lock(&self, deadline: Deadline) -> io::Result<Option<Locked<'_>>> {
        // SAFETY: invariant 1.
        let lock = unsafe { RobustLock::open(&self.memory, LOCK_AT) };
        Ok(lock.lock(deadline)?.map(|guard| Locked::new(self, guard)))
    }

    /// How many items were ever put.
    pub(crate) fn tail(&self) -> &AtomicU64 {
        self.memory.atomic_u64(TAIL_AT)
    }

    /// How many items were ever taken.
    pub(crate) fn head(&self) -> &AtomicU64 {
        self.memory.atomic_u64(HEAD_AT)
    }

    /// Not 0 once the queue is closed.
    pub(crate) fn closed(&self) -> &AtomicU32 {
        self.memory.atomic_u32(CLOSED_AT)
    }

    /// Changes after every put; getters sleep on it.
    pub(crate) fn not_empty(&self) -> &AtomicU32 {
        self.memory.atomic_u32(NOT_EMPTY_AT)
    }

    /// Changes after every get; putters sleep on it.
    pub(crate) fn not_full(&self) -> &AtomicU32 {
        self.memory.atomic_u32(NOT_FULL_AT)
    }
}

impl AsHandle for Segment {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.memory.handle()
    }
}
