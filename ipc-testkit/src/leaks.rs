//! What a process holds: a snapshot before, a snapshot after, and what has been gained in between.

use crate::{proc, residue, token};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What this process holds at one moment: descriptors, children, threads, shared mappings, and names of the family in
/// `/dev/shm` and in the temp folder.
///
/// A process is taken as a whole. Tests that run side by side in one process see each other's things; an
/// [`isolated`](crate::isolated()) test is alone.
///
/// # Examples
///
/// A loop that must not grow:
///
/// ```
/// use ipc_testkit::leaks::Snapshot;
///
/// let before = Snapshot::take();
/// for _ in 0..100 {
///     std::process::Command::new("true").status()?;
/// }
/// before.assert_no_growth();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    descriptors: BTreeMap<i32, String>,
    children: BTreeSet<i32>,
    threads: BTreeMap<i32, String>,
    /// Bytes by name. The kernel joins and splits neighbouring mappings, so that their number alone says little.
    mappings: BTreeMap<String, u64>,
    names: BTreeSet<PathBuf>,
    rss_kib: u64,
}

impl Snapshot {
    /// Looks at what this process holds now.
    pub fn take() -> Snapshot {
        let mut mappings = BTreeMap::new();
        for mapping in proc::shared_mappings() {
            *mappings.entry(mapping.name).or_default() += mapping.size;
        }
        let me = proc::own_pid();
        Snapshot {
            descriptors: proc::descriptors(),
            children: proc::children().into_iter().collect(),
            threads: proc::tasks(me).into_iter().map(|task| (task.tid, task.name)).collect(),
            mappings,
            names: residue::names(),
            rss_kib: proc::rss_kib(),
        }
    }

    /// The resident memory in KiB when the snapshot was taken.
    ///
    /// [`diff`](Snapshot::diff) leaves it alone: how much may grow is for the test to say.
    pub fn rss_kib(&self) -> u64 {
        self.rss_kib
    }

    /// How many descriptors were open when the snapshot was taken.
    pub fn descriptors(&self) -> usize {
        self.descriptors.len()
    }

    /// How many threads there were when the snapshot was taken.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// What `later` holds that this snapshot does not.
    pub fn diff(&self, later: &Snapshot) -> Diff {
        let is_known_descriptor = |fd: &i32, target: &String| {
            // A file that is deleted meanwhile changes its target but is the same file.
            let known = self.descriptors.get(fd).map(|known| known.trim_end_matches(" (deleted)"));
            known == Some(target.trim_end_matches(" (deleted)"))
        };
        let descriptors = later.descriptors.iter().filter(|(fd, target)| !is_known_descriptor(fd, target));
        let threads = later.threads.iter().filter(|(tid, _)| !self.threads.contains_key(tid));
        Diff {
            descriptors: descriptors.map(|(fd, target)| format!("{fd} -> {target}")).collect(),
            children: later.children.difference(&self.children).map(|&pid| child_line(pid)).collect(),
            threads: threads.map(|(tid, name)| format!("{tid} `{name}`")).collect(),
            mappings: self.gained_mappings(later),
            names: residue::gained(&self.names, &later.names, token::current())
                .into_iter()
                .map(|path| path.display().to_string())
                .collect(),
        }
    }

    /// What this process holds now and did not when the snapshot was taken, once it has stopped to shrink.
    ///
    /// # Blocking
    ///
    /// Looks again for up to `grace` as long as something is left: the kernel removes the entry of a thread only some
    /// time after it could be joined.
    pub fn growth(&self, grace: Duration) -> Diff {
        let end = Instant::now() + grace;
        loop {
            let diff = self.diff(&Snapshot::take());
            if diff.is_empty() || Instant::now() >= end {
                return diff;
            }
            sleep(Duration::from_millis(10));
        }
    }

    /// Fails the test if this process holds something it did not when the snapshot was taken. Waits for up to a second.
    ///
    /// # Panics
    ///
    /// If it does; the message names what.
    #[track_caller]
    pub fn assert_no_growth(&self) {
        let diff = self.growth(Duration::from_secs(1));
        assert!(diff.is_empty(), "left behind:\n{diff}");
    }

    fn gained_mappings(&self, later: &Snapshot) -> Vec<String> {
        let before = |name| self.mappings.get(name).copied().unwrap_or(0);
        let grown = later.mappings.iter().filter(|&(name, &size)| size > before(name));
        grown.map(|(name, size)| format!("{name}: {} bytes, were {}", size, before(name))).collect()
    }
}

/// What one snapshot holds more than another, a line for each thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Descriptors, with what they lead to.
    pub descriptors: Vec<String>,
    /// Children that are alive or were not waited for.
    pub children: Vec<String>,
    /// Threads.
    pub threads: Vec<String>,
    /// Shared mappings, by name, with their sizes.
    pub mappings: Vec<String>,
    /// Entries of `/dev/shm` and of the temp folder.
    pub names: Vec<String>,
}

impl Diff {
    /// Whether nothing has been gained.
    pub fn is_empty(&self) -> bool {
        self.lines().next().is_none()
    }

    /// What has been gained, each thing with its kind in front.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let kinds = [
            ("descriptor", &self.descriptors),
            ("child", &self.children),
            ("thread", &self.threads),
            ("mapping", &self.mappings),
            ("name", &self.names),
        ];
        kinds.into_iter().flat_map(|(kind, things)| things.iter().map(move |thing| format!("{kind} {thing}")))
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

fn child_line(pid: i32) -> String {
    match proc::stat(pid) {
        Some(stat) if stat.state == 'Z' => format!("{pid} `{}` (zombie, nobody waited for it)", stat.name),
        Some(stat) => format!("{pid} `{}` (state {})", stat.name, stat.state),
        None => format!("{pid} (gone meanwhile)"),
    }
}
