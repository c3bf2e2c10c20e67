//! Tasks that share a chunk: what one of them does to its worker is its own, and nobody waits behind a slow one.

use super::deaths::{DiesDecoded, DiesEncoded, WAYS, Way, assert_died, die, status};
use super::{assert_full, double, eventually, pool, stay, submit_held};
use ipc_codec::handle::Handle;
use ipc_pipe::{Pipe, Sender, pipe, simplex};
use ipc_process::{Pool, StartMethod, TaskError};
use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::SharedMapping;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How many tasks there are, and which of them dies.
pub(crate) const N_TASKS: usize = 101;
pub(crate) const PLACES: [usize; 3] = [0, 57, N_TASKS - 1];

/// What a task does.
#[derive(Serialize, Deserialize)]
pub(crate) enum Part<T> {
    Counts(usize),
    Dies(T),
}

/// Has one task of 101 die, at several places of its chunk, for every way to die and size of pool.
fn matrix<T, R>(method: StartMethod, function: fn(Part<T>) -> R, dying: fn(Way) -> T, counted: fn(R) -> usize)
where
    T: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    for size in [1, 2, 5] {
        let pool = pool(method, size);
        let mut n_deaths = 0;
        for way in WAYS {
            let place = PLACES[n_deaths as usize % PLACES.len()];
            let part = |n| if n == place { Part::Dies(dying(way)) } else { Part::Counts(n) };
            let results = pool.tasks().chunk_size(40).map(function, (0..N_TASKS).map(part));
            assert_eq!(results.len(), N_TASKS);
            for (n, result) in results.into_iter().enumerate() {
                match result {
                    result if n == place => assert_died(way, result),
                    result => assert_eq!(
                        counted(result.expect("it is not concerned")),
                        n,
                        "{way:?}, {size} workers"
                    ),
                }
            }
            n_deaths += u64::from(status(way).is_some());
            assert_full(&pool, size);
            assert_eq!(pool.deaths(), n_deaths, "{way:?}, {size} workers");
        }
    }
}

pub(crate) fn a_death_while_decoding_leaves_the_rest_of_the_chunk(method: StartMethod) {
    let function = |part| if let Part::Counts(n) = part { n } else { unreachable!("it does not decode") };
    matrix::<DiesDecoded, usize>(method, function, DiesDecoded, |n| n);
}

pub(crate) fn a_death_while_running_leaves_the_rest_of_the_chunk(method: StartMethod) {
    let function = |part| match part {
        Part::Counts(n) => n,
        Part::Dies(way) => die(way),
    };
    matrix::<Way, usize>(method, function, |way| way, |n| n);
}

pub(crate) fn a_death_while_encoding_leaves_the_rest_of_the_chunk(method: StartMethod) {
    let function = |part| match part {
        Part::Counts(n) => Part::Counts(n),
        Part::Dies(way) => Part::Dies(DiesEncoded(way)),
    };
    let counted = |part: Part<DiesEncoded>| if let Part::Counts(n) = part { n } else { N_TASKS };
    matrix::<Way, Part<DiesEncoded>>(method, function, |way| way, counted);
}

/// Everything dies, in chunks: each task is begun once, and each death is one task's.
pub(crate) fn every_task_of_a_chunk_may_kill_its_worker(method: StartMethod) {
    let pool = pool(method, 2);
    let (tx, rx) = simplex::<usize>().expect("a pipe");
    let runs = pool.apply_async(|rx: ipc_pipe::Receiver<usize>| rx.iter().count(), rx);
    let results = pool.tasks().chunk_size(10).map(
        |n: usize| {
            if n % 3 > 0 {
                std::process::exit(n as i32)
            }
        },
        0..60,
    );
    for (n, result) in results.into_iter().enumerate() {
        match result {
            Ok(()) => assert_eq!(n % 3, 0),
            Err(TaskError::WorkerDied { status }) => assert_eq!(status.code(), Some(n as i32)),
            Err(error) => panic!("{error}"),
        }
    }
    drop(tx);
    assert_eq!(runs.get().expect("it was in a worker of its own"), 0);
    assert_eq!(pool.deaths(), 40);
}

/// A number, or a task that stays.
type Slow = Result<u64, Pipe<u32, ()>>;

pub(crate) fn a_slow_task_holds_back_nobody_of_its_chunk(method: StartMethod) {
    let pool = pool(method, 2);
    let (gate, there) = pipe().expect("a pipe");
    let slow = |input: Slow| match input {
        Ok(n) => n * 2,
        Err(gate) => u64::from(stay(gate)),
    };
    let mut inputs: Vec<Slow> = (0..200).map(Ok).collect();
    inputs.insert(3, Err(there));
    let mut results = BTreeMap::new();
    let mut iter = pool.tasks().chunk_size(100).in_flight(1000).imap_unordered(slow, inputs);
    while results.len() < 200 {
        let (index, result) = iter.next().expect("it is not the slow one");
        results.insert(index, result.expect("a number"));
    }
    assert!(!results.contains_key(&3));
    let held = gate.recv().expect("it runs");
    gate.send(()).expect("it runs");
    let (index, result) = iter.next().expect("the slow one");
    assert_eq!((index, result.expect("a number")), (3, u64::from(held)));
}

