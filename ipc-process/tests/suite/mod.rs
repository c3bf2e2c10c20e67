//! What holds for a process however it was started: the test bodies, and their names, for every start method.

pub(crate) mod daemons;
pub(crate) mod endings;
pub(crate) mod eof;
pub(crate) mod handles;
pub(crate) mod lifecycle;
pub(crate) mod panics;
pub(crate) mod refusals;
pub(crate) mod results;
pub(crate) mod surroundings;
pub(crate) mod tree;

use ipc_process::{Builder, Process, StartMethod};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, OwnedHandle};
use ipc_sys::readiness::{Interest, wait_one};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// What ends a wait that should not have been needed. Long, so that a loaded machine fails no test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Makes one test per body and start method, each in a process of its own.
macro_rules! suite {
    ($method:expr) => {
        $crate::suite::suite! { $method;
            daemons {
                a_daemon_ends_with_its_killed_parent
                a_stopped_daemon_ends_with_its_killed_parent
                a_daemon_ends_when_its_parent_returns
                another_process_goes_on_without_its_parent
                the_end_of_the_starting_thread_means_nothing
            }
            endings {
                an_exit_code_comes_back
                an_abort_is_a_signal
                signals_are_named
                terminate_kill_and_interrupt_end_a_process
                ending_an_ended_process_does_nothing
                a_status_that_somebody_else_collected_is_no_hang
            }
            eof {
                the_end_of_a_pipe_does_not_wait_for_a_later_sibling
                the_end_of_a_pipe_does_not_wait_for_an_earlier_sibling
                the_end_of_a_pipe_does_not_wait_for_a_grandchild
                a_sender_sees_the_end_of_the_only_receiver
            }
            handles {
                a_file_is_an_argument
                pipe_ends_are_arguments
                a_queue_is_an_argument
                sockets_and_bare_handles_are_arguments
                handles_are_results
                a_passed_end_is_the_childs_alone
                only_what_was_passed_is_there
            }
            lifecycle {
                names_count_the_children
                the_child_knows_who_it_is
                alive_until_it_is_not
                a_join_that_times_out_gives_the_process_back
                try_join_does_not_wait
                many_threads_wait_for_one_process
                the_sentinel_tells_of_the_end_only
                a_dropped_process_goes_on_and_is_collected
                children_are_listed_while_they_run
            }
            panics {
                a_panic_comes_back_with_all_it_said
                a_panic_with_any_payload_comes_back
                a_caught_panic_is_not_mistaken_for_a_later_one
                a_panic_in_another_thread_is_no_panic_of_the_function
            }
            refusals {
                arguments_that_do_not_encode_start_nothing
                arguments_that_do_not_decode_are_told
                results_that_do_not_encode_are_told
                results_that_do_not_decode_are_told
                limits_hold_for_arguments_and_results
                a_bad_variable_name_starts_nothing
                a_missing_working_directory_is_told_at_once
            }
            results {
                values_of_many_types_come_back
                large_arguments_arrive
                a_large_result_waits_for_nobody
                a_result_outlives_its_process_by_any_time
                a_result_is_there_though_somebody_collected_the_status
            }
            surroundings {
                variables_are_set_and_removed
                a_cleared_environment_is_empty
                the_parents_environment_stays_as_it_is
                the_working_directory_is_the_childs
                streams_go_nowhere
                streams_go_to_files
                streams_go_through_pipes
                what_the_parent_had_not_flushed_is_printed_once
                a_parent_without_standard_streams_starts_processes
            }
            tree {
                children_have_children
                a_grandchild_outlives_its_parent
                children_start_children_by_threads
                the_parent_is_seen_to_end
                a_parent_that_has_ended_is_told_to_be_dead
            }
        }
    };
    ($method:expr; $($module:ident { $($name:ident)* })*) => {$(
        mod $module {
            $(
                #[test]
                fn $name() {
                    ipc_testkit::isolated(|| {
                        // The body runs from a constructor, and nobody knows whose comes first.
                        ipc_process::init();
                        $crate::suite::$module::$name($method);
                        // It stays for the next process, and would count as left behind.
                        ipc_process::stop_forkserver();
                    });
                }
            )*
        }
    )*};
}
pub(crate) use suite;

/// Starts a process by `method`.
#[track_caller]
pub(crate) fn start<A, R>(method: StartMethod, function: fn(A) -> R, args: A) -> Process<R>
where
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    Builder::new().method(method).spawn(function, args).expect("a process")
}

/// A start method as an argument: by its name.
pub(crate) fn method_of(name: &str) -> StartMethod {
    name.parse().expect("the name of a method")
}

/// Runs `test` in a process of its own. For what starts daemons: they hang on a lifeline of their parent's which stays
/// open as long as the parent lives, and which the leak check would find.
#[track_caller]
pub(crate) fn elsewhere(method: StartMethod, test: fn(String)) {
    start(StartMethod::Spawn, test, method.to_string()).join().expect("a test that passes");
}

/// Asserts that this process has no child, the fork server apart.
#[track_caller]
pub(crate) fn assert_no_children() {
    ipc_process::stop_forkserver();
    assert_eq!(ipc_testkit::proc::children(), []);
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

/// Whether the handle is readable within `timeout`; a process is, from its end on.
pub(crate) fn readable_within(handle: impl AsHandle, timeout: Duration) -> bool {
    wait_one(handle.as_fd(), Interest::Read, Deadline::after(timeout)).expect("a handle can be waited for")
}

/// Waits for the end of a process.
#[track_caller]
pub(crate) fn assert_ends(process: impl AsHandle) {
    assert!(readable_within(process, PATIENCE), "the process did not end");
}

/// Waits until `condition` holds. For what the kernel does some time after it told of it.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(std::time::Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
