//! Attacks on the handshake, by somebody who can connect and listen and does not have the key; written from
//! `docs/wire-format.md`, so that the page and the code hold each other to their word.

#[allow(dead_code, unused_macros, reason = "the file is common to several tests")]
#[macro_use]
#[path = "support/links.rs"]
mod links;

use hmac_sha256::HMAC;
use ipc_pipe::{Address, ConnectError, Key, Listener, connect};
use ipc_testkit::isolated;
use links::{Family, LONG, Site};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

const KEY: &[u8] = b"the key of the honest";
const WELCOME: u8 = 0;
const REFUSED: u8 = 2;

type Hello = [u8; 72];
type Proof = [u8; 104];
type Verdict = [u8; 33];

/// A listener that accepts all the time, and tells in the end how many came in.
struct Victim {
    address: SocketAddr,
    thread: JoinHandle<(usize, ipc_pipe::TurnedAway)>,
    stop: std::sync::mpsc::Sender<()>,
}

impl Victim {
    fn new(key: &[u8]) -> Self {
        let key = Key::new(key).expect("bytes");
        let mut listener =
            Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse().unwrap(), &key).expect("a port");
        let Address::Tcp(address) = *listener.address() else { panic!("it is TCP") };
        let (stop, stopped) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let mut n_accepted = 0;
            while stopped.try_recv().is_err() {
                n_accepted += usize::from(listener.accept_timeout(Duration::from_millis(5)).is_ok());
            }
            (n_accepted, listener.turned_away())
        });
        Victim { address, thread, stop }
    }

    fn connect(&self) -> (TcpStream, Hello) {
        let mut socket = TcpStream::connect(self.address).expect("it listens");
        socket.set_read_timeout(Some(LONG)).expect("it is not zero");
        let hello = read(&mut socket);
        (socket, hello)
    }

    /// Sends a proof on a new connection, made from its hello; the verdict.
    fn attack(&self, proof: impl FnOnce(&Hello) -> Proof) -> Verdict {
        let (mut socket, hello) = self.connect();
        socket.write_all(&proof(&hello)).expect("it listens");
        read(&mut socket)
    }

    fn end(self) -> (usize, ipc_pipe::TurnedAway) {
        self.stop.send(()).expect("it is there");
        self.thread.join().expect("no panic")
    }

    fn assert_unharmed(self) {
        let verdict = self.attack(|hello| proof(KEY, hello, self.address, [7; 32]));
        assert_eq!(verdict[0], WELCOME, "the honest are still let in");
        assert_eq!(self.end().0, 1, "somebody else was let in, too");
    }
}

fn read<const N: usize>(stream: &mut impl Read) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).expect("so many bytes");
    bytes
}

/// The numbers of `u8`, taken from an honest client.
fn schema() -> [u8; 32] {
    let honest = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = Address::Tcp(honest.local_addr().expect("an address"));
    let client = thread::spawn(move || connect::<u8, u8>(&address, &Key::new(KEY).unwrap()).map(drop));
    let (mut socket, _) = honest.accept().expect("the client");
    socket.write_all(&hello([1; 32], [2; 32])).expect("it listens");
    let proof: Proof = read(&mut socket);
    drop(socket);
    client.join().expect("no panic").expect_err("nobody welcomed it");
    proof[40..72].try_into().unwrap()
}

fn hello(id: [u8; 32], nonce: [u8; 32]) -> Hello {
    let bytes = [b"mp-ipc\x01\0".as_slice(), &id, &nonce].concat();
    bytes.try_into().unwrap()
}

fn endpoint(address: SocketAddr) -> [u8; 19] {
    let std::net::IpAddr::V4(ip) = address.ip() else { panic!("it is version 4") };
    let port = address.port().to_le_bytes();
    [&[2], ip.to_ipv6_mapped().octets().as_slice(), &port].concat().try_into().unwrap()
}

fn mac(key: &[u8], role: &str, hello: &Hello, endpoint: [u8; 19], head: &[u8], status: &[u8]) -> [u8; 32] {
    let role = format!("multiproc handshake 1, {role}");
    let length = (key.len() as u64).to_le_bytes();
    HMAC::mac([role.as_bytes(), &length, hello, &endpoint, head, status].concat(), key)
}

fn proof_at(key: &[u8], hello: &Hello, endpoint: [u8; 19], nonce: [u8; 32]) -> Proof {
    let head = [b"mp-ipc\x01\0".as_slice(), &nonce, &schema()].concat();
    let mac = mac(key, "client", hello, endpoint, &head, &[]);
    [head.as_slice(), &mac].concat().try_into().unwrap()
}

