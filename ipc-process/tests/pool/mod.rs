//! What holds for a pool however its workers are started: the test bodies, and their names, for every start method.
//!
//! Each body runs in a spawned process of its own, so that it is a program of one thread as any other, and that process
//! compares what it holds before and after.

pub(crate) mod calls;
pub(crate) mod chunks;
pub(crate) mod custody;
pub(crate) mod deaths;
pub(crate) mod endings;
pub(crate) mod growth;
pub(crate) mod mischief;
pub(crate) mod orders;
pub(crate) mod own_code;
pub(crate) mod results;
pub(crate) mod settings;
pub(crate) mod shapes;
pub(crate) mod shortage;
pub(crate) mod stopped;
pub(crate) mod workers;

use ipc_pipe::{Pipe, pipe};
use ipc_process::{AsyncResult, Builder, Pool, Process, StartMethod, TaskError};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, OwnedHandle};
use ipc_sys::readiness::{Interest, wait_one};
use ipc_testkit::leaks::Snapshot;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// What ends a wait that should not have been needed. Long, so that a loaded machine fails no test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Makes one test per body and start method, each in a process of its own.
macro_rules! suite {
    ($method:expr) => {
        $crate::pool::suite! { $method;
            calls {
                apply_returns_what_the_function_returns
                map_keeps_the_order
                map_of_nothing_is_nothing
                imap_unordered_yields_each_input_once
                imap_unordered_is_lazy
                imap_unordered_dropped_early_ends_nothing
                an_input_that_panics_leaves_the_pool_usable
                many_threads_use_one_pool
                limits_hold_for_each_task
            }
            chunks {
                a_death_while_decoding_leaves_the_rest_of_the_chunk
                a_death_while_running_leaves_the_rest_of_the_chunk
                a_death_while_encoding_leaves_the_rest_of_the_chunk
                every_task_of_a_chunk_may_kill_its_worker
                a_slow_task_holds_back_nobody_of_its_chunk
                a_busy_task_holds_back_nobody_of_its_chunk
                large_results_of_a_chunk_arrive
                handles_in_a_chunk_arrive
                chunks_of_every_size_keep_the_order
                more_than_fits_on_the_desks_is_done
            }
            orders {
                imap_keeps_the_order_and_is_lazy
                starmap_takes_functions_of_several_arguments
                map_async_ends_with_its_last_task
                results_are_futures
                callbacks_are_called_once_each
                callbacks_that_panic_harm_nobody
                a_callback_may_use_the_pool
                progress_is_told
                results_that_nobody_wants_are_dropped
            }
            settings {
                the_initializer_runs_in_every_worker
                an_initializer_that_dies_is_an_error
                an_initializer_that_fails_later_ends_the_pool
                workers_that_die_as_they_start_are_replaced
                workers_are_replaced_after_their_tasks
                workers_that_grow_are_replaced
                a_hard_limit_ends_its_task_alone
                a_soft_limit_is_told_to_its_task_alone
                bored_workers_leave_and_come_back
                a_pool_changes_its_size
            }
            results {
                a_result_is_waited_for_or_not
                a_result_outlives_its_pool
                arguments_that_do_not_encode_fail_their_task_alone
                arguments_that_do_not_decode_fail_their_task_alone
                results_that_do_not_encode_cost_no_worker
                results_that_do_not_decode_fail_their_task_alone
                a_panic_comes_with_its_message
                large_arguments_and_results_arrive
                handles_are_arguments_and_results
            }
            deaths {
                a_death_while_decoding_fails_that_task_alone
                a_death_while_running_fails_that_task_alone
                a_death_while_encoding_fails_that_task_alone
                a_death_while_idle_fails_no_task
                every_task_of_many_may_kill_its_worker
            }
            own_code {
                a_panic_while_arguments_are_encoded_is_that_of_the_call
                a_panic_while_a_result_is_decoded_comes_where_it_is_asked_for
                one_of_many_arguments_that_panics_is_one_task
                one_of_many_results_that_panics_is_one_task
                a_result_that_panics_harms_no_callback_and_no_future
                an_owner_that_dies_of_its_own_code_takes_all_along
            }
            custody {
                a_task_is_not_run_again_after_another_was_taken_back
                a_task_taken_back_is_run_once
                many_tasks_pass_by_one_slow_task
                a_handle_among_the_arguments_is_the_tasks_alone
                a_task_behind_the_dead_one_is_run_once
            }
            workers {
                workers_killed_while_idle_are_replaced
                workers_killed_while_they_start_are_replaced
                an_old_handle_hits_nobody
                a_slow_task_holds_back_nobody
                the_workers_are_told_and_named
            }
            stopped {
                a_stopped_idle_worker_holds_back_no_task
                a_stopped_busy_worker_holds_back_its_own_task_only
                stopped_workers_are_terminated
                join_does_not_wait_for_a_stopped_worker
                a_pool_whose_workers_were_all_stopped_goes_on
            }
            mischief {
                a_task_that_closes_all_handles_fails_alone
                a_task_that_closes_all_handles_costs_no_processor
                a_task_that_forks_is_answered_once
                a_copy_of_the_owner_has_no_pool
                a_task_that_nobody_can_receive_ends
                a_result_that_cannot_be_received_costs_no_worker
            }
            endings {
                a_closed_pool_takes_no_tasks
                terminate_cancels_what_is_queued
                a_dropped_pool_leaves_nobody
                join_waits_for_every_task
                join_ends_although_workers_die
                a_killed_owner_takes_all_along
            }
            shapes {
                no_workers_are_refused
                pools_of_every_size_work
                a_pool_inside_a_worker_works
                two_pools_at_once
                pools_one_after_another
                a_process_with_threads_may_make_a_pool_or_is_told
            }
            shortage {
                a_pool_without_room_breaks_and_says_so
                a_pool_recovers_from_shortage
                a_pool_that_cannot_be_made_leaves_nothing
                workers_that_cannot_start_break_the_pool
                one_working_worker_keeps_the_pool_alive
                a_killed_fork_server_is_replaced_or_breaks_the_pool_when_the_workers_are_gone
            }
            growth {
                a_thousand_deaths_leave_nothing
                ten_thousand_tasks_leave_nothing
            }
        }
    };
    ($method:expr; $($module:ident { $($name:ident)* })*) => {$(
        mod $module {
            $(
                #[test]
                fn $name() {
                    ipc_testkit::isolated_within($crate::pool::LIMIT, || {
                        // The body runs from a constructor, and nobody knows whose comes first.
                        ipc_process::init();
                        $crate::pool::in_a_program(|(): ()| {
                            $crate::pool::without_a_trace($method, $crate::pool::$module::$name);
                        });
                    });
                }
            )*
        }
    )*};
}
pub(crate) use suite;

