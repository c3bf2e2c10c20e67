//! How many processors the machine has.

use std::sync::OnceLock;
use std::thread::available_parallelism;

/// How many processors can run something at the same time, whichever of them this process may use.
///
/// For whoever looks at a word that another process is to change: a process that is bound to one processor has company, if the
/// machine has a second one. How many this process may use is told by [`available_parallelism`].
///
/// # Examples
///
/// ```
/// assert!(ipc_sys::processors::online() >= 1);
/// ```
///
/// # Platform
///
/// Linux: `/sys/devices/system/cpu/online`, read once; where that is not to be had, what this process may use.
pub fn online() -> usize {
    static ONLINE: OnceLock<usize> = OnceLock::new();
    *ONLINE.get_or_init(|| {
        let listed = std::fs::read_to_string("/sys/devices/system/cpu/online").ok();
        listed
            .and_then(|list| count(list.trim()))
            .unwrap_or_else(|| available_parallelism().map_or(1, usize::from))
    })
}

/// How many numbers a list of numbers and ranges has, such as `0-3,5`.
fn count(list: &str) -> Option<usize> {
    let sizes = list.split(',').map(|part| match part.split_once('-') {
        Some((first, last)) => {
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            last.checked_sub(first)?.checked_add(1)
        }
        None => part.parse::<usize>().ok().map(|_| 1),
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn lists_are_counted() {
        for (list, expected) in
            [("0", Some(1)), ("0-1", Some(2)), ("0-3,5,8-9", Some(7)), ("", None), ("3-1", None)]
        {
            assert_eq!(count(list), expected, "{list}");
        }
    }
}