fn proof(key: &[u8], hello: &Hello, address: SocketAddr, nonce: [u8; 32]) -> Proof {
    proof_at(key, hello, endpoint(address), nonce)
}

#[track_caller]
fn assert_refused(verdict: Verdict) {
    assert_eq!(verdict[0], REFUSED);
    assert_eq!(verdict[1..], [0; 32], "a refusal shows nothing that was made with the key");
}

#[test]
fn who_keeps_to_the_page_is_let_in() {
    isolated(|| {
        let victim = Victim::new(KEY);
        let (mut socket, hello) = victim.connect();
        let proof = proof(KEY, &hello, victim.address, [3; 32]);
        socket.write_all(&proof).expect("it listens");
        let verdict: Verdict = read(&mut socket);
        assert_eq!(verdict[0], WELCOME);
        let expected = mac(KEY, "listener", &hello, endpoint(victim.address), &proof[..72], &[WELCOME]);
        assert_eq!(verdict[1..], expected, "the listener shows the key, too");
        assert_eq!(victim.end().0, 1);
    });
}

#[test]
fn who_keeps_to_the_page_is_let_in_by_a_local_socket() {
    isolated(|| {
        let mut site = Site::new(Family::Local);
        site.key = Key::new(KEY).expect("bytes");
        let mut listener = site.listen::<u8, u8>();
        let path = site.folder.path().join("private/socket");
        let client = thread::spawn(move || {
            let status = std::fs::symlink_metadata(&path).expect("it is there");
            let mut socket = UnixStream::connect(path).expect("it listens");
            let hello: Hello = read(&mut socket);
            let file = [status.dev().to_le_bytes(), status.ino().to_le_bytes()].concat();
            let endpoint: [u8; 19] = [&[1], file.as_slice(), &[0, 0]].concat().try_into().unwrap();
            socket.write_all(&proof_at(KEY, &hello, endpoint, [3; 32])).expect("it listens");
            assert_eq!(read::<33>(&mut socket)[0], WELCOME);
        });
        listener.accept_timeout(LONG).expect("the client");
        client.join().expect("no panic");
    });
}

#[test]
fn a_wrong_key_is_refused() {
    isolated(|| {
        let victim = Victim::new(KEY);
        assert_refused(victim.attack(|hello| proof(b"a guess", hello, victim.address, [3; 32])));
        let honest = |hello: &Hello| proof(KEY, hello, victim.address, [3; 32]);
        for bit in [0, 7, 100, 255] {
            let flipped = |hello: &Hello| {
                let mut proof = honest(hello);
                proof[72 + bit / 8] ^= 1 << (bit % 8);
                proof
            };
            assert_refused(victim.attack(flipped));
        }
        victim.assert_unharmed();
    });
}

/// To HMAC these keys are all the same.
#[test]
fn keys_that_hmac_confuses_are_different() {
    isolated(|| {
        let victim = Victim::new(&[0; 4]);
        for key in [[].as_slice(), &[0], &[0; 32]] {
            assert_refused(victim.attack(|hello| proof(key, hello, victim.address, [3; 32])));
        }
        assert_eq!(victim.end().0, 0);
        let long = [b'k'; 100];
        let victim = Victim::new(&long);
        let hash = hmac_sha256::Hash::hash(&long);
        assert_refused(victim.attack(|hello| proof(&hash, hello, victim.address, [3; 32])));
        assert_eq!(victim.end().0, 0);
    });
}

#[test]
fn an_empty_key_is_refused() {
    isolated(|| {
        assert!(Key::new(&[]).is_err());
        let limits = ipc_codec::Limits::default();
        let empty = ipc_codec::encode(&Vec::<u8>::new(), &limits).expect("plain data");
        assert!(empty.decode::<Key>(&limits).is_err(), "a message makes no empty key either");
        let victim = Victim::new(KEY);
        assert_refused(victim.attack(|hello| proof(b"", hello, victim.address, [3; 32])));
        victim.assert_unharmed();
    });
}

#[test]
fn a_replayed_proof_is_refused() {
    isolated(|| {
        let victim = Victim::new(KEY);
        let mut overheard = [0; 104];
        let verdict = victim.attack(|hello| {
            overheard = proof(KEY, hello, victim.address, [3; 32]);
            overheard
        });
        assert_eq!(verdict[0], WELCOME);
        assert_refused(victim.attack(|_| overheard));
        assert_eq!(victim.end().0, 1);
    });
}

