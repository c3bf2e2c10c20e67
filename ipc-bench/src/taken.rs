//! What a process holds of the system: descriptors, and the memory behind them.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

/// A block of a file, as the kernel counts them for `st_blocks`.
const BLOCK: u64 = 512;

/// What this process has open, and how much memory is behind it.
pub(crate) struct Taken {
    pub(crate) descriptors: u64,
    pub(crate) bytes: u64,
}

impl Taken {
    pub(crate) fn now() -> io::Result<Taken> {
        let mut descriptors = 0;
        let mut objects = HashMap::new();
        for entry in fs::read_dir("/proc/self/fd")? {
            let metadata = fs::metadata(entry?.path())?;
            descriptors += 1;
            objects.insert((metadata.dev(), metadata.ino()), metadata.blocks() * BLOCK);
        }
        Ok(Taken { descriptors, bytes: objects.values().sum() })
    }
}
