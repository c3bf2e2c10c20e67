//! Owned and borrowed handles: what the platform calls a file descriptor or a `HANDLE`.
//!
//! The family's other crates use these names, so that none of them asks which system it runs on.

pub use std::os::fd::{AsFd as AsHandle, BorrowedFd as BorrowedHandle, OwnedFd as OwnedHandle};
