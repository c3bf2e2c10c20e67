//! What CPython's tests say of its managers, in our words and for ours: by every start method where there is a child.
//!
//! The tests are those of `Lib/test/_test_multiprocessing.py` (Python 3.11 to 3.14; Python Software Foundation License); what they hold for
//! right was read there, no code was taken. Those of several kinds of objects are here as far as they are run with a manager.
//!
//! | Python's test | ours |
//! | --- | --- |
//! | `TestSyncManagerTypes`, 15 tests, and `test_set` of 3.14 | `types`, a function for each. What a child leaves locked is free |
//! | `_TestContainers.test_list`, `test_list_iter`, `test_list_proxy_in_list` | `lists`, `list_iterators`, `lists_in_lists` |
//! | `_TestContainers.test_dict`, `test_dict_iter`, `test_dict_proxy_nested` | `dicts`, `dict_iterators`: a dict that changes meanwhile is no error; `dicts_in_dicts` |
//! | `_TestContainers.test_nested_queue`, `test_namespace` | `queues_in_containers`, `namespaces`: names that begin with `_` are names like others |
//! | `_TestMyManager.test_mymanager`, `_context`, `_context_prestarted` | `own_types`; a manager ends with its value |
//! | `_TestRemoteManager.test_remote` | `a_remote_manager` |
//! | `_TestManagerRestart.test_rapid_restart` | `a_rapid_restart`, `one_manager_after_the_other` |
//! | `TestInitializers.test_manager_initializer` | `initializers` |
//! | `TestManagerExceptions` | none: of references that are counted |
//! | `_TestQueue.test_put`, `test_get` | `queue_put`, `queue_get` |
//! | `_TestQueue.test_fork`, `test_qsize`, `test_task_done`, `test_timeout` | `queue_of_two_processes`, `queue_len`, `task_done`, `queue_get` |
//! | `_TestQueue.test_queue_feeder_*`, `test_closed_queue_*`, `test_no_import_lock_contention` | none: of processes' own queues, and of the interpreter. A closed one: `ipc-manager/tests/manager/waits.rs` |
//! | `_TestLock.test_lock`, `test_rlock`, `test_lock_context` | `locks`; nobody releases but who has a guard. `locked` of 3.14: `locked_elsewhere` |
//! | `_TestSemaphore.test_semaphore`, `test_bounded_semaphore`, `test_timeout` | `semaphores`, `bounded_semaphores`, `semaphore_timeouts` |
//! | `_TestCondition.test_notify`, `test_notify_all`, `test_notify_n` | `condition_notify`, `condition_notify_all`, `condition_notify_some` |
//! | `_TestCondition.test_timeout`, `test_wait_result` | `condition_wait_results`; no signal ends a wait |
//! | `_TestCondition.test_waitfor`, `test_waitfor_timeout` | `condition_wait_while`, `condition_wait_while_timeout` |
//! | `_TestEvent.test_event`; `test_repr` | `events`; none: proxies show their place |
//! | `_TestBarrier.test_barrier`, `test_barrier_10`, `test_wait_return`, `test_action` | `barrier_again_and_again`, `barrier_results`: who gets zero does what is to be done once |
//! | `_TestBarrier.test_abort`, `test_reset`, `test_abort_and_reset` | `barrier_abort`, `barrier_reset`, `barrier_abort_and_reset` |
//! | `_TestBarrier.test_timeout`, `test_default_timeout`, `test_single_thread` | `barrier_timeout`: each wait has its own; `barrier_of_one` |
//! | `_TestBarrier.test_thousand` | Python leaves it out with a manager |
//! | `_TestPool.test_apply`, `test_map`, `test_starmap` and their `_async`, `test_async`, `test_map_chunksize`, `test_empty_iterable` | `pool_calls`: a tuple is an argument like others |
//! | `_TestPool.test_async_timeout`, `test_terminate`, `test_make_pool` | `pool_timeouts`, `pool_terminate`, `pool_sizes` |
//! | `_TestPool.test_map_unplicklable`, `test_traceback`, `test_wrapped_exception`, `test_map_no_failfast` | `pool_errors` |
//! | `_TestPool.test_map_async_callbacks`, `test_imap*`, `test_release_task_refs` | none: a managed pool has neither callbacks nor iterators; of references that are counted |
//! | `_TestSharedMemory.test_shared_memory_SharedMemoryManager_*` | none: shared memory that nobody holds is gone, without a manager |
//! | nested objects that outlive their maker (gh-103136, gh-75275) | `what_a_child_makes`, `through_a_pipe` |
//!
//! Python's elapsed times are asserted from below only.

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod barriers;
mod conditions;
mod containers;
mod locks;
mod managers;
mod pools;
mod queues;
mod types;

use multiproc::manager::CallError;
use multiproc::{Builder, Manager, Process, StartMethod};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::{Duration, Instant};

/// For what has to come.
const LONG: Duration = Duration::from_secs(30);
/// For what does not come.
const SHORT: Duration = Duration::from_millis(30);

/// Runs a body in a process of its own, of which nothing may be left; and in a copy of that one, which has the lifeline that the server hangs
/// on for as long as it lives.
fn isolated(body: impl Fn() + Copy) {
    // Moved, since the body must be found in another process: it is a type without content.
    ipc_testkit::isolated(move || {
        multiproc::init();
        Builder::new().fork(move |()| body(), ()).expect("a process").join().expect("a test that passes");
    });
}

/// A manager whose server is made by the method, too.
fn manager(method: StartMethod) -> Manager {
    Manager::builder().method(method).start().expect("a manager")
}

fn start<A, R>(method: StartMethod, function: fn(A) -> R, args: A) -> Process<R>
where
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    Builder::new().method(method).spawn(function, args).expect("it was started")
}

fn run<A, R>(method: StartMethod, function: fn(A) -> R, args: A) -> R
where
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    start(method, function, args).join().expect("it returned")
}

/// Whether a wait ends by its time, and not before it.
#[track_caller]
fn assert_times_out<T>(wait: impl FnOnce(Duration) -> Result<T, CallError>) {
    let begin = Instant::now();
    assert!(matches!(wait(SHORT), Err(CallError::TimedOut)));
    assert!(begin.elapsed() >= SHORT);
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LONG, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
