//! Many threads on one end: nothing is torn, lost or received twice.

use ipc_pipe::{pipe, simplex};
use ipc_testkit::watchdog;
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

const N_THREADS: u64 = 4;
const N_MESSAGES: u64 = 2000;

/// Text that tells its number and its sender, small or large.
fn message(sender: u64, number: u64) -> (u64, u64, String) {
    let size = if number % 50 == 0 { 50_000 } else { number as usize % 300 };
    (sender, number, format!("{sender}-{number};").repeat(size))
}

#[test]
fn many_threads_send_and_receive_on_one_end() {
    let _guard = watchdog(Duration::from_secs(100));
    let (sender, receiver) = simplex().expect("a pipe");
    let receivers: Vec<Vec<(u64, u64)>> = thread::scope(|scope| {
        let receivers: Vec<_> = (0..N_THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let check = |found: (u64, u64, String)| {
                        assert!(found == message(found.0, found.1), "{} of {} is torn", found.1, found.0);
                        (found.0, found.1)
                    };
                    receiver.iter().map(|found| check(found.expect("a message"))).collect()
                })
            })
            .collect();
        thread::scope(|scope| {
            for thread in 0..N_THREADS {
                let sender = &sender;
                scope.spawn(move || {
                    (0..N_MESSAGES).for_each(|number| sender.send(message(thread, number)).expect("room"));
                });
            }
        });
        drop(sender);
        receivers.into_iter().map(|receiver| receiver.join().expect("no panic")).collect()
    });
    for received in &receivers {
        // What one thread sends, each receiver gets in the order in which it was sent.
        for sender in 0..N_THREADS {
            let numbers: Vec<u64> =
                received.iter().filter(|found| found.0 == sender).map(|found| found.1).collect();
            assert!(numbers.is_sorted(), "{numbers:?}");
        }
    }
    let all: BTreeSet<_> = receivers.iter().flatten().collect();
    assert_eq!(receivers.iter().map(Vec::len).sum::<usize>(), (N_THREADS * N_MESSAGES) as usize);
    assert_eq!(all.len(), (N_THREADS * N_MESSAGES) as usize);
}

#[test]
fn both_directions_work_at_the_same_time() {
    let _guard = watchdog(Duration::from_secs(100));
    let (client, server) = pipe::<u64, u64>().expect("a pipe");
    thread::scope(|outer| {
        for _ in 0..N_THREADS {
            outer.spawn(|| {
                server.iter().for_each(|number| server.send(number.expect("a number") * 2).expect("room"))
            });
        }
        thread::scope(|scope| {
            for _ in 0..N_THREADS {
                scope.spawn(|| (0..N_MESSAGES).for_each(|number| client.send(number).expect("room")));
            }
            let answers = (0..N_THREADS * N_MESSAGES).map(|_| client.recv().expect("a number"));
            assert_eq!(answers.sum::<u64>(), N_THREADS * N_MESSAGES * (N_MESSAGES - 1));
        });
        drop(client);
    });
}
