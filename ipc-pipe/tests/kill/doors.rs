//! Those who bind, accept and connect: what is left of the name, and how the other side ends.
//!
//! A handshake has so many instructions without optimization that they are counted in the full form only. The short one kills at random.

use crate::letters::{LIMIT, Seen};
use crate::support::{fork_child, leaves};
use ipc_pipe::{
    Address, ConnectError, Connection, Connector, Key, Listener, ListenerBuilder, Pipe, RecvError,
    RecvTimeoutError, SendError, SendTimeoutError,
};
use ipc_testkit::TempDir;
use ipc_testkit::kill::{Args, Moment, Row, storm, sweep};
use std::cell::Cell;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

/// Between two attempts of a client to find somebody.
const PAUSE: Duration = Duration::from_micros(200);
/// What somebody may take whose steps are counted one by one, for a handshake or a word. That those who wait for it are told in time is
/// seen by who asks them.
const STEP_BY_STEP: Duration = Duration::from_secs(60);
/// What clients say: one that may be killed, and one that nobody kills.
const DOOMED: u8 = 1;
const HONEST: u8 = 2;
const LAST: u8 = 3;

/// What a client finds.
const FOUND: [&str; 4] = ["nobody", "closed", "connected", "answered"];

/// A name in a folder of its own, and the key of who listens there.
struct Spot {
    _folder: TempDir,
    path: PathBuf,
    address: Address,
    key: Key,
}

impl Spot {
    fn new() -> Spot {
        let folder = ipc_testkit::temp_dir();
        let path = folder.path().join("private").join("socket");
        let address = Address::local(&path).expect("a path");
        Spot { _folder: folder, path, address, key: Key::random().expect("random bytes") }
    }

    fn bind(&self) -> Listener<String, u8> {
        let builder = ListenerBuilder::new(&self.key).handshake_timeout(STEP_BY_STEP);
        builder.bind(&self.address).expect("nobody listens")
    }

    fn connect(&self) -> Result<Connection<u8, String>, ConnectError> {
        Connector::new(&self.key).timeout(STEP_BY_STEP).connect(&self.address)
    }

    /// Whether the name stands for something, if only for somebody who is dead.
    fn has_name(&self) -> bool {
        self.path.symlink_metadata().is_ok()
    }

    /// What a client says that nobody kills, and is answered.
    fn ask(&self, word: u8) -> String {
        let answer = || {
            let mut connection = self.connect().map_err(|error| format!("? {error:?}"))?;
            connection.send_timeout(word, LIMIT).map_err(|error| format!("? {error:?}"))?;
            connection.recv_timeout(LIMIT).map_err(|error| format!("? {error:?}"))
        };
        answer().unwrap_or_else(|error| error)
    }
}

/// One who listens and one who visits, killed at any time, and one who visits and is not: it is told how it went, and there is
/// nothing that the next one who listens has to put in order.
pub(crate) fn meet(args: &Args) -> Row {
    let mut seen = Seen::new("meet", &["answered", "not answered"]);
    let work = |spot: &Spot, worker: usize| match worker {
        0 => {
            let mut listener = spot.bind();
            while welcome(&mut listener, LIMIT / 100).is_ok() {}
        }
        _ => drop(visit(spot)),
    };
    let watch = |spot: &Spot| {
        let found = visit(spot);
        assert!(FOUND.contains(&&*found), "{found}");
        if found == "answered" {
            std::fs::write(spot.path.with_extension("answered"), "").expect("there is room");
        }
    };
    let swept = storm(args.scale(200, 5000), 2, Spot::new, work, watch, |spot, moment| {
        if moment == Moment::Over {
            let is_answered = spot.path.with_extension("answered").exists();
            seen.add(if is_answered { "answered" } else { "not answered" }, &moment);
            drop(spot.bind());
            if spot.has_name() {
                seen.lose("the name of a listener that was dropped is there", &moment);
            }
        }
    });
    // In how many rounds somebody finds the time between two kills is the machine's business.
    let is_enough = seen.count("answered") > 0;
    let row = swept.row("meet");
    Row { losses: seen.losses(), ok: row.ok && is_enough, ..row }
}

/// One who binds a name, that nobody has ever had or that somebody dead has left: nobody is reached by it, and the next one has it.
pub(crate) fn bind(_: &Args) -> Row {
    let rows = [("bind", false), ("bind over the dead", true)].map(|(label, is_left)| {
        let spot = Spot::new();
        drop(spot.bind());
        let mut seen = Seen::new(label, &["no name", "a dead name"]);
        let make = || {
            if is_left {
                drop(UnixListener::bind(&spot.path).expect("nobody has the name"));
            }
        };
        let call = |(): &()| drop(spot.bind());
        let swept = sweep(1, make, call, |(), point| {
            let found = if spot.has_name() { "a dead name" } else { "no name" };
            seen.add(found, &point);
            if !matches!(spot.connect(), Err(ConnectError::Nobody(_))) {
                seen.lose("somebody is reached", &point);
            }
            drop(spot.bind());
            if spot.has_name() {
                seen.lose("the name of a listener that was dropped is there", &point);
            }
        });
        seen.row(&swept)
    });
    Row::sum("bind", rows)
}

