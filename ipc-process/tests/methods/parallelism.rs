//! How many processors this process may use: by its affinity, and by the quota of its control group.
//!
//! The answer is the standard library's, and a child's is its own. What it makes of the files of a group is tried with files that are
//! made up, in a world of this process where they stand in the place of the system's; and in a group of its own, where that is allowed.
//!
//! # Safety
//!
//! Gives this process mounts of its own, and changes them; its one thread has nothing open there.
#![allow(unsafe_code)]

use ipc_process::{Builder, Pool, Process, StartMethod, stop_forkserver};
use ipc_testkit::isolated;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::ffi::{CStr, CString};
use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

fn count(_: ()) -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}

/// A child by every method may use as many, and a pool has as many workers where nobody says how many.
fn assert_inherited(expected: usize) {
    for &method in StartMethod::ALL {
        let process = Builder::new().method(method).spawn(count, ()).expect("a process");
        assert_eq!(process.join().expect("a count"), expected, "{method}");
    }
    stop_forkserver();
    // Elsewhere, since the lifeline of the workers stays.
    let size = |(): ()| Pool::builder().build().expect("a pool").workers().len();
    assert_eq!(Process::spawn(size, ()).expect("a process").join().expect("a size"), expected);
}

#[test]
fn affinity_counts() {
    isolated(|| {
        ipc_process::init();
        let before = sched_getaffinity(None).expect("the processors");
        let first = (0..CpuSet::MAX_CPU).find(|&cpu| before.is_set(cpu)).expect("a processor");
        // A group may allow less.
        assert!((1..=before.count() as usize).contains(&count(())));
        let mut one = CpuSet::new();
        one.set(first);
        sched_setaffinity(None, &one).expect("one processor");
        assert_eq!(count(()), 1);
        assert_inherited(1);
    });
}

/// How many processors a made-up group leaves.
#[derive(Clone, Copy, Debug)]
enum Left {
    One,
    Two,
    All,
}

/// A line for the group of this process, files in the folder of all groups, and what that comes to.
type Case = (&'static str, &'static [(&'static str, &'static str)], Left);

const V2: &str = "0::/a/b\n";
const IS_V2: (&str, &str) = ("a/b/cgroup.controllers", "cpu memory\n");
const V1: &str = "7:memory:/m\n5:cpu,cpuacct:/a/b\n0::/\n";

const CASES: &[Case] = &[
    // The second kind of groups: quota and period in one file.
    (V2, &[IS_V2, ("a/b/cpu.max", "100000 100000\n")], Left::One),
    (V2, &[IS_V2, ("a/b/cpu.max", "200000 100000\n")], Left::Two),
    (V2, &[IS_V2, ("a/b/cpu.max", "max 100000\n")], Left::All),
    (V2, &[IS_V2], Left::All),
    // Half a processor is one, and one and a half are not two.
    (V2, &[IS_V2, ("a/b/cpu.max", "50000 100000\n")], Left::One),
    (V2, &[IS_V2, ("a/b/cpu.max", "150000 100000\n")], Left::One),
    // The least of all groups around it.
    (V2, &[IS_V2, ("a/b/cpu.max", "max 100000\n"), ("a/cpu.max", "100000 100000\n")], Left::One),
    (V2, &[IS_V2, ("a/b/cpu.max", "100000 100000\n"), ("a/cpu.max", "900000 100000\n")], Left::One),
    (V2, &[IS_V2, ("a/cpu.max", "max 100000\n"), ("cpu.max", "2000 1000\n")], Left::Two),
    ("0::/\n", &[("cgroup.controllers", "cpu\n"), ("cpu.max", "1000 1000\n")], Left::One),
    // Nonsense limits nothing.
    (V2, &[IS_V2, ("a/b/cpu.max", "")], Left::All),
    (V2, &[IS_V2, ("a/b/cpu.max", "100000\n")], Left::All),
    (V2, &[IS_V2, ("a/b/cpu.max", "-1 100000\n")], Left::All),
    (V2, &[IS_V2, ("a/b/cpu.max", "100000 0\n")], Left::All),
    (V2, &[IS_V2, ("a/b/cpu.max", "few 100000\n")], Left::All),
    (V2, &[("a/b/cpu.max", "100000 100000\n")], Left::All),
    ("", &[IS_V2, ("a/b/cpu.max", "100000 100000\n")], Left::All),
    ("0::a\n", &[IS_V2, ("a/b/cpu.max", "100000 100000\n")], Left::All),
    ("no groups", &[IS_V2, ("a/b/cpu.max", "100000 100000\n")], Left::All),
    // The first kind: a folder for processors, a file for each number.
    (V1, &[("cpu/a/b/cpu.cfs_quota_us", "100000\n"), ("cpu/a/b/cpu.cfs_period_us", "100000\n")], Left::One),
    (V1, &[("cpu/a/b/cpu.cfs_quota_us", "200000\n"), ("cpu/a/b/cpu.cfs_period_us", "100000\n")], Left::Two),
    (V1, &[("cpu/a/b/cpu.cfs_quota_us", "-1\n"), ("cpu/a/b/cpu.cfs_period_us", "100000\n")], Left::All),
    (
        V1,
        &[
            ("cpu/a/b/cpu.cfs_quota_us", "-1\n"),
            ("cpu/a/b/cpu.cfs_period_us", "100000\n"),
            ("cpu/a/cpu.cfs_quota_us", "60000\n"),
            ("cpu/a/cpu.cfs_period_us", "50000\n"),
        ],
        Left::One,
    ),
    (
        V1,
        &[
            ("cpu,cpuacct/a/b/cpu.cfs_quota_us", "100000\n"),
            ("cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n"),
        ],
        Left::One,
    ),
    (V1, &[("cpu/a/b/cpu.cfs_quota_us", "100000\n")], Left::All),
    (V1, &[("cpu/a/b/cpu.cfs_quota_us", "100000\n"), ("cpu/a/b/cpu.cfs_period_us", "0\n")], Left::All),
    (V1, &[("cpu/a/b/cpu.cfs_quota_us", "some\n"), ("cpu/a/b/cpu.cfs_period_us", "100000\n")], Left::All),
];