/// The listener is asked its own question, or given back what it said.
#[test]
fn reflection_is_refused() {
    isolated(|| {
        let victim = Victim::new(KEY);
        // What the attacker has of the victim's making: the hello, and verdicts for others.
        assert_refused(victim.attack(|hello| {
            let mut bytes = [0; 104];
            bytes[..72].copy_from_slice(hello);
            bytes
        }));
        // An honest client talks to the attacker, who asks it the victim's question, and takes its MAC for his own proof.
        let (mut socket, question) = victim.connect();
        let bait = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = Address::Tcp(bait.local_addr().expect("an address"));
        let client = thread::spawn(move || connect::<u8, u8>(&address, &Key::new(KEY).unwrap()).map(drop));
        let (mut caught, _) = bait.accept().expect("the client");
        caught.write_all(&question).expect("it listens");
        let proof: Proof = read(&mut caught);
        socket.write_all(&proof).expect("it listens");
        let verdict: Verdict = read(&mut socket);
        assert_refused(verdict);
        caught.write_all(&verdict).expect("it listens");
        assert!(matches!(client.join().expect("no panic"), Err(ConnectError::Refused)));
        victim.assert_unharmed();
    });
}

/// Two listeners have the same key; what a client says to one is passed on to the other.
#[test]
fn relay_to_a_second_listener_is_refused() {
    isolated(|| {
        let (meant, other) = (Victim::new(KEY), Victim::new(KEY));
        // The attacker knows the hello of the one that is meant, and opens a conversation with the other.
        let (_, hello_of_meant) = meant.connect();
        let (mut socket, hello_of_other) = other.connect();
        assert_ne!(hello_of_meant[8..40], hello_of_other[8..40], "each listener has an id of its own");
        socket.write_all(&proof(KEY, &hello_of_other, meant.address, [3; 32])).expect("it listens");
        assert_refused(read(&mut socket));
        let (mut socket, _) = other.connect();
        socket.write_all(&proof(KEY, &hello_of_meant, other.address, [3; 32])).expect("it listens");
        assert_refused(read(&mut socket));
        meant.assert_unharmed();
        other.assert_unharmed();
    });
}

/// A server without the key, and what the client says to each of its tricks.
#[track_caller]
fn fake_server(trick: impl FnOnce(&Hello, SocketAddr, &Proof) -> Verdict) -> ConnectError {
    let fake = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = fake.local_addr().expect("an address");
    let client =
        thread::spawn(move || connect::<u8, u8>(&Address::Tcp(at), &Key::new(KEY).unwrap()).map(drop));
    let (mut socket, _) = fake.accept().expect("the client");
    let hello = hello([8; 32], [9; 32]);
    socket.write_all(&hello).expect("it listens");
    let proof = read(&mut socket);
    socket.write_all(&trick(&hello, at, &proof)).expect("it listens");
    client.join().expect("no panic").expect_err("the server has no key")
}

fn verdict(status: u8, mac: &[u8]) -> Verdict {
    [&[status], mac].concat().try_into().unwrap()
}

#[test]
fn a_server_without_the_key_is_an_impostor() {
    isolated(|| {
        let plain = fake_server(|_, _, _| verdict(WELCOME, &[0; 32]));
        assert!(matches!(plain, ConnectError::Impostor), "{plain:?}");
        let guess = fake_server(|hello, at, proof| {
            verdict(WELCOME, &mac(b"a guess", "listener", hello, endpoint(at), &proof[..72], &[WELCOME]))
        });
        assert!(matches!(guess, ConnectError::Impostor), "{guess:?}");
    });
}

/// What the client made with the key is given back to it as if the listener had made it.
#[test]
fn swapped_roles_are_refused() {
    isolated(|| {
        let swapped = fake_server(|_, _, proof| verdict(WELCOME, &proof[72..]));
        assert!(matches!(swapped, ConnectError::Impostor), "{swapped:?}");
        // And the other way round: even with the key, the words of a listener are no proof of a client.
        let victim = Victim::new(KEY);
        assert_refused(victim.attack(|hello| {
            let mut proof = proof(KEY, hello, victim.address, [3; 32]);
            let mac = mac(KEY, "listener", hello, endpoint(victim.address), &proof[..72], &[]);
            proof[72..].copy_from_slice(&mac);
            proof
        }));
        victim.assert_unharmed();
    });
}