/// One who connects and says a word: the listener serves the next one, and has the word or an end, or never heard of it.
pub(crate) fn connect(_: &Args) -> Row {
    let spot = Spot::new();
    let server = fork_child(|| serve(spot.bind()));
    // The name is there a moment before anybody listens.
    while !spot.ask(HONEST).is_empty() {
        sleep(PAUSE);
    }
    let mut seen = Seen::new("connect", &["", "e", "we"]);
    let call = |(): &()| {
        let mut connection = spot.connect().expect("somebody listens");
        connection.send(DOOMED).expect("it is there");
    };
    let swept = sweep(
        1,
        || (),
        call,
        |(), point| {
            seen.add(&spot.ask(HONEST), &point);
        },
    );
    let held = spot.ask(LAST);
    if held != "0" || !leaves(&server, LIMIT) {
        seen.lose(&format!("the listener ends badly, with {held} descriptors more,"), &"all");
    }
    seen.row(&swept)
}

/// Serves one after the other: tells those that are honest what was there since the last one.
fn serve(mut listener: Listener<String, u8>) {
    let n_before = n_descriptors();
    let mut found = String::new();
    loop {
        let mut connection = listener.accept_timeout(STEP_BY_STEP).expect("somebody comes");
        match connection.recv_timeout(STEP_BY_STEP) {
            Ok(DOOMED) => found.push('w'),
            Ok(HONEST) => {
                connection.send(std::mem::take(&mut found)).expect("it waits for that");
                continue;
            }
            Ok(_) => {
                let n_more = n_descriptors() - n_before - 1;
                return connection.send(n_more.to_string()).expect("it waits for that");
            }
            Err(RecvTimeoutError::Recv(RecvError::Eof)) => {
                found.push('e');
                continue;
            }
            Err(error) => found.push_str(&format!("? {error:?}")),
        }
        match connection.recv_timeout(STEP_BY_STEP) {
            Err(RecvTimeoutError::Recv(RecvError::Eof)) => found.push('e'),
            other => found.push_str(&format!("? {other:?}")),
        }
    }
}

fn n_descriptors() -> usize {
    ipc_testkit::proc::descriptors().len()
}

/// One who binds, accepts a client and answers it: the client finds nobody, is left in the handshake or later, or is answered, and
/// reaches the next one that has the name.
pub(crate) fn accept(_: &Args) -> Row {
    let spot = Spot::new();
    drop(spot.bind());
    let (client, orders) = ipc_pipe::pipe::<(), String>().expect("memory is left");
    let client = Cell::new(Some(client));
    let child = fork_child(|| {
        drop(client.take());
        visit_for_ever(&spot, &orders);
    });
    let client = client.take().expect("it is there once");
    let order = || client.send(()).expect("it waits for that");
    let told = || client.recv_timeout(LIMIT).unwrap_or_else(|error| format!("? {error:?}"));
    let mut seen = Seen::new("accept", &FOUND);
    let call = |(): &()| welcome(&mut spot.bind(), STEP_BY_STEP).expect("a client comes");
    let swept = sweep(1, order, call, |(), point| {
        // If it has found nobody so far that is enough.
        order();
        seen.add(&told(), &point);
        let mut listener = spot.bind();
        order();
        let welcomed = welcome(&mut listener, LIMIT);
        order();
        let found = told();
        if welcomed.is_err() || found != "answered" {
            seen.lose(&format!("{welcomed:?} and {found} by the next listener"), &point);
        }
        drop(listener);
        if spot.has_name() {
            seen.lose("the name of a listener that was dropped is there", &point);
        }
    });
    drop(client);
    if !leaves(&child, LIMIT) {
        seen.lose("the client ends badly", &"all");
    }
    seen.row(&swept)
}

/// Accepts one client and answers it.
fn welcome(listener: &mut Listener<String, u8>, limit: Duration) -> Result<(), String> {
    let mut connection = listener.accept_timeout(limit).map_err(|error| format!("{error:?}"))?;
    let word = connection.recv_timeout(limit).map_err(|error| format!("{error:?}"))?;
    connection.send_timeout(word.to_string(), limit).map_err(|error| format!("{error:?}"))
}

/// Visits who listens, and tells how it went. Of two orders one begins a visit; with the other, who has found nobody gives up.
fn visit_for_ever(spot: &Spot, orders: &Pipe<String, ()>) {
    while orders.recv().is_ok() {
        let mut is_enough = false;
        let found = loop {
            let found = visit(spot);
            if found != "nobody" || is_enough {
                break found;
            }
            sleep(PAUSE);
            is_enough = orders.try_recv().is_ok();
        };
        if !is_enough {
            orders.recv().expect("the other order");
        }
        orders.send(found).expect("it waits for that");
    }
}

/// Visits who listens, says a word, and waits for the answer or the end.
fn visit(spot: &Spot) -> String {
    let mut connection = match spot.connect() {
        Ok(connection) => connection,
        Err(ConnectError::Nobody(_)) => return "nobody".to_owned(),
        Err(ConnectError::Closed) => return "closed".to_owned(),
        Err(error) => return format!("? {error:?}"),
    };
    let sent = connection.send_timeout(DOOMED, STEP_BY_STEP);
    match (sent, connection.recv_timeout(STEP_BY_STEP)) {
        (Ok(()), Ok(_)) => "answered".to_owned(),
        (
            Ok(()) | Err(SendTimeoutError::Send(SendError::Closed(_))),
            Err(RecvTimeoutError::Recv(RecvError::Eof)),
        ) => "connected".to_owned(),
        other => format!("? {other:?}"),
    }
}
