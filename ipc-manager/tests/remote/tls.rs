//! Gates that are reached over TLS. The certificates are for these tests alone, and their key is known to everybody.

use crate::{Open, PATIENCE, Way, kill, open, open_at, stay, tests, until};
use ipc_manager::{Event, Lock, Manager, Remote, RemoteBuilder, RemoteError, TlsClient, TlsServer, Value};
use ipc_pipe::{Address, ConnectError, Key};
use ipc_process::Process;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

tests! {
    objects_over_tls
    long_values_over_tls
    another_process_over_tls
    a_killed_client_over_tls
    whom_a_client_does_not_trust
    a_wrong_key_over_tls
    plaintext_at_a_tls_gate
    silence_and_garbage_at_a_tls_gate
}

const CERTIFICATE: &[u8] = include_bytes!("certificates/certificate.pem");
const KEY: &[u8] = include_bytes!("certificates/key.pem");
const OTHER: &[u8] = include_bytes!("certificates/other.pem");

fn open_tls() -> Open {
    let tls = TlsServer::from_pem(CERTIFICATE, KEY).expect("certificates");
    open_at(&crate::tcp(), |gate| gate.tls(tls).handshake_timeout(Duration::from_secs(2)))
}

fn settings(key: &Key) -> RemoteBuilder {
    RemoteBuilder::new(key).tls(TlsClient::trusting(CERTIFICATE, "gate.test").expect("a certificate"))
}

fn reach_tls((address, key): &Way) -> Remote {
    settings(key).connect(address).expect("the manager is reached")
}

fn objects_over_tls() {
    let open = open_tls();
    open.gate.publish("value", &open.manager.value(1_u32).expect("a value")).expect("a name");
    let value: Value<u32> = reach_tls(&open.way).find("value").expect("it");
    for n in 1..200 {
        assert_eq!(value.fetch_add(1).expect("a number"), n);
    }
    let event: Event = reach_tls(&open.way).event().expect("an event");
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| event.wait_timeout(PATIENCE));
        until("it waits", || open.manager.objects().expect("objects").iter().any(|it| it.waiting == 1));
        event.set().expect("set");
        waits.join().expect("a thread").expect("it was set");
    });
    // An address that others can reach needs no leave.
    let tls = TlsServer::from_pem(CERTIFICATE, KEY).expect("certificates");
    let everywhere: Address = "tcp:0.0.0.0:0".parse().expect("an address");
    drop(
        ipc_manager::GateBuilder::new(&open.way.1).tls(tls).bind(&open.manager, &everywhere).expect("a gate"),
    );
}

fn long_values_over_tls() {
    let open = open_tls();
    let remote = reach_tls(&open.way);
    for size in [10_000, 70_000, 5 << 20] {
        let text: String = "abcdefghij".repeat(size / 10);
        let value = remote.value(text.clone()).expect("a value");
        assert!(value.get().expect("the same") == text);
    }
}

fn another_process_over_tls() {
    let open = open_tls();
    let value = open.manager.value(0_u32).expect("a value");
    open.gate.publish("value", &value).expect("a name");
    let add = |way: Way| {
        let value: Value<u32> = reach_tls(&way).find("value").expect("it");
        (0..100).for_each(|_| assert!(value.fetch_add(1).is_ok()));
    };
    let children = [(); 2].map(|()| Process::spawn(add, open.way.clone()).expect("a child"));
    children.into_iter().for_each(|child| child.join().expect("its end"));
    assert_eq!(value.get().expect("a number"), 200);
}

fn a_killed_client_over_tls() {
    let open = open_tls();
    let lock = open.manager.lock().expect("a lock");
    open.gate.publish("lock", &lock).expect("a name");
    let process = crate::client(&open, |way| {
        let remote = reach_tls(&way);
        let lock: Lock = remote.find("lock").expect("it");
        let _guard = lock.lock().expect("the lock");
        stay(&remote);
    });
    assert!(lock.try_lock().is_err());
    kill(&process);
    assert!(lock.lock_timeout(PATIENCE).expect("the lock").was_abandoned());
    until("it is gone", || open.manager.clients().expect("clients").len() == 1);
}

fn whom_a_client_does_not_trust() {
    let open = open_tls();
    for (roots, name) in [(OTHER, "gate.test"), (CERTIFICATE, "other.test")] {
        let tls = TlsClient::trusting(roots, name).expect("a certificate");
        let refused = RemoteBuilder::new(&open.way.1).tls(tls).connect(&open.way.0);
        assert!(matches!(refused, Err(RemoteError::Connect(_))), "{refused:?}");
    }
    assert!(TlsClient::trusting(b"nothing", "gate.test").is_err());
    assert!(TlsServer::from_pem(OTHER, KEY).is_err(), "another key");
    reach_tls(&open.way);
}

fn a_wrong_key_over_tls() {
    let open = open_tls();
    let refused = settings(&Key::random().expect("a key")).connect(&open.way.0);
    assert!(matches!(refused, Err(RemoteError::Connect(ConnectError::Refused))), "{refused:?}");
    reach_tls(&open.way);
}

fn plaintext_at_a_tls_gate() {
    let tls = open_tls();
    assert!(Manager::connect(&tls.way.0, &tls.way.1).is_err());
    // And TLS where there is none.
    let plain = open();
    assert!(settings(&plain.way.1).timeout(Duration::from_secs(1)).connect(&plain.way.0).is_err());
    reach_tls(&tls.way);
}

fn silence_and_garbage_at_a_tls_gate() {
    let open = open_tls();
    let Address::Tcp(at) = open.way.0 else { unreachable!("it is TCP") };
    let mut strangers = Vec::new();
    for n in 0..200_u8 {
        let mut stranger = TcpStream::connect(at).expect("the gate");
        if n % 2 == 0 {
            // It may be turned away by now.
            let _ = stranger.write_all(&[n; 1024]);
        }
        strangers.push(stranger);
        if n % 50 == 0 {
            reach_tls(&open.way).value(n).expect("the honest are served");
        }
    }
    // All are turned away in the end.
    for stranger in &mut strangers {
        stranger.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut rest = Vec::new();
        let ended = stranger.read_to_end(&mut rest);
        assert!(ended.is_ok() || ended.unwrap_err().kind() == std::io::ErrorKind::ConnectionReset);
    }
    reach_tls(&open.way);
}
