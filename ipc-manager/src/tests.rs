//! What a client can say that an honest one never does.

use crate::Manager;
use crate::client::{Ends, Session, enter};
use crate::error::CallError;
use crate::proxy::{List, Proxy, Queue};
use crate::wire::{FOR_EVER, Kind, ObjectId, Op, TypeId, Writer, root};
use ipc_process::Process;
use ipc_sys::clock::Deadline;
use ipc_sys::socket::MessageSocket;
use ipc_testkit::{Rng, isolated, isolated_within};
use std::sync::Arc;
use std::time::Duration;

/// How many handles are guessed, unless the environment says otherwise.
const N_GUESSES: u64 = 20_000;
/// How many requests are made up for each operation.
const N_REQUESTS: u64 = 20;

#[test]
fn no_guess_is_right() {
    isolated_within(Duration::from_secs(600), || in_a_program(|()| guess()));
}

#[test]
fn stale_foreign_and_wrong_handles() {
    isolated(|| in_a_program(|()| handles()));
}

#[test]
fn mutated_requests() {
    isolated(|| in_a_program(|()| requests()));
}

#[test]
fn what_is_no_request_costs_the_line() {
    isolated(|| in_a_program(|()| nonsense()));
}

#[test]
fn a_line_that_is_cut_in_a_call() {
    isolated(|| in_a_program(|()| cut_in_a_call()));
}

fn in_a_program(test: fn(())) {
    Process::spawn(test, ()).expect("a process").join().expect("a test that passes");
}

/// Says whatever it is told to.
fn say(
    session: &Arc<Session>,
    (op, id, type_id): (Op, ObjectId, TypeId),
    args: &[u8],
) -> Result<Vec<u8>, CallError> {
    let write = |to: &mut Writer, _: &mut Vec<_>| {
        to.rest(args);
        Ok(())
    };
    session.call((op, id, type_id), write, |bytes| Ok(bytes.to_vec()))
}

fn guess() {
    let n_guesses =
        std::env::var("IPC_MANAGER_GUESSES").ok().and_then(|n| n.parse().ok()).unwrap_or(N_GUESSES);
    let manager = Manager::start().expect("a manager");
    let list = manager.list_from([1_u32]).expect("a list");
    let (id, session) = (list.object.id(), list.object.session());
    let mut rng = Rng::from_env();
    for _ in 0..n_guesses {
        let guessed = ObjectId { generation: rng.next_u64(), ..id };
        let refused = say(session, (Op::Len, guessed, list.type_id), &[]);
        assert!(matches!(refused, Err(CallError::NoSuchObject)), "{refused:?}");
    }
    assert_eq!(list.to_vec().expect("items"), [1]);
}

fn handles() {
    let (manager, other) = (Manager::start().expect("a manager"), Manager::start().expect("another"));
    let list = manager.list_from([1_u32]).expect("a list");
    let (id, session) = (list.object.id(), Arc::clone(list.object.session()));
    for type_id in [0, List::<u64>::type_id(), list.type_id ^ 1] {
        let refused = say(&session, (Op::Len, id, type_id), &[]);
        assert!(matches!(refused, Err(CallError::WrongType { .. })), "{refused:?}");
    }
    let unknown = say(&session, (Op::Notify, id, list.type_id), &[]);
    assert!(matches!(unknown, Err(CallError::NoSuchMethod { .. })), "{unknown:?}");
    let foreign = other.list_from([2_u32]).expect("a list");
    let refused = say(foreign.object.session(), (Op::Len, id, list.type_id), &[]);
    assert!(matches!(refused, Err(CallError::NoSuchObject)), "{refused:?}");
    // A name in a value that nobody gave to this client, or that is no object's.
    let mut value = Writer::default();
    value.count(1);
    value.id(ObjectId { generation: 1, ..id });
    let refused = say(&session, (Op::Push, id, list.type_id), &value.0);
    assert!(matches!(refused, Err(CallError::NoSuchObject)), "{refused:?}");
    assert!(matches!(session.acquire(ObjectId { index: 1000, generation: 0 }), Err(CallError::NoSuchObject)));
    assert_eq!(list.len().expect("a call"), 1);
    drop(list);
    until(|| manager.objects().expect("objects").is_empty());
    let stale = say(&session, (Op::Len, id, List::<u32>::type_id()), &[]);
    assert!(matches!(stale, Err(CallError::NoSuchObject)), "{stale:?}");
    // More is given back than was had: somebody else's references are theirs.
    let list = manager.list_from([3_u32]).expect("a list");
    let message = ipc_codec::encode(&list, &ipc_codec::Limits::default()).expect("a message");
    (0..3).for_each(|_| session.release(list.object.id()));
    until(|| matches!(list.len(), Ok(1)));
    let list: List<u32> = message.decode(&ipc_codec::Limits::default()).expect("a list");
    assert_eq!(list.to_vec().expect("items"), [3]);
}

fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        std::thread::yield_now();
    }
}

/// Each operation of each kind of object, with arguments that are anything. Whatever comes of it, the server goes on.
fn requests() {
    let manager = Manager::start().expect("a manager");
    let mut rng = Rng::from_env();
    let session = Arc::clone(manager.list::<u8>().expect("a list").object.session());
    let containers = [Kind::List, Kind::Array, Kind::Value, Kind::Dict, Kind::Set, Kind::Namespace];
    for kind in (0..).map_while(Kind::from_u8).filter(|kind| *kind != Kind::Pool) {
        for op in (0..).map_while(Op::from_u8).filter(|op| *op != Op::Shutdown) {
            let Some(id) = create(&session, kind) else { continue };
            let is_container = containers.contains(&kind);
            for _ in 0..N_REQUESTS {
                let mut args = vec![0; rng.below(40) as usize];
                rng.fill(&mut args);
                if !is_container {
                    // What would be a time to wait is a short one.
                    args.iter_mut().take(2).for_each(|byte| *byte &= 3);
                    args.iter_mut().take(8).skip(2).for_each(|byte| *byte = 0);
                }
                drop(say(&session, (op, id, 0), &args));
            }
            session.release(id);
        }
    }
    for op in (0..).map_while(Op::from_u8).filter(|op| *op != Op::Shutdown) {
        for _ in 0..N_REQUESTS {
            let mut args = vec![0; rng.below(60) as usize];
            rng.fill(&mut args);
            drop(say(&session, (op, root(), 0), &args));
        }
    }
    let list = manager.list_from([1_u32]).expect("a list");
    assert_eq!(list.to_vec().expect("items"), [1]);
}

/// An object of each kind, with something in it, whose type is zero.
fn create(session: &Arc<Session>, kind: Kind) -> Option<ObjectId> {
    let mut args = Writer::default();
    args.u8(kind as u8);
    args.u32(0);
    args.bytes(b"anything");
    match kind {
        Kind::List | Kind::Array | Kind::Value => args.rest(&[1, 0, 0, 0, 2, 0, 7]),
        Kind::Set => args.rest(&[1, 0, 0, 0, 1, 7]),
        Kind::Dict | Kind::Namespace => args.rest(&[1, 0, 0, 0, 1, 7, 2, 0, 7]),
        _ => args.rest(&[1, 0, 0, 0, 0, 0, 0, 0]),
    }
    let reply = say(session, (Op::Create, root(), 0), &args.0).ok()?;
    crate::wire::Reader(&reply).id().ok()
}

fn nonsense() {
    let manager = Manager::start().expect("a manager");
    let list = manager.list_from([1_u32]).expect("a list");
    let session = list.object.session();
    for bytes in [&[][..], &[0; 4], &[255; 21], &[255; 3000]] {
        let write = |to: &mut Writer, _: &mut Vec<_>| {
            to.0.clear();
            to.rest(bytes);
            Ok(())
        };
        let refused = session.call((Op::Len, root(), 0), write, |_| Ok(()));
        assert!(matches!(refused, Err(CallError::Limit { .. })), "{refused:?}");
        assert_eq!(list.to_vec().expect("items"), [1]);
    }
}

/// The client stays. Its call is given up, and gets no item later.
fn cut_in_a_call() {
    let manager = Manager::start().expect("a manager");
    let queue: Queue<u32> = manager.queue(0).expect("a queue");
    let (door, _) = queue.object.session().lease().expect("a lease");
    let door = MessageSocket::from_handle(door).expect("a socket");
    let session = enter(&door, 1, "another").expect("a session");
    let line = Ends::open(&session).expect("a line");
    let mut request = Writer::default();
    request.header(1, Op::Take, queue.object.id(), queue.type_id);
    request.u64(FOR_EVER);
    line.tx.send(&request.0, &[], Deadline::NEVER).expect("a request");
    let waiting = || manager.objects().expect("objects")[0].waiting;
    until(|| waiting() == 1);
    drop(line);
    until(|| waiting() == 0);
    queue.put(&7).expect("put");
    assert_eq!(queue.try_get().expect("the item"), 7);
    assert_eq!(manager.clients().expect("clients").len(), 2);
}
