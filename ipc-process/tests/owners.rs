//! What becomes of daemons, workers and fork servers when their owner is killed or stopped, and of the owner when they are.
//!
//! With `IPC_PROCESS_LONG` set, owners are killed a hundred times in each state.

use ipc_pipe::{Pipe, Receiver, Sender, pipe, simplex};
use ipc_process::{Builder, Pool, Process, StartMethod, active_children, stop_forkserver};
use ipc_testkit::{Rng, isolated, isolated_within};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// How long a test may take that kills owners.
fn limit() -> Duration {
    PATIENCE * if n_rounds() > N_ROUNDS { 20 } else { 4 }
}

/// How often an owner is killed in each state, if nobody asks for more.
const N_ROUNDS: usize = 3;

/// What an owner does when it is killed.
const STATES: [&str; 3] = ["idle", "busy", "spawning"];

fn n_rounds() -> usize {
    if std::env::var_os("IPC_PROCESS_LONG").is_some() { 100 } else { N_ROUNDS }
}

/// Whose last holder's end the other side sees.
type Alive = ipc_queue::Sender<()>;

fn start_daemon(method: StartMethod, alive: &Alive) -> Process<()> {
    fn live_for_ever(_alive: Alive) {
        loop {
            std::thread::park();
        }
    }
    let daemon = Builder::new().method(method).daemon(true).spawn(live_for_ever, alive.clone());
    daemon.expect("a process")
}

/// Has daemons of every method, tells the numbers of all its children, and goes on as the state says.
fn own((state, alive, pids): (String, Alive, Sender<Vec<i32>>)) {
    let daemons: Vec<_> = StartMethod::ALL.iter().map(|&method| start_daemon(method, &alive)).collect();
    let mut below: Vec<i32> = daemons.iter().map(|daemon| daemon.pid() as i32).collect();
    // The fork server is a child that nobody is told of otherwise.
    below.extend(ipc_testkit::proc::children());
    pids.send(below).expect("the test is there");
    match state.as_str() {
        "idle" => loop {
            std::thread::park();
        },
        "busy" => loop {
            std::hint::spin_loop();
        },
        _ => loop {
            let started: Vec<_> =
                StartMethod::ALL.iter().map(|&method| start_daemon(method, &alive)).collect();
            started.iter().for_each(|process| process.kill().expect("it is there"));
        },
    }
}

fn open(pid: i32) -> OwnedFd {
    pidfd_open(Pid::from_raw(pid).expect("a process id"), PidfdFlags::empty()).expect("it is there")
}

#[track_caller]
fn assert_ends(process: &OwnedFd) {
    let ended = ipc_sys::readiness::wait_one(
        std::os::fd::AsFd::as_fd(process),
        ipc_sys::readiness::Interest::Read,
        ipc_sys::clock::Deadline::after(PATIENCE),
    );
    assert!(ended.expect("it can be waited for"), "the process did not end");
}

#[test]
fn all_daemons_and_servers_end_with_a_killed_owner() {
    isolated_within(limit(), || {
        ipc_process::init();
        let mut rng = Rng::from_env();
        for state in STATES.into_iter().cycle().take(STATES.len() * n_rounds()) {
            let (alive, is_alive) = ipc_queue::channel::<()>(1).expect("a channel");
            let (pids, told) = simplex().expect("a pipe");
            let owner = Builder::new().method(StartMethod::Spawn).spawn(own, (state.into(), alive, pids));
            let owner = owner.expect("a process");
            let below: Vec<_> = told.recv().expect("numbers").into_iter().map(open).collect();
            assert!(below.len() >= 4, "three daemons and the server");
            std::thread::sleep(Duration::from_micros(rng.below(5000)));
            if state == "idle" {
                // Whoever is stopped could do nothing about it, and need not.
                let stop = |process: &OwnedFd| pidfd_send_signal(process, Signal::STOP).expect("it is there");
                below.iter().for_each(stop);
            }
            assert_all_end(owner, &is_alive, &below, state);
        }
        // A server that was being made has no end of the pipe, and is found when this process ends.
    });
}

