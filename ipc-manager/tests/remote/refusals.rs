//! Who and what is refused at a gate.

use crate::{PATIENCE, Way, open, open_with, reach, tcp, tests, until};
use ipc_manager::{CallError, Event, GateBuilder, GateError, Manager, RemoteError, Value};
use ipc_pipe::{Address, BindError, ConnectError, Key};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

tests! {
    a_wrong_key
    other_machines_in_the_clear
    functions_unless_they_are_allowed
    calls_that_are_for_others
    too_many_calls_and_clients
    who_changes_what_is_said_lets_nobody_in
    a_wire_in_between_is_noticed
    what_was_said_before_is_worth_nothing
    what_was_said_at_another_gate_is_worth_nothing
}

fn at(way: &Way) -> SocketAddr {
    match way.0 {
        Address::Tcp(at) => at,
        _ => unreachable!("the gates here are TCP ones"),
    }
}

fn a_wrong_key() {
    let open = open();
    let other = Key::random().expect("a key");
    let error = Manager::connect(&open.way.0, &other).unwrap_err();
    assert!(matches!(error, RemoteError::Connect(ConnectError::Refused)), "{error:?}");
    reach(&open.way);
    until("it was counted", || open.gate.turned_away().wrong_key == 1);
}

fn other_machines_in_the_clear() {
    let (manager, key) = (Manager::start().expect("a manager"), Key::random().expect("a key"));
    let everywhere: Address = "tcp:0.0.0.0:0".parse().expect("an address");
    let refused = manager.serve(&everywhere, &key);
    assert!(matches!(refused, Err(GateError::Bind(BindError::Plaintext))));
    let gate = GateBuilder::new(&key).insecure().bind(&manager, &everywhere).expect("a gate");
    drop(gate);
    // From 192.0.2.0/24, which is nobody's.
    let elsewhere: Address = "tcp:192.0.2.1:4000".parse().expect("an address");
    let refused = Manager::connect(&elsewhere, &key);
    assert!(matches!(refused, Err(RemoteError::Connect(ConnectError::Plaintext))));
}

fn functions_unless_they_are_allowed() {
    let open = open();
    let remote = reach(&open.way);
    let value: Value<u32> = remote.value(1).expect("a value");
    let refused = value.update(|number: &mut u32, (): ()| *number += 1, ());
    assert!(matches!(&refused, Err(CallError::Refused { reason }) if reason.contains("gate")), "{refused:?}");
    let refused = remote.pool(1).expect("a pool").apply(|n: u32| n, 1);
    assert!(matches!(refused, Err(CallError::Refused { .. })), "{refused:?}");
    assert_eq!(value.fetch_add(1).expect("a number"), 1);
}

fn calls_that_are_for_others() {
    let open = open();
    let list = reach(&open.way).list_from([1]).expect("a list");
    // To a manager of its own, to which it would be a handle from elsewhere.
    let own = Manager::start().expect("a manager");
    let lists = own.list::<ipc_manager::List<i32>>().expect("a list");
    let error = lists.push(&list).unwrap_err();
    assert!(matches!(error, CallError::Encode(_)), "{error:?}");
    assert_eq!((list.len().expect("a length"), lists.len().expect("a length")), (1, 0));
}

fn too_many_calls_and_clients() {
    let open = open_with(|gate| gate.max_calls(2).max_clients(2));
    let event = open.manager.event().expect("an event");
    open.gate.publish("event", &event).expect("a name");
    let remote = reach(&open.way);
    let (far, value) = (remote.find::<Event>("event").expect("it"), remote.value(1).expect("a value"));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| far.wait_timeout(PATIENCE).expect("it is set"));
        }
        until("they wait", || {
            open.manager.objects().expect("objects").iter().map(|it| it.waiting).sum::<usize>() == 2
        });
        assert!(matches!(value.get(), Err(CallError::Limit { .. })));
        let other = reach(&open.way);
        let error = Manager::connect(&open.way.0, &open.way.1).unwrap_err();
        assert!(matches!(error, RemoteError::Full { .. }), "{error:?}");
        drop(other);
        until("there is room", || Manager::connect(&open.way.0, &open.way.1).is_ok());
        // The calls that are under way go on.
        event.set().expect("set");
    });
    assert_eq!(value.get().expect("a number"), 1);
}