/// Whether the slow task may end, in a worker.
static MAY_END: OnceLock<SharedMapping> = OnceLock::new();

fn open_gate(memory: Handle<OwnedHandle>) {
    let memory = SharedMapping::from_handle(memory.into_inner()).expect("shared memory");
    assert!(MAY_END.set(memory).is_ok(), "a worker is initialized once");
}

fn slow_at_ten(n: u64) -> u64 {
    let may_end = || MAY_END.get().is_some_and(|gate| gate.atomic_u64(0).load(Ordering::Relaxed) > 0);
    while n == 10 && !may_end() {
        std::thread::sleep(Duration::from_millis(1));
    }
    n
}

/// The same without handles, which do not share a chunk.
pub(crate) fn a_busy_task_holds_back_nobody_of_its_chunk(method: StartMethod) {
    let gate = SharedMapping::create(size_of::<u64>()).expect("memory");
    let handle = Handle::from(gate.duplicate_handle().expect("a handle"));
    let builder = Pool::builder().method(method).workers(2).initializer(open_gate, handle);
    let pool = builder.build().expect("a pool");
    let held = submit_held(&pool);
    held.pid();
    // All that is behind the slow one is handed to the other worker, or taken back for it.
    let tasks = pool.tasks().chunk_size(50).map_async(slow_at_ten, 0..100);
    held.release().expect("it was let go");
    // What was before it in its chunk is told with it.
    eventually("all but one chunk have ended", || tasks.n_ended() >= 89);
    assert!(!tasks.ready());
    gate.atomic_u64(0).store(1, Ordering::Relaxed);
    assert!(tasks.get().into_iter().zip(0..).all(|(result, n)| result.expect("a number") == n));
}

/// So many bytes, that not every text has.
fn text_of(size: usize) -> String {
    char::from(b'a' + (size % 26) as u8).to_string().repeat(size)
}

pub(crate) fn large_results_of_a_chunk_arrive(method: StartMethod) {
    let pool = pool(method, 2);
    let sizes = [0, 1, 100, 5_000, 70_000, 3, 300_000, 20_000, 7];
    for chunk_size in [1, 4, 9] {
        let results = pool.tasks().chunk_size(chunk_size).map(text_of, sizes);
        for (size, result) in sizes.into_iter().zip(results) {
            assert!(result.expect("text") == text_of(size), "{size} bytes in chunks of {chunk_size}");
        }
        let tasks = pool.tasks().chunk_size(chunk_size);
        let lengths = tasks.map(|text: String| text.len(), sizes.map(text_of));
        assert!(lengths.into_iter().zip(sizes).all(|(length, size)| length.expect("a number") == size));
    }
    assert_eq!(pool.deaths(), 0);
}

pub(crate) fn handles_in_a_chunk_arrive(method: StartMethod) {
    let pool = pool(method, 2);
    let (tx, rx): (Vec<_>, Vec<_>) = (0..20).map(|_| simplex::<u64>().expect("a pipe")).unzip();
    let send =
        |(n, tx): (u64, Option<Sender<u64>>)| tx.map(|tx| tx.send(n).expect("somebody reads")).is_some();
    let inputs = tx.into_iter().map(Some).zip(0..).flat_map(|(tx, n)| [(n, tx), (n, None)]);
    let sent = pool.tasks().chunk_size(7).map(send, inputs);
    assert_eq!(sent.into_iter().filter(|sent| *sent.as_ref().expect("an answer")).count(), 20);
    for (n, rx) in (0..).zip(rx) {
        assert_eq!(rx.recv().expect("a number"), n);
    }
}

pub(crate) fn chunks_of_every_size_keep_the_order(method: StartMethod) {
    let pool = pool(method, 3);
    for n_tasks in [0, 1, 2, 100, 5000] {
        for chunk_size in [1, 2, 7, 99, 10_000] {
            let results = pool.tasks().chunk_size(chunk_size).map(double, 0..n_tasks);
            assert_eq!(results.len() as u64, n_tasks);
            for (n, result) in (0..).zip(results) {
                assert_eq!(result.expect("a number"), n * 2, "{n_tasks} in chunks of {chunk_size}");
            }
        }
    }
}

/// Chunks that fill a desk, one after the other, all at once.
pub(crate) fn more_than_fits_on_the_desks_is_done(method: StartMethod) {
    let pool: Pool = pool(method, 2);
    let text = |n: usize| "x".repeat(n % 700);
    let tasks = pool.tasks().chunk_size(50).map_async(|text: String| text.len(), (0..5000).map(text));
    let numbers = pool.tasks().chunk_size(1).map_async(double, 0..3000);
    for (n, length) in tasks.get().into_iter().enumerate() {
        assert_eq!(length.expect("a number"), n % 700);
    }
    assert!(numbers.get().into_iter().zip(0..).all(|(result, n)| result.expect("a number") == n * 2));
}
