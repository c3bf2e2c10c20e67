//! Every call to the operating system that the multiproc family makes: owned handles, mappings, waits, processes.
//!
//! The other crates of the family are ordinary Rust above this one. They never ask which system they run on;
//! this crate asks once for each subject and hands on types that mean the same everywhere.
//!
//! | subject | what it gives | Linux |
//! | --- | --- | --- |
//! | [`handle`] | owned and borrowed handles | file descriptors, always close-on-exec |
//! | [`clock`] | deadlines on the monotonic clock | `CLOCK_MONOTONIC` through std |
//! | [`memory`] | shared memory that cannot shrink under its users, and frozen bytes | `memfd_create`, `fallocate`, seals |
//! | [`claim`] | claims to numbers, given back by the death of whoever made them | open file description locks |
//! | [`named`] | shared memory that other programs open by its name | files in `/dev/shm`, linked when whole |
//! | [`futex`] | sleeping on a word in shared memory | `futex` without the private flag |
//! | [`socket`] | message sockets that carry handles | `AF_UNIX`, `SOCK_SEQPACKET`, `SCM_RIGHTS` |
//! | [`stream`] | byte streams with an address, handles beside them where local | `SOCK_STREAM`, `SO_PEERCRED` |
//! | [`rendezvous`] | names of local sockets in a private folder | socket files, `flock` |
//! | [`readiness`] | waiting for many handles at once | `ppoll` |
//! | [`doorbell`] | waking a thread that waits for handles | `eventfd` |
//! | [`alarm`] | a handle that becomes readable after some time | `timerfd` |
//! | [`process`] | children: start, wait, signal, status | `clone` with a pidfd, `waitid` |
//! | [`random`] | random bytes for secrets | `getrandom` |
//! | [`processors`] | how many processors there are | `/sys/devices/system/cpu/online` |
//! | [`liveness`] | learning of a death, and dying with the parent | pipe ends, `O_ASYNC` with `SIGKILL` |
//! | [`image`] | naming a function so that another process can find it | build ids, `dl_iterate_phdr` |
//! | [`load`] | running a function before `main` | `.init_array` |
//! | [`at_fork`] | running functions around every fork | `pthread_atfork` |
//! | [`family`] | the handles a forked child has to let go of | a set of descriptors, `dup3` |
//!
//! # The contract of a port
//!
//! Each subject folder holds a `mod.rs` with the public types and, above the choice of a platform, a list named
//! *What a port provides*: the functions that the platform file beside it has to define, and what each promises.
//! A port to another system is one more file in each folder and one more line in each `mod.rs`.
//!
//! # Examples
//!
//! Two processes would share this memory; here two mappings of one process do:
//!
//! ```
//! use ipc_sys::memory::SharedMapping;
//! use std::sync::atomic::Ordering;
//!
//! let here = SharedMapping::create(4096)?;
//! let there = SharedMapping::from_handle(here.duplicate_handle()?)?;
//! here.atomic_u64(0).store(7, Ordering::Release);
//! assert_eq!(there.atomic_u64(0).load(Ordering::Acquire), 7);
//! # Ok::<(), std::io::Error>(())
//! ```

#[cfg(not(target_os = "linux"))]
compile_error!(
    "multiproc runs on Linux so far; a port fills in the lists named `What a port provides` in the crate ipc-sys"
);

#[cfg(not(target_has_atomic = "64"))]
compile_error!("multiproc needs 64-bit atomics: its shared memory layouts are built on them");

#[cfg(target_endian = "big")]
compile_error!(
    "multiproc needs a little-endian machine: a futex is the low half of a word of 64 bits, and comes first"
);

pub mod alarm;
pub mod at_fork;
pub mod claim;
pub mod clock;
pub mod doorbell;
pub mod family;
pub mod futex;
pub mod handle;
pub mod image;
pub mod liveness;
pub mod load;
pub mod memory;
pub mod named;
pub mod process;
pub mod processors;
pub mod random;
pub mod readiness;
pub mod rendezvous;
pub mod socket;
pub mod stream;