/// The sizes of what a gate and a client say in turn, as `docs/wire-format.md` has them.
const HELLO: usize = 72;
const PROOF: usize = 104;
const VERDICT: usize = 33;
/// The first byte of a verdict on those who are let in.
const WELCOME: u8 = 0;

/// What somebody in between makes of what is said. The attacks are those of `ipc-pipe/tests/handshake_attacks.rs`, as far as they need no key.
struct Trick {
    name: &'static str,
    /// Whether it is the client that is to notice.
    is_late: bool,
    /// What the gate says first: its version, its id, and a number.
    hello: fn(&mut Vec<u8>),
    /// What the client answers: its version, a number, the types, and what it makes of all that with the key.
    proof: fn(&mut Vec<u8>, &[u8]),
    /// What the gate answers: whether the client is let in, and what it makes of that with the key.
    verdict: fn(&mut Vec<u8>, &[u8]),
}

const NO_TRICK: Trick =
    Trick { name: "none", is_late: false, hello: |_| (), proof: |_, _| (), verdict: |_, _| () };

const TRICKS: [Trick; 12] = [
    Trick { name: "an older version of the gate", hello: |hello| hello[6] = 0, ..NO_TRICK },
    Trick { name: "another gate", hello: |hello| hello[20] ^= 1, ..NO_TRICK },
    Trick { name: "another question", hello: |hello| hello[60] ^= 1, ..NO_TRICK },
    Trick { name: "an older version of the client", proof: |proof, _| proof[6] = 0, ..NO_TRICK },
    Trick { name: "other types", proof: |proof, _| proof[50] ^= 1, ..NO_TRICK },
    Trick { name: "a guess", proof: |proof, _| proof[PROOF - 1] ^= 1, ..NO_TRICK },
    Trick { name: "no key", proof: |proof, _| proof[72..].fill(0), ..NO_TRICK },
    Trick { name: "half a proof", proof: |proof, _| proof.truncate(PROOF - 16), ..NO_TRICK },
    Trick {
        name: "the gate's own words",
        proof: |proof, hello| proof[..HELLO].copy_from_slice(hello),
        ..NO_TRICK
    },
    Trick {
        name: "a welcome without the key",
        is_late: true,
        verdict: |verdict, _| verdict[1..].fill(0),
        ..NO_TRICK
    },
    Trick {
        name: "the client's own words",
        is_late: true,
        verdict: |verdict, proof| verdict[1..].copy_from_slice(&proof[HELLO..]),
        ..NO_TRICK
    },
    Trick { name: "half a verdict", is_late: true, verdict: |verdict, _| verdict.truncate(20), ..NO_TRICK },
];

/// Somebody in between, by whose address the gate is known, too: it has what an attacker has, but the key.
struct Wire(TcpListener);

/// What came of a trick.
struct Passed {
    client: Result<(), RemoteError>,
    proof: Vec<u8>,
    /// Whether the gate let the client in.
    was_let_in: bool,
}

impl Wire {
    fn new() -> Wire {
        Wire(TcpListener::bind("127.0.0.1:0").expect("a wire"))
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("its address")
    }

