//! The user's code that runs in the owner itself: encoders of arguments and decoders of results. What it does is the fault of no worker.

use super::chunks::{N_TASKS, PLACES, Part};
use super::deaths::{DiesDecoded, DiesEncoded, SIZES, WAYS, Way};
use super::orders::block_on;
use super::{assert_ends, assert_full, double, eventually, hold, method_of, pool, submit_held};
use ipc_codec::handle::Handle;
use ipc_pipe::{Sender, simplex};
use ipc_process::{Pool, Process, StartMethod};
use ipc_testkit::leaks::Snapshot;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;

/// A value with what costs the most to lose: a handle, and bytes that have no room on a desk.
type Heavy<T> = (Handle<File>, Vec<u8>, T);

fn heavy<T>(part: T) -> Heavy<T> {
    (File::open("/dev/null").expect("it is there").into(), vec![1; 50_000], part)
}

/// The work panics here, by the code that is to panic.
#[track_caller]
fn assert_panics<R>(work: impl FnOnce() -> R) {
    let payload = catch_unwind(AssertUnwindSafe(work)).map(|_| ()).expect_err("it panics");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"the end"));
}

/// Has one thing panic in pools of all sizes, while a hundred tasks are under way and more come; nothing is left of it.
fn among_others(method: StartMethod, panics: fn(&Pool)) {
    for size in SIZES {
        let pool = pool(method, size);
        let workers = assert_full(&pool, size);
        let before = Snapshot::take().descriptors();
        for _ in 0..3 {
            let others: Vec<_> = (0..50).map(|n| (n, pool.apply_async(double, n))).collect();
            panics(&pool);
            let more = (50..100).map(|n| (n, pool.apply_async(double, n)));
            for (n, task) in others.into_iter().chain(more.collect::<Vec<_>>()) {
                assert_eq!(task.get().expect("it is not concerned"), n * 2, "{size} workers");
            }
        }
        assert_eq!(assert_full(&pool, size), workers, "the same workers");
        assert_eq!(pool.deaths(), 0, "{size} workers");
        // Another thread may have the last of what was handed over.
        eventually("all handles are closed", || Snapshot::take().descriptors() <= before);
    }
}

pub(crate) fn a_panic_while_arguments_are_encoded_is_that_of_the_call(method: StartMethod) {
    among_others(method, |pool| {
        assert_panics(|| pool.apply(|_: DiesEncoded| (), DiesEncoded(Way::Panic)));
        assert_panics(|| pool.apply_async(|_: DiesEncoded| (), DiesEncoded(Way::Panic)));
        assert_panics(|| pool.apply(|_: Heavy<DiesEncoded>| (), heavy(DiesEncoded(Way::Panic))));
    });
}

pub(crate) fn a_panic_while_a_result_is_decoded_comes_where_it_is_asked_for(method: StartMethod) {
    among_others(method, |pool| {
        let task = pool.apply_async(DiesDecoded, Way::Panic);
        task.wait();
        assert_eq!(task.successful(), Some(true), "the task has done its work");
        assert_panics(|| task.get());
        assert_panics(|| pool.apply(DiesDecoded, Way::Panic));
        assert_panics(|| pool.apply(|way: Way| heavy(DiesDecoded(way)), Way::Panic));
    });
}

/// Has one of 101 tasks panic in the owner, at several places of a chunk, for every call of many tasks and size of pool.
fn one_of_many<T, R>(
    method: StartMethod,
    function: fn(Part<T>) -> R,
    dying: fn() -> T,
    counted: fn(R) -> usize,
) where
    T: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    for size in SIZES {
        let pool = pool(method, size);
        for (place, chunk_size) in PLACES.into_iter().zip([1, 7, 40]) {
            let part = |n| if n == place { Part::Dies(dying()) } else { Part::Counts(n) };
            let tasks = || pool.tasks().chunk_size(chunk_size);
            assert_panics(|| tasks().map(function, (0..N_TASKS).map(part)));
            let all = tasks().map_async(function, (0..N_TASKS).map(part));
            all.wait();
            assert_panics(|| all.get());
            let mut results = tasks().imap(function, (0..N_TASKS).map(part));
            for n in 0..N_TASKS {
                if n == place {
                    assert_panics(|| results.next());
                } else {
                    let result = results.next().expect("it is not the last").expect("it is not concerned");
                    assert_eq!(counted(result), n, "{place} panics in chunks of {chunk_size}");
                }
            }
            assert!(results.next().is_none());
            let seen = all_but_panics(tasks().imap_unordered(function, (0..N_TASKS).map(part)), counted);
            assert!(seen.into_iter().eq((0..N_TASKS).filter(|n| *n != place).map(|n| (n, n))));
        }
        assert_full(&pool, size);
        assert_eq!(pool.deaths(), 0);
    }
}