/// Kills an owner, and waits for the end of all that it had.
#[track_caller]
fn assert_all_end(owner: Process<()>, is_alive: &ipc_queue::Receiver<()>, below: &[OwnedFd], state: &str) {
    owner.kill().expect("it is there");
    owner.join().expect_err("it was killed");
    // Also those that were being made when it was killed: each has this end of the pipe.
    let end = is_alive.recv_timeout(PATIENCE);
    assert!(matches!(end, Err(ipc_queue::RecvTimeoutError::Disconnected)), "{state}: {end:?}");
    below.iter().for_each(assert_ends);
}

/// Has a pool whose workers hold an end of the channel, tells the numbers of all processes below, and when those are known goes on as
/// the state says.
fn own_a_pool((state, method, alive, pids): (String, String, Alive, Pipe<Vec<i32>, ()>)) {
    let builder = Pool::builder().workers(2).method(method.parse().expect("a method"));
    let pool = builder.initializer(|alive: Alive| std::mem::forget(alive), alive).build().expect("a pool");
    let mut below: Vec<i32> = pool.workers().iter().map(|worker| worker.pid() as i32).collect();
    below.extend(ipc_testkit::proc::children());
    pids.send(below).expect("the test is there");
    pids.recv().expect("the test is there");
    match state.as_str() {
        "idle" => loop {
            std::thread::park();
        },
        "busy" => loop {
            pool.map(|n: u64| n + 1, 0..1000);
        },
        _ => loop {
            pool.workers().iter().for_each(|worker| worker.kill().expect("it is ours"));
            // Some are found as they start.
            std::thread::sleep(Duration::from_millis(1));
        },
    }
}

#[test]
fn all_workers_and_servers_end_with_a_killed_owner() {
    isolated_within(limit(), || {
        ipc_process::init();
        let mut rng = Rng::from_env();
        let all = STATES.iter().flat_map(|state| StartMethod::ALL.iter().map(move |method| (state, method)));
        for (state, method) in all.cycle().take(STATES.len() * StartMethod::ALL.len() * n_rounds()) {
            let (alive, is_alive) = ipc_queue::channel::<()>(1).expect("a channel");
            let (told, pids) = pipe().expect("a pipe");
            let orders = (state.to_string(), method.to_string(), alive, pids);
            let owner = Process::spawn(own_a_pool, orders).expect("a process");
            let below: Vec<_> = told.recv().expect("numbers").into_iter().map(open).collect();
            told.send(()).expect("it is there");
            std::thread::sleep(Duration::from_micros(rng.below(5000)));
            assert_all_end(owner, &is_alive, &below, state);
        }
    });
}

type Echo = Pipe<u64, u64>;

fn echo(server: Echo) {
    for number in server.iter() {
        let _ = server.send(number.expect("a number") + 1);
    }
}

/// Has a child of each method that answers and a pool, and uses the fork server and the pool when it is told.
fn own_and_go_on((servers, go, done): (Vec<Echo>, Receiver<u64>, Sender<u64>)) {
    let children: Vec<_> = StartMethod::ALL
        .iter()
        .zip(servers)
        .map(|(&method, server)| {
            Builder::new().method(method).daemon(true).spawn(echo, server).expect("a process")
        })
        .collect();
    let pool = Pool::builder().workers(2).method(StartMethod::ForkServer).build().expect("a pool");
    let tasks = pool.map_async(|n: u64| n * 2, 0..1000);
    done.send(0).expect("the test is there");
    for number in go.iter() {
        let builder = Builder::new().method(StartMethod::ForkServer);
        let process = builder.spawn(|n: u64| n * 2, number.expect("a number")).expect("a process");
        let number = process.join().expect("a number");
        done.send(pool.apply(|n: u64| n * 2, number).expect("a number")).expect("the test is there");
    }
    assert!(tasks.get().into_iter().all(|result| result.is_ok()));
    assert_eq!(pool.deaths(), 0);
    drop(pool);
    children.into_iter().for_each(|child| child.kill().expect("it is there"));
}

