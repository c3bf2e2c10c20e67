//! Managers that are reached by an address: what works through a gate, what is refused there, and what is left when somebody is killed.

mod crowds;
mod deaths;
mod objects;
mod refusals;
#[cfg(feature = "tls")]
mod tls;

use ipc_manager::{Event, Gate, GateBuilder, Manager, Remote};
use ipc_pipe::{Address, Key};
use ipc_process::Process;
use std::time::{Duration, Instant};

/// What ends a wait that should not have been needed. Long, so that a loaded machine fails no test.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a test of each body, in a program of its own: the server is a daemon, and daemons hang on a lifeline of their parent's, which the
/// leak check around it would find.
macro_rules! tests {
    ($($name:ident)*) => {
        mod run {
            $(
                #[test]
                fn $name() {
                    ipc_testkit::isolated_within(crate::limit(), || crate::in_a_program(|()| super::$name()));
                }
            )*
        }
    };
}
use tests;

/// How long a test may take: longer where there are crowds.
fn limit() -> Duration {
    Duration::from_secs(if std::env::var_os("IPC_MANAGER_LONG").is_some() { 600 } else { 60 })
}

fn in_a_program(test: fn(())) {
    Process::spawn(test, ()).expect("a process").join().expect("a test that passes");
}

/// Where a manager is, and the key to it.
type Way = (Address, Key);

/// A manager with a gate to it.
struct Open {
    gate: Gate,
    way: Way,
    manager: Manager,
}

fn tcp() -> Address {
    "tcp:127.0.0.1:0".parse().expect("an address")
}

fn open_with(settings: impl FnOnce(GateBuilder) -> GateBuilder) -> Open {
    open_at(&tcp(), settings)
}

fn open_at(address: &Address, settings: impl FnOnce(GateBuilder) -> GateBuilder) -> Open {
    let (manager, key) = (Manager::start().expect("a manager"), Key::random().expect("a key"));
    let gate = settings(GateBuilder::new(&key)).bind(&manager, address).expect("a gate");
    let way = (gate.address().clone(), key);
    Open { gate, way, manager }
}

fn open() -> Open {
    open_with(|gate| gate)
}

fn reach((address, key): &Way) -> Remote {
    Manager::connect(address, key).expect("the manager is reached")
}

/// Starts a process that comes through the gate, does something, says so by the event `done`, and stays.
fn client(open: &Open, work: fn(Way)) -> Process<()> {
    let done = open.manager.event().expect("an event");
    open.gate.publish("done", &done).expect("a name");
    let process = Process::spawn(work, open.way.clone()).expect("a child");
    done.wait_timeout(PATIENCE).expect("it says so");
    process
}

/// The second half of what a client does.
fn stay(remote: &Remote) {
    remote.find::<Event>("done").expect("the event").set().expect("set");
    loop {
        std::thread::park();
    }
}

fn kill(process: &Process<()>) {
    process.kill().expect("a kill");
    process.wait().expect("its end");
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