/// What an iterator yields beside one panic, by index.
fn all_but_panics<R>(
    mut results: impl Iterator<Item = (usize, Result<R, ipc_process::TaskError>)>,
    counted: fn(R) -> usize,
) -> BTreeMap<usize, usize> {
    let mut seen = BTreeMap::new();
    let mut n_panics = 0;
    loop {
        match catch_unwind(AssertUnwindSafe(|| results.next())) {
            Ok(None) => break,
            Ok(Some((index, result))) => {
                let before = seen.insert(index, counted(result.expect("it is not concerned")));
                assert_eq!(before, None, "index {index} twice");
            }
            Err(_) => n_panics += 1,
        }
    }
    assert_eq!(n_panics, 1);
    seen
}

/// An iterator counted as if there had been no such input, and gave its number to the next one.
pub(crate) fn one_of_many_arguments_that_panics_is_one_task(method: StartMethod) {
    let function = |part| if let Part::Counts(n) = part { n } else { unreachable!("it does not encode") };
    one_of_many::<DiesEncoded, usize>(method, function, || DiesEncoded(Way::Panic), |n| n);
}

/// An iterator lost all results of the chunk that came behind it.
pub(crate) fn one_of_many_results_that_panics_is_one_task(method: StartMethod) {
    let function = |part| match part {
        Part::Counts(n) => Part::Counts(n),
        Part::Dies(way) => Part::Dies(DiesDecoded(way)),
    };
    let counted = |part| if let Part::Counts(n) = part { n } else { unreachable!("it does not decode") };
    one_of_many::<Way, Part<DiesDecoded>>(method, function, || Way::Panic, counted);
}

pub(crate) fn a_result_that_panics_harms_no_callback_and_no_future(method: StartMethod) {
    let pool = pool(method, 2);
    let (told, results) = channel();
    for n in 0..20 {
        let told = told.clone();
        if n % 3 == 0 {
            pool.apply_async(DiesDecoded, Way::Panic).then(|_| unreachable!(), |error| panic!("{error}"));
        }
        pool.apply_async(double, n).then(move |n| told.send(n).expect("heard"), |error| panic!("{error}"));
    }
    drop(told);
    let mut results: Vec<_> = results.into_iter().collect();
    results.sort_unstable();
    assert!(results.into_iter().eq((0..20).map(double)));
    for _ in 0..3 {
        assert_panics(|| block_on(pool.apply_async(DiesDecoded, Way::Panic)));
        assert_panics(|| block_on(pool.map_async(DiesDecoded, [Way::Panic; 3])));
        assert_eq!(block_on(pool.apply_async(double, 4)).expect("a number"), 8);
    }
    pool.join();
}

/// Where the owner is when it dies of its own code.
#[derive(Clone, Copy, Debug, Serialize, serde::Deserialize)]
enum Place {
    Encodes,
    Decodes,
}

type Orders = (String, usize, Way, Place, Sender<Vec<u32>>);

/// Makes a pool, tells the ids of all processes below, and dies.
fn own_and_die((method, size, way, place, pids): Orders) {
    let pool = pool(method_of(&method), size);
    let mut below: Vec<u32> = assert_full(&pool, size).into_iter().collect();
    below.extend(ipc_testkit::proc::children().into_iter().map(|pid| pid as u32));
    let busy: Vec<_> = (1..size).map(|_| submit_held(&pool)).collect();
    busy.iter().for_each(|held| _ = held.pid());
    pids.send(below).expect("the test is there");
    match place {
        Place::Encodes => drop(pool.apply(|_: DiesEncoded| (), DiesEncoded(way))),
        Place::Decodes => drop(pool.apply(DiesDecoded, way)),
    }
}

pub(crate) fn an_owner_that_dies_of_its_own_code_takes_all_along(method: StartMethod) {
    for size in SIZES {
        for way in WAYS {
            for place in [Place::Encodes, Place::Decodes] {
                let (pids, below) = simplex().expect("a pipe");
                let owner = Process::spawn(own_and_die, (method.to_string(), size, way, place, pids));
                let owner = owner.expect("a process");
                let below: Vec<_> = below.recv().expect("the ids").into_iter().map(hold).collect();
                let ended = owner.wait().expect("a status");
                assert!(super::deaths::status(way).is_none_or(|status| status == ended), "{ended}, {way:?}");
                owner.join().expect_err("it died");
                below.iter().for_each(|process| assert_ends(process));
            }
        }
    }
}
