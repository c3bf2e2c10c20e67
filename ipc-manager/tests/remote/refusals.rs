//! Who and what is refused at a gate.

use crate::{PATIENCE, Way, open, open_with, reach, tcp, tests, until};
use ipc_manager::{CallError, Event, GateError, Manager, RemoteError, Value};
use ipc_pipe::{Address, BindError, ConnectError, Key};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

tests! {
    a_wrong_key
    other_machines_in_the_clear
    functions_unless_they_are_allowed
    calls_that_are_for_others
    too_many_calls_and_clients
    what_was_said_before_is_worth_nothing
    what_was_said_at_another_gate_is_worth_nothing
}

fn at(way: &Way) -> std::net::SocketAddr {
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
    let gate = ipc_manager::GateBuilder::new(&key).insecure().bind(&manager, &everywhere).expect("a gate");
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

/// The sizes of what a listener and a client say in turn, as `docs/wire-format.md` has them.
const HELLO: usize = 72;
const PROOF: usize = 104;
const VERDICT: usize = 33;
/// The first byte of a verdict on those who are let in.
const WELCOME: u8 = 0;

fn read<const N: usize>(stream: &mut TcpStream) -> [u8; N] {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).expect("so many bytes");
    bytes
}

/// Has a client come through a wire of ours, which passes on what both say and notes what the client does.
fn overheard(way: &Way) -> [u8; PROOF] {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a wire");
    let wire = Address::Tcp(listener.local_addr().expect("its address"));
    let key = way.1.clone();
    let client = std::thread::spawn(move || Manager::connect(&wire, &key).map(drop));
    let mut to_gate = TcpStream::connect(at(way)).expect("the gate");
    let (mut to_client, _) = listener.accept().expect("the client");
    to_client.write_all(&read::<HELLO>(&mut to_gate)).expect("passed on");
    let proof = read::<PROOF>(&mut to_client);
    to_gate.write_all(&proof).expect("passed on");
    let verdict = read::<VERDICT>(&mut to_gate);
    // The client has signed the address of the wire, which is not the gate's.
    assert_ne!(verdict[0], WELCOME, "a wire in between was not noticed");
    to_client.write_all(&verdict).expect("passed on");
    assert!(client.join().expect("a thread").is_err());
    proof
}

/// Says to a gate what was overheard; whether that lets anybody in.
fn lets_in(way: &Way, proof: &[u8; PROOF]) -> bool {
    let mut stream = TcpStream::connect(at(way)).expect("the gate");
    read::<HELLO>(&mut stream);
    stream.write_all(proof).expect("sent");
    read::<VERDICT>(&mut stream)[0] == WELCOME
}

fn what_was_said_before_is_worth_nothing() {
    let open = open();
    let proof = overheard(&open.way);
    assert!(!lets_in(&open.way, &proof));
    reach(&open.way);
}

fn what_was_said_at_another_gate_is_worth_nothing() {
    let open = open();
    let other = open.manager.serve(&tcp(), &open.way.1).expect("another gate of the same key");
    let proof = overheard(&open.way);
    assert!(!lets_in(&(other.address().clone(), open.way.1.clone()), &proof));
    reach(&open.way);
}
