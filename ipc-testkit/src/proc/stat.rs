//! The line `/proc/PID/stat`, as far as the kit needs it.

use std::fs;

/// What a process is called and what it is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The short name of the process, 15 bytes at most.
    pub name: String,
    /// The state letter of the kernel: `R` running, `S` sleeping, `D` waiting for a device, `T` stopped, `Z` zombie.
    pub state: char,
    /// The id of the parent.
    pub parent: i32,
    /// The id of the process group.
    pub group: i32,
}

/// Reads the state of process `pid`; `None` if there is no such process.
///
/// # Examples
///
/// ```
/// let me = ipc_testkit::proc::stat(ipc_testkit::proc::own_pid()).expect("this process exists");
/// assert!(matches!(me.state, 'R' | 'S'));
/// ```
pub fn stat(pid: i32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name stands in parentheses and may hold any byte, parentheses and spaces too: only the last `)` ends it.
fn parse(text: &str) -> Option<Stat> {
    let (head, tail) = text.rsplit_once(") ")?;
    let (_, name) = head.split_once('(')?;
    let mut fields = tail.split(' ');
    Some(Stat {
        name: name.to_owned(),
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = parse("12 (a) S (b) T 7 9 9 0").expect("the line is whole");
        assert_eq!(stat, Stat { name: "a) S (b".to_owned(), state: 'T', parent: 7, group: 9 });
    }
}