    /// Has a client come to a gate by this wire, which does not go on behind the verdict.
    fn pass(&self, way: &Way, trick: &Trick) -> Passed {
        let (address, key) = (Address::Tcp(self.address()), way.1.clone());
        let client = std::thread::spawn(move || Manager::connect(&address, &key).map(drop));
        let mut to_gate = TcpStream::connect(at(way)).expect("the gate");
        let (mut to_client, _) = self.0.accept().expect("the client");
        let hello = read(&mut to_gate, HELLO);
        let mut changed = hello.clone();
        (trick.hello)(&mut changed);
        to_client.write_all(&changed).expect("passed on");
        let proof = read(&mut to_client, PROOF);
        let mut changed = proof.clone();
        // A client that has noticed something says nothing.
        if !changed.is_empty() {
            (trick.proof)(&mut changed, &hello);
        }
        let mut verdict = answer(&mut to_gate, &changed);
        let was_let_in = verdict.first() == Some(&WELCOME);
        if was_let_in {
            (trick.verdict)(&mut verdict, &proof);
        }
        // Who has noticed something does not listen.
        let _ = to_client.write_all(&verdict);
        drop(to_client);
        Passed { client: client.join().expect("a thread"), proof, was_let_in }
    }
}

/// Reads so many bytes, or those that come before the end.
fn read(stream: &mut TcpStream, size: usize) -> Vec<u8> {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut bytes = Vec::new();
    // Who was turned away may be cut off.
    let _ = stream.take(size as u64).read_to_end(&mut bytes);
    bytes
}

/// Says to a gate what a client would, and hears the verdict.
fn answer(to_gate: &mut TcpStream, proof: &[u8]) -> Vec<u8> {
    to_gate.write_all(proof).expect("sent");
    if proof.len() < PROOF {
        to_gate.shutdown(Shutdown::Write).expect("it is open");
    }
    read(to_gate, VERDICT)
}

/// Says to a gate what was overheard; whether that lets anybody in.
fn lets_in(way: &Way, proof: &[u8]) -> bool {
    let mut stream = TcpStream::connect(at(way)).expect("the gate");
    read(&mut stream, HELLO);
    answer(&mut stream, proof).first() == Some(&WELCOME)
}

fn who_changes_what_is_said_lets_nobody_in() {
    let wire = Wire::new();
    let open = open_with(|gate| gate.also_known_as(wire.address()));
    assert!(wire.pass(&open.way, &NO_TRICK).was_let_in, "an honest wire is one");
    for trick in &TRICKS {
        let Passed { client, was_let_in, .. } = wire.pass(&open.way, trick);
        assert!(client.is_err(), "{}: the client has come in", trick.name);
        // The gate cannot know what becomes of its words.
        assert_eq!(was_let_in, trick.is_late, "{}", trick.name);
    }
    assert!(!lets_in(&open.way, &[]), "nothing is no proof");
    until("the clients have gone", || open.manager.clients().expect("clients").len() == 1);
    reach(&open.way);
}

/// A wire that the gate does not know is noticed, however honest it is.
fn a_wire_in_between_is_noticed() {
    let open = open();
    let passed = Wire::new().pass(&open.way, &NO_TRICK);
    assert!(passed.client.is_err() && !passed.was_let_in);
    assert!(!lets_in(&open.way, &passed.proof));
    reach(&open.way);
}

fn what_was_said_before_is_worth_nothing() {
    let wire = Wire::new();
    let open = open_with(|gate| gate.also_known_as(wire.address()));
    let passed = wire.pass(&open.way, &NO_TRICK);
    assert!(passed.was_let_in && !lets_in(&open.way, &passed.proof));
    reach(&open.way);
}

/// Two gates have the same key, and are known by the same wire.
fn what_was_said_at_another_gate_is_worth_nothing() {
    let wire = Wire::new();
    let open = open_with(|gate| gate.also_known_as(wire.address()));
    let other = GateBuilder::new(&open.way.1).also_known_as(wire.address());
    let other = other.bind(&open.manager, &tcp()).expect("another gate");
    let passed = wire.pass(&open.way, &NO_TRICK);
    assert!(passed.was_let_in);
    assert!(!lets_in(&(other.address().clone(), open.way.1.clone()), &passed.proof));
    reach(&open.way);
}