#[test]
fn a_stopped_owner_harms_nobody() {
    isolated(|| {
        ipc_process::init();
        let (clients, servers): (Vec<Echo>, Vec<Echo>) =
            StartMethod::ALL.iter().map(|_| pipe().expect("a pipe")).unzip();
        let (tell, go) = simplex().expect("a pipe");
        let (done, is_done) = simplex().expect("a pipe");
        let builder = Builder::new().method(StartMethod::Spawn);
        let owner = builder.spawn(own_and_go_on, (servers, go, done)).expect("a process");
        assert_eq!(is_done.recv().expect("it has begun"), 0);
        let handle = open(owner.pid() as i32);
        pidfd_send_signal(&handle, Signal::STOP).expect("it is there");
        for round in 0..10 {
            for client in &clients {
                client.send(round).expect("it is there");
                assert_eq!(client.recv().expect("a number"), round + 1);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        tell.send(21).expect("it is stopped, and there");
        pidfd_send_signal(&handle, Signal::CONT).expect("it is there");
        assert_eq!(is_done.recv().expect("a number"), 84);
        drop(tell);
        drop(clients);
        owner.join().expect("an end");
    });
}

/// The server is killed again and again, while there are children of it and while it is making them.
#[test]
fn the_death_of_a_server_costs_its_owner_nothing() {
    isolated_within(PATIENCE, || {
        ipc_process::init();
        let builder = || Builder::new().method(StartMethod::ForkServer);
        let (hold, go) = simplex::<()>().expect("a pipe");
        let old = builder().spawn(
            |go: Receiver<()>| {
                let _ = go.recv();
                7
            },
            go,
        );
        let old = old.expect("a process");
        for number in 0..20_u64 {
            let killed = server();
            pidfd_send_signal(&killed, Signal::KILL).expect("it is there");
            if number % 2 == 0 {
                // Otherwise the next order meets a server that may be dead or not.
                assert_ends(&killed);
            }
            let process = builder().spawn(|n: u64| n * 3, number).expect("a process");
            assert_eq!(process.join().expect("a number"), number * 3);
        }
        // Its server is long gone. What it returns, and that it ends, is known nevertheless.
        assert!(old.is_alive());
        assert_eq!(active_children().len(), 1);
        drop(hold);
        old.wait().expect("a status");
        assert_eq!(old.join().expect("a number"), 7);
        stop_forkserver();
    });
}

/// The fork server, which is the only child of this process.
fn server() -> OwnedFd {
    let children: Vec<i32> = ipc_testkit::proc::children();
    let alive = children.into_iter().find(|&pid| {
        ipc_testkit::proc::stat(pid).is_some_and(|stat| stat.name == "ForkServer" && stat.state != 'Z')
    });
    open(alive.expect("there is a server"))
}

/// The keyboard interrupts all processes of its group, and the server is not to be missed by those who handle that.
#[test]
fn an_interrupt_does_not_end_the_server() {
    isolated(|| {
        ipc_process::init();
        let builder = || Builder::new().method(StartMethod::ForkServer);
        builder().spawn(|(): ()| (), ()).expect("a process").join().expect("an end");
        let server = server();
        pidfd_send_signal(&server, Signal::INT).expect("it is there");
        let process = builder()
            .spawn(
                |(): ()| loop {
                    std::thread::park()
                },
                (),
            )
            .expect("a process");
        let process: Process<()> = process;
        // Its children are interrupted as any process.
        process.interrupt().expect("it is there");
        assert_eq!(process.wait().expect("a status").signal(), Some(2));
        let still = ipc_sys::readiness::wait_one(
            std::os::fd::AsFd::as_fd(&server),
            ipc_sys::readiness::Interest::Read,
            ipc_sys::clock::Deadline::NOW,
        );
        assert!(!still.expect("it can be waited for"), "the server has ended");
        stop_forkserver();
    });
}
