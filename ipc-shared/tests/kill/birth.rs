//! A process that is killed at every instruction while it makes something under a name.
//!
//! After each, and all the while, others find no such name, or the whole object. Where the system has no files without
//! names, they may also find what was begun, as an error, within a second.

use crate::support::{TestName, fork_child, join, refuse_nameless_files};
use ipc_shared::shareable_list::OpenListError;
use ipc_shared::shared_memory::OpenError;
use ipc_shared::{Item, ShareableList, SharedMemory};
use ipc_testkit::kill::{Args, Row, sweep};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// More than a page, and no multiple of one.
const SIZE: usize = 10_001;
/// What is promised is one second; the rest is for a machine that is busy.
const LIMIT: Duration = Duration::from_secs(3);

/// What somebody finds under the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Absent,
    Whole,
    /// The error for what was begun and not finished.
    Begun,
    /// Something that must not be.
    Broken,
}

fn items() -> Vec<Item> {
    vec![Item::from("howdy"), Item::from(7), Item::from(b"zeros\0\0"), Item::None]
}

fn find_memory(name: &str) -> Found {
    match SharedMemory::open_read_only(name) {
        Ok(memory) => {
            let blocks = rustix::fs::fstat(&memory).expect("it is open").st_blocks as usize;
            let is_whole = memory.size() == SIZE && blocks * 512 >= SIZE;
            if is_whole { Found::Whole } else { Found::Broken }
        }
        Err(OpenError::NotFound { .. }) => Found::Absent,
        Err(OpenError::Stale { .. }) => Found::Begun,
        Err(_) => Found::Broken,
    }
}

fn find_list(name: &str) -> Found {
    match ShareableList::open_read_only(name) {
        Ok(list) if list.to_vec().is_ok_and(|found| found == items()) => Found::Whole,
        Err(OpenListError::Memory(OpenError::NotFound { .. })) => Found::Absent,
        Err(OpenListError::Memory(OpenError::Stale { .. }) | OpenListError::Stale) => Found::Begun,
        _ => Found::Broken,
    }
}

pub(crate) fn create(args: &Args) -> Row {
    let call = |name: &str| drop(SharedMemory::create(name, SIZE).expect("the name is free"));
    run(args, args.scale(13, 1), "create", &call, find_memory, false)
}

pub(crate) fn create_list(args: &Args) -> Row {
    let call = |name: &str| drop(ShareableList::create(name, items()).expect("the name is free"));
    run(args, args.scale(53, 1), "create_list", &call, find_list, false)
}

pub(crate) fn open_or_create(args: &Args) -> Row {
    let call = |name: &str| drop(SharedMemory::open_or_create(name, SIZE).expect("one of both works"));
    run(args, args.scale(29, 1), "open_or_create", &call, find_memory, false)
}

pub(crate) fn create_in_place(args: &Args) -> Row {
    refuse_nameless_files();
    let call = |name: &str| drop(SharedMemory::create(name, SIZE).expect("the name is free"));
    run(args, args.scale(397, 13), "create_in_place", &call, find_memory, true)
}

pub(crate) fn create_list_in_place(args: &Args) -> Row {
    refuse_nameless_files();
    let call = |name: &str| drop(ShareableList::create(name, items()).expect("the name is free"));
    run(args, args.scale(1201, 53), "create_list_in_place", &call, find_list, true)
}

/// The other end of life: the name is there or not, and what it names is whole.
pub(crate) fn unlink(args: &Args) -> Row {
    let name = TestName::new("unlink");
    let mut row = Row::new("unlink");
    let (mut n_absent, mut n_whole) = (0, 0);
    let make = || SharedMemory::open_or_create(&name, SIZE).expect("one of both works");
    let call = |memory: &SharedMemory| memory.unlink().expect("it is there");
    let swept = sweep(args.scale(13, 1), make, call, |memory, point| {
        match find_memory(&name) {
            Found::Absent => n_absent += 1,
            Found::Whole => n_whole += 1,
            other => {
                eprintln!("unlink: {other:?} after a kill at point {point}");
                row.losses += 1;
            }
        }
        row.ok &= memory.write(0, b"still there").is_ok();
    });
    row.ok &= n_absent > 0 && n_whole > 0;
    (row.points, row.kills) = (swept.points, swept.points);
    eprintln!(
        "unlink: {} instructions, {} points, {n_whole} found the name, {n_absent} did not; {} missed",
        swept.steps, swept.points, swept.missed
    );
    row
}

/// Sweeps a call that makes an object, with another process that looks all the time.
fn run(
    args: &Args,
    stride: u64,
    label: &str,
    call: &dyn Fn(&str),
    find: fn(&str) -> Found,
    may_begin: bool,
) -> Row {
    let mut row = Row::new(label);
    let name = TestName::new(label);
    let before = names();
    let words = SharedMemory::unnamed(64).expect("memory is left");
    let word = |index: usize| words.atomic_u32(4 * index).expect("inside");
    let (stop, seen): (&AtomicU32, [&AtomicU32; 4]) = (word(15), std::array::from_fn(word));
    let looker = fork_child(|| {
        while stop.load(SeqCst) == 0 {
            seen[find(&name) as usize].fetch_add(1, SeqCst);
        }
    });
    let mut after = [0_u64; 4];
    let swept = sweep(
        stride,
        || &*name,
        |name| call(name),
        |name, point| {
            let start = Instant::now();
            let found = find(name);
            after[found as usize] += 1;
            if found == Found::Broken || (found == Found::Begun && !may_begin) {
                eprintln!("{label}: {found:?} after a kill at point {point}");
                row.losses += 1;
            }
            row.hangs += u64::from(start.elapsed() > LIMIT);
            // The next one begins anew, and nothing else is left: no other name, no half of anything.
            let _ = SharedMemory::unlink_name(name);
            row.ok &= names() == before;
        },
    );
    stop.store(1, SeqCst);
    join(&looker);
    let seen = seen.map(|count| u64::from(count.load(SeqCst)));
    row.losses += seen[Found::Broken as usize];
    if !may_begin {
        row.losses += seen[Found::Begun as usize];
    }
    (row.points, row.kills) = (swept.points, swept.points);
    // Where something can be left half made, it was: else this has not tried what it is for. The points of the quick form lie
    // so far from each other that they may all miss it.
    row.ok &= !may_begin || args.quick || after[Found::Begun as usize] > 0;
    row.ok &= after[Found::Absent as usize] > 0 && after[Found::Whole as usize] > 0;
    row.ok &= swept.missed <= swept.points / 10;
    eprintln!(
        "{label}: {} instructions, {} points, absent/whole/begun/broken {after:?}, by the one who looks all the time \
         {seen:?}; {} missed",
        swept.steps, swept.points, swept.missed
    );
    row
}

/// The names in `/dev/shm` that are of this program, without the one that is being made.
fn names() -> Vec<String> {
    let token = ipc_testkit::unique_name("x");
    let token = token.split("-x-").next().expect("the token comes first").to_owned();
    let entries = std::fs::read_dir("/dev/shm").expect("it is there").flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with(&token));
    names.sort();
    names
}
