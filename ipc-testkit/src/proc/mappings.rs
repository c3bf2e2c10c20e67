//! The mappings of this process that other processes can see.

use std::fs;

/// One mapping of shared memory, a line of `/proc/self/maps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedMapping {
    /// What is mapped, as the kernel names it, without the mark for a deleted file.
    pub name: String,
    /// The length of the mapping in bytes.
    pub size: u64,
}

/// Lists the mappings of this process that are shared, or that come from memory files even if private.
///
/// Heap, stacks and libraries are left out: they grow for reasons that are nobody's leak.
pub fn shared_mappings() -> Vec<SharedMapping> {
    fs::read_to_string("/proc/self/maps").unwrap_or_default().lines().filter_map(parse).collect()
}

/// Reads one line, `start-end perms offset dev inode name`, and keeps it if the mapping is one of ours to count.
fn parse(line: &str) -> Option<SharedMapping> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let is_shared = fields.next()?.ends_with('s');
    let name = fields.nth(3).unwrap_or_default().trim_start();
    if !is_shared && !name.starts_with("/memfd:") && !name.starts_with("/dev/shm/") {
        return None;
    }
    let size = u64::from_str_radix(end, 16).ok()? - u64::from_str_radix(start, 16).ok()?;
    Some(SharedMapping { name: name.trim_end_matches(" (deleted)").to_owned(), size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_memory_counts_and_the_heap_does_not() {
        let memfd = "7f00-8f00 rw-s 00000000 00:01 2049      /memfd:ring (deleted)";
        assert_eq!(parse(memfd), Some(SharedMapping { name: "/memfd:ring".to_owned(), size: 0x1000 }));
        assert_eq!(parse("7f00-8f00 rw-p 00000000 00:00 0      [heap]"), None);
        assert_eq!(parse("7f00-8f00 rw-p 00000000 00:00 0"), None);
        assert!(parse("7f00-8f00 r--p 00000000 00:01 7      /dev/shm/psm_1").is_some());
    }
}