/// Where the system shows all groups.
const GROUPS: &str = "/sys/fs/cgroup";

#[test]
fn made_up_groups_count() {
    isolated(|| {
        let folder = ipc_testkit::temp_dir();
        // Elsewhere, since the mounts stay as long as the process does.
        let child = Builder::new().fork(|()| try_all(folder.path()), ());
        child.expect("a process").join().expect("a test that passes");
    });
}

/// Makes up one group after the other, in a folder that is free.
fn try_all(folder: &Path) {
    let all = sched_getaffinity(None).expect("the processors").count() as usize;
    let (list, own_list) = (folder.join("list"), format!("/proc/{}/cgroup", std::process::id()));
    fs::write(&list, "").expect("room");
    if let Err(error) = own_mounts().and_then(|()| bind(&list, Path::new(&own_list))) {
        return eprintln!("skipped: the system allows no mounts of one's own: {error}");
    }
    for (number, (line, files, left)) in CASES.iter().enumerate() {
        let groups = folder.join(number.to_string());
        for (name, text) in *files {
            let path = groups.join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("room");
            fs::write(path, text).expect("room");
        }
        bind(&groups, Path::new(GROUPS)).expect("the last one was allowed");
        fs::write(&list, line).expect("room");
        let expected = match left {
            Left::One => 1,
            Left::Two => all.min(2),
            Left::All => all,
        };
        assert_eq!(count(()), expected, "{line:?}, {files:?}");
    }
}

/// Has the mounts of this process be its own, which other processes do not see.
fn own_mounts() -> Result<()> {
    // SAFETY: this process has one thread.
    check(unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) })?;
    mount(c"none", c"/", libc::MS_REC | libc::MS_PRIVATE)
}

/// Shows a file or folder in the place of another.
fn bind(this: &Path, there: &Path) -> Result<()> {
    let name = |path: &Path| CString::new(path.as_os_str().as_encoded_bytes()).expect("no NUL");
    mount(&name(this), &name(there), libc::MS_BIND)
}

fn mount(this: &CStr, there: &CStr, flags: libc::c_ulong) -> Result<()> {
    let nothing = std::ptr::null();
    // SAFETY: two names; the others may be nothing.
    check(unsafe { libc::mount(this.as_ptr(), there.as_ptr(), nothing, flags, nothing.cast()) })
}

fn check(result: i32) -> Result<()> {
    if result == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}

/// A control group of this process, while the value lives.
struct Group {
    path: PathBuf,
    parent: PathBuf,
}

impl Group {
    /// A group with a quota of one processor.
    fn of_one_processor() -> Result<Group> {
        let (parent, quota) = own_group()?;
        let path = parent.join(ipc_testkit::unique_name("quota").trim_start_matches('/'));
        fs::create_dir(&path)?;
        let group = Group { path, parent };
        for (file, text) in quota {
            fs::write(group.path.join(file), text)?;
        }
        fs::write(group.path.join("cgroup.procs"), std::process::id().to_string())?;
        Ok(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::write(self.parent.join("cgroup.procs"), std::process::id().to_string());
        let _ = fs::remove_dir(&self.path);
    }
}

/// The folder of the group of this process that has a quota, and how one processor is written there.
fn own_group() -> Result<(PathBuf, &'static [(&'static str, &'static str)])> {
    let list = fs::read_to_string("/proc/self/cgroup")?;
    let groups: Vec<(&str, &str)> =
        list.lines().filter_map(|line| line.split_once(':')?.1.split_once(':')).collect();
    let below =
        |folder: &str, group: &str| Path::new(GROUPS).join(folder).join(group.trim_start_matches('/'));
    if let Some((kind, group)) = groups.iter().find(|(kind, _)| kind.split(',').any(|kind| kind == "cpu")) {
        return Ok((below(kind, group), &[("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "100000")]));
    }
    let (_, group) = groups.iter().find(|(kind, _)| kind.is_empty()).ok_or(std::io::ErrorKind::NotFound)?;
    Ok((below("", group), &[("cpu.max", "100000 100000")]))
}

#[test]
fn the_quota_of_a_group_counts() {
    isolated(|| {
        ipc_process::init();
        let before = count(());
        let group = match Group::of_one_processor() {
            Ok(group) => group,
            Err(error) => return eprintln!("skipped: the system allows no group of one's own: {error}"),
        };
        assert_eq!(count(()), 1);
        assert_inherited(1);
        drop(group);
        assert_eq!(count(()), before);
    });
}