#[test]
fn a_changed_status_is_noticed() {
    isolated(|| {
        // The listener says that the types differ, and somebody on the way makes a welcome of it.
        let changed = fake_server(|hello, at, proof| {
            verdict(WELCOME, &mac(KEY, "listener", hello, endpoint(at), &proof[..72], &[1]))
        });
        assert!(matches!(changed, ConnectError::Impostor), "{changed:?}");
        let unknown = fake_server(|hello, at, proof| {
            verdict(9, &mac(KEY, "listener", hello, endpoint(at), &proof[..72], &[9]))
        });
        assert!(matches!(unknown, ConnectError::NotAListener), "{unknown:?}");
    });
}

#[test]
fn changed_types_are_noticed() {
    isolated(|| {
        let victim = Victim::new(KEY);
        assert_refused(victim.attack(|hello| {
            let mut proof = proof(KEY, hello, victim.address, [3; 32]);
            proof[50] ^= 1;
            proof
        }));
        victim.assert_unharmed();
    });
}

#[test]
fn another_version_is_refused() {
    isolated(|| {
        let victim = Victim::new(KEY);
        for version in [0, 2, 0xffff_u16] {
            // Signed with the key, as an older build would.
            assert_refused(victim.attack(|hello| {
                let mut proof = proof(KEY, hello, victim.address, [3; 32]);
                proof[6..8].copy_from_slice(&version.to_le_bytes());
                let mac = mac(KEY, "client", hello, endpoint(victim.address), &proof[..72], &[]);
                proof[72..].copy_from_slice(&mac);
                proof
            }));
            let fake = TcpListener::bind("127.0.0.1:0").expect("a port");
            let at = Address::Tcp(fake.local_addr().expect("an address"));
            let client = thread::spawn(move || connect::<u8, u8>(&at, &Key::new(KEY).unwrap()).map(drop));
            let (mut socket, _) = fake.accept().expect("the client");
            let mut lowered = hello([8; 32], [9; 32]);
            lowered[6..8].copy_from_slice(&version.to_le_bytes());
            socket.write_all(&lowered).expect("it listens");
            let error = client.join().expect("no panic").unwrap_err();
            assert!(
                matches!(error, ConnectError::Version { got, expected: 1 } if got == version),
                "{error:?}"
            );
            assert_eq!(socket.read(&mut [0; 8]).expect("the end"), 0, "the client has said nothing");
        }
        victim.assert_unharmed();
    });
}

#[test]
fn truncated_proofs_are_refused() {
    isolated(|| {
        let victim = Victim::new(KEY);
        for size in [0, 1, 8, 71, 72, 88, 103] {
            let (mut socket, hello) = victim.connect();
            let proof = proof(KEY, &hello, victim.address, [3; 32]);
            socket.write_all(&proof[..size]).expect("it listens");
            socket.shutdown(std::net::Shutdown::Write).expect("it is connected");
            assert_eq!(socket.read(&mut [0; 64]).unwrap_or(0), 0, "{size} bytes were answered");
        }
        victim.assert_unharmed();
    });
}

#[test]
fn a_truncated_verdict_is_no_welcome() {
    isolated(|| {
        for size in [0, 1, 32] {
            let fake = TcpListener::bind("127.0.0.1:0").expect("a port");
            let at = fake.local_addr().expect("an address");
            let client = thread::spawn(move || {
                connect::<u8, u8>(&Address::Tcp(at), &Key::new(KEY).unwrap()).map(drop)
            });
            let (mut socket, _) = fake.accept().expect("the client");
            let hello = hello([8; 32], [9; 32]);
            socket.write_all(&hello).expect("it listens");
            let proof: Proof = read(&mut socket);
            let mac = mac(KEY, "listener", &hello, endpoint(at), &proof[..72], &[WELCOME]);
            socket.write_all(&verdict(WELCOME, &mac)[..size]).expect("it listens");
            drop(socket);
            let error = client.join().expect("no panic").unwrap_err();
            assert!(matches!(error, ConnectError::Closed), "{size}: {error:?}");
        }
    });
}

#[test]
fn nonces_and_ids_are_new_each_time() {
    isolated(|| {
        let victim = Victim::new(KEY);
        let hellos: Vec<Hello> = (0..20).map(|_| victim.connect().1).collect();
        for (idx, one) in hellos.iter().enumerate() {
            assert_eq!(one[..40], hellos[0][..40], "the listener stays the same");
            assert!(hellos[idx + 1..].iter().all(|other| one[40..] != other[40..]));
        }
        let next = Victim::new(KEY);
        assert_ne!(next.connect().1[8..40], hellos[0][8..40]);
        let (n_accepted, turned_away) = victim.end();
        assert_eq!(n_accepted, 0);
        assert_eq!(turned_away.wrong_key, 0);
        next.end();
    });
}
