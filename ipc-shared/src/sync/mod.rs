//! Locks between processes that survive their owners.

#[allow(dead_code)]
pub(crate) mod raw;