/// How long a test may take before it counts as hanging.
pub(crate) const LIMIT: Duration = Duration::from_secs(180);

/// Runs `test` in a program of its own. Pools hang their workers on a lifeline of the process, which stays open as long as the
/// process lives, and which the leak check around it would find.
pub(crate) fn in_a_program(test: fn(())) {
    Process::spawn(test, ()).expect("a process").join().expect("a test that passes");
}

/// Runs `test`, and fails if this process holds more after it than before.
pub(crate) fn without_a_trace(method: StartMethod, test: fn(StartMethod)) {
    // The lifeline, and whatever else the first process costs, is there from now on.
    Builder::new().daemon(true).spawn(|(): ()| (), ()).expect("a process").join().expect("nothing");
    let before = Snapshot::take();
    test(method);
    // It stays for the next process, and would count as left behind.
    ipc_process::stop_forkserver();
    before.assert_no_growth();
}

/// A pool that works.
#[track_caller]
pub(crate) fn pool(method: StartMethod, n_workers: usize) -> Pool {
    Pool::builder().method(method).workers(n_workers).build().expect("a pool")
}

/// A start method as an argument: by its name.
pub(crate) fn method_of(name: &str) -> StartMethod {
    name.parse().expect("the name of a method")
}

/// A task that is in its worker until it is let go.
pub(crate) struct Held {
    pub(crate) gate: Pipe<(), u32>,
    pub(crate) task: AsyncResult<u32>,
}

/// Says in which process it runs, and stays until it is let go.
pub(crate) fn stay(gate: Pipe<u32, ()>) -> u32 {
    let pid = std::process::id();
    gate.send(pid).expect("somebody wants to know");
    // The end of the pipe lets it go, too.
    let _ = gate.recv();
    pid
}

/// Hands in a task that stays.
pub(crate) fn submit_held(pool: &Pool) -> Held {
    let (gate, there) = pipe().expect("a pipe");
    Held { task: pool.apply_async(stay, there), gate }
}

impl Held {
    /// Waits until the task runs; in which process.
    #[track_caller]
    pub(crate) fn pid(&self) -> u32 {
        self.gate.recv_timeout(PATIENCE).expect("the task runs")
    }

    /// Lets the task go, and returns its result.
    pub(crate) fn release(self) -> Result<u32, TaskError> {
        let _ = self.gate.send(());
        self.task.get()
    }
}

/// Waits until `n_workers` workers run tasks at once; their process ids.
#[track_caller]
pub(crate) fn assert_full(pool: &Pool, n_workers: usize) -> BTreeSet<u32> {
    let held: Vec<Held> = (0..n_workers).map(|_| submit_held(pool)).collect();
    let pids: BTreeSet<u32> = held.iter().map(Held::pid).collect();
    assert_eq!(pids.len(), n_workers, "as many processes as workers");
    held.into_iter().for_each(|held| _ = held.release().expect("it was let go"));
    pids
}

/// Holds a process that is alive, or not collected yet, whoever its parent is.
pub(crate) fn hold(pid: u32) -> OwnedHandle {
    let pid = Pid::from_raw(pid.try_into().expect("a process id")).expect("a process id");
    pidfd_open(pid, PidfdFlags::empty()).expect("the process is there")
}

/// Signals a process that may have ended.
pub(crate) fn signal(process: &OwnedHandle, signal: Signal) {
    let _ = pidfd_send_signal(process, signal);
}

/// Waits for the end of a process.
#[track_caller]
pub(crate) fn assert_ends(process: impl AsHandle) {
    let ended = wait_one(process.as_fd(), Interest::Read, Deadline::after(PATIENCE));
    assert!(ended.expect("a handle can be waited for"), "the process did not end");
}

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The task that every pool can do.
pub(crate) fn double(number: u64) -> u64 {
    number * 2
}
