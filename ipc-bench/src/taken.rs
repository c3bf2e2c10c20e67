//! What processes take of the system: descriptors, the memory behind them, and processor time.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

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

/// The processor time of all threads of these processes until now.
pub(crate) fn processor_time(pids: &[u32]) -> Result<Duration, Box<dyn Error>> {
    let mut used = Duration::ZERO;
    for pid in pids {
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            let nanoseconds = text.split_whitespace().next().ok_or("no time in schedstat")?;
            used += Duration::from_nanos(nanoseconds.parse()?);
        }
    }
    Ok(used)
}
