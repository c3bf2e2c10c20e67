//! Both handshakes under mutation: whatever is said, nothing panics, no more is wanted than may be, and nobody gets through who
//! did not say exactly what the key makes.

use super::native::{Hello, Proof};
use super::{Client, Endpoint, Handshake, MAX_WANTED, Server, ServerIdentity};
use crate::key::Key;
use crate::python::Python;
use crate::schema::Schema;
use ipc_sys::rendezvous::Identity;
use ipc_testkit::kill::sweep;
use ipc_testkit::{Rng, fuzz, isolated, peak_of};
use std::sync::Arc;

/// The most that a listener reads before somebody is through.
const MAX_READ: usize = 1024;

const ROUNDS: u64 = 3000;

/// One side, and what it has been told.
struct Side<H> {
    handshake: H,
    heard: usize,
    pending: Vec<u8>,
    through: bool,
    refused: bool,
}

impl<H: Handshake> Side<H> {
    fn new(mut handshake: H) -> (Self, Vec<u8>) {
        let mut reply = Vec::new();
        handshake.begin(&mut reply);
        (Side { handshake, heard: 0, pending: Vec::new(), through: false, refused: false }, reply)
    }

    /// Hears bytes as they come off a stream, and answers.
    fn hear(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut reply = Vec::new();
        self.pending.extend_from_slice(bytes);
        while !self.through && !self.refused {
            let wanted = self.handshake.wanted();
            assert!((1..=MAX_WANTED).contains(&wanted), "{wanted} bytes are wanted");
            if self.pending.len() < wanted {
                break;
            }
            let message: Vec<u8> = self.pending.drain(..wanted).collect();
            self.heard += wanted;
            assert!(self.heard <= MAX_READ, "{} bytes were read", self.heard);
            match self.handshake.advance(&message, &mut reply) {
                Ok(outcome) => self.through = outcome.is_some(),
                Err(_) => self.refused = true,
            }
        }
        reply
    }
}

/// A conversation in which whatever `listener` and `client` say passes through `way`; whether each of them is through.
fn converse<L: Handshake, C: Handshake>(
    listener: L,
    client: C,
    mut way: impl FnMut(bool, Vec<u8>) -> Vec<u8>,
) -> (bool, bool) {
    let (mut listener, first) = Side::new(listener);
    let (mut client, early) = Side::new(client);
    let mut to_listener = way(false, early);
    let mut to_client = way(true, first);
    for _ in 0..20 {
        let said = client.hear(&to_client);
        to_listener.extend(way(false, said));
        to_client = way(true, listener.hear(&to_listener));
        to_listener = Vec::new();
        if to_client.is_empty() {
            break;
        }
    }
    (listener.through, client.through)
}

fn key() -> Key {
    Key::new(b"the key").expect("bytes")
}

const ENDPOINT: Endpoint = Endpoint::Local(Identity { device: 7, number: 8 });

fn native(client_key: &Key) -> (Server, Client) {
    let schema = Schema { sends: [1; 16], receives: [2; 16] };
    let identity = Arc::new(ServerIdentity::new(key(), schema).expect("random bytes"));
    let server = Server::new(&identity, Arc::new([ENDPOINT])).expect("random bytes");
    let client = Client::new(client_key.clone(), ENDPOINT, schema.of_peer()).expect("random bytes");
    (server, client)
}

fn python(client_key: &Key, allow_md5: bool) -> (Python, Python) {
    let listener = Python::listening(&key(), allow_md5).expect("random bytes");
    let client = Python::connecting(client_key, allow_md5).expect("random bytes");
    (listener, client)
}

fn untouched(_: bool, bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

#[test]
fn the_honest_get_through() {
    let (server, client) = native(&key());
    assert_eq!(converse(server, client, untouched), (true, true));
    for allow_md5 in [false, true] {
        let (listener, client) = python(&key(), allow_md5);
        assert_eq!(converse(listener, client, untouched), (true, true));
    }
}

#[test]
fn who_has_another_key_does_not() {
    let guess = Key::new(b"a guess").expect("bytes");
    let (server, client) = native(&guess);
    assert_eq!(converse(server, client, untouched), (false, false));
    let (listener, client) = python(&guess, true);
    assert_eq!(converse(listener, client, untouched), (false, false));
}

/// What is said, with a change to the one thing that is said at some turn.
fn altered(rng: &mut Rng) -> impl FnMut(bool, Vec<u8>) -> Vec<u8> + '_ {
    let turn = rng.below(6);
    let mut n_said = 0;
    move |_, mut bytes| {
        if n_said == turn && !bytes.is_empty() {
            fuzz::change(rng, &mut bytes);
        }
        n_said += 1;
        bytes
    }
}

/// Changes one thing in a conversation of two who have the key: whatever it is, the side that heard something else than was said is
/// not through. Whether both are.
fn one_is_deceived(rng: &mut Rng) -> bool {
    let (server, client) = native(&key());
    let mut changed = [false, false];
    let turn = rng.below(4);
    let mut n_said = 0;
    let (listener, caller) = converse(server, client, |to_client, bytes| {
        let mut heard = bytes.clone();
        if n_said == turn && !bytes.is_empty() {
            fuzz::change(rng, &mut heard);
        }
        n_said += 1;
        // More than was said is not heard: whatever follows a handshake belongs to the messages.
        changed[usize::from(to_client)] |= !heard.starts_with(&bytes);
        heard
    });
    assert!(!(listener && changed[0]), "the listener heard something else than was said");
    assert!(!(caller && changed[1]), "the client heard something else than was said");
    listener && caller
}

#[test]
fn mutated_words_let_nobody_in_who_should_not_be() {
    let guess = Key::new(b"a guess").expect("bytes");
    let mut n_through = 0;
    let n_rounds = fuzz::rounds(ROUNDS, |rng| {
        n_through += u64::from(one_is_deceived(rng));
        // Without the key, nobody is through, however lucky the change.
        let (server, client) = native(&guess);
        assert_eq!(converse(server, client, altered(rng)), (false, false));
        let (listener, client) = python(&guess, true);
        assert_eq!(converse(listener, client, altered(rng)), (false, false));
        let (listener, client) = python(&key(), true);
        converse(listener, client, altered(rng));
    });
    assert!(n_rounds < ROUNDS || n_through > n_rounds / 30, "only {n_through} of {n_rounds} got through");
}

/// Words that mean something, in an order that does not.
#[test]
fn mutated_nonsense_lets_nobody_in() {
    let frame = |body: &[u8]| [&(body.len() as u32).to_be_bytes(), body].concat();
    let seeds: Vec<Vec<u8>> = vec![
        b"mp-ipc\x01\0".to_vec(),
        b"mp-ipc\0\0".to_vec(),
        vec![0; 104],
        vec![0xff; 104],
        vec![0; 33],
        frame(b"#WELCOME#"),
        frame(b"#FAILURE#"),
        frame(b"#CHALLENGE#"),
        frame(b"#CHALLENGE#{sha256}"),
        frame(&[b"#CHALLENGE#".as_slice(), &[7; 20]].concat()),
        frame(&[b"#CHALLENGE#{sha256}".as_slice(), &[7; 40]].concat()),
        frame(&[b"#CHALLENGE#{sha999}".as_slice(), &[7; 40]].concat()),
        frame(&[b"{sha256}".as_slice(), &[7; 32]].concat()),
        frame(&[b"{md5}".as_slice(), &[7; 16]].concat()),
        frame(&[7; 16]),
        frame(&[]),
        vec![0x80, 0, 0, 0],
        vec![0xff; 12],
        vec![0, 0, 1, 1],
    ];
    fuzz::rounds(ROUNDS, |rng| {
        let mut words = Vec::new();
        for _ in 0..=rng.below(8) {
            let mut word = rng.pick(&seeds).clone();
            if rng.one_in(3) {
                fuzz::change(rng, &mut word);
            }
            words.extend(word);
        }
        let (server, client) = native(&key());
        let (listener, caller) = python(&key(), true);
        assert!(!told(server, &words));
        assert!(!told(client, &words));
        assert!(!told(listener, &words));
        assert!(!told(caller, &words));
    });
}

/// Whether who says this is through. It may not take more memory than what was said and what may be wanted.
fn told<H: Handshake>(handshake: H, words: &[u8]) -> bool {
    let mut side = Side::new(handshake).0;
    let (_, peak) = peak_of(|| side.hear(words));
    assert!(
        peak <= 2 * words.len() + 8 * MAX_READ,
        "{peak} bytes of memory for {} that were said",
        words.len()
    );
    side.through
}

/// How many instructions a call has, counted one by one. None where that cannot be done.
fn n_instructions(call: impl Fn()) -> u64 {
    // It is killed nowhere but behind the call.
    sweep(1 << 40, || (), |()| call(), |(), _| ()).steps
}

/// A proof with a wrong byte takes as many instructions wherever that is, so the time does not tell how many were right before it.
/// The comparison is that of the crate `hmac-sha256`, which looks at all bytes.
#[test]
fn where_a_proof_is_wrong_is_not_to_be_told_by_the_time() {
    isolated(|| {
        let (key, hello) = (key(), Hello::new(&[1; 32], &[2; 32]));
        let schema = Schema { sends: [1; 16], receives: [2; 16] };
        let right = Proof::new(&key, &hello, ENDPOINT, &[3; 32], schema);
        let size = right.0.len();
        let count = |wrong: usize| {
            let mut proof = right;
            proof.0[wrong] ^= 0xff;
            n_instructions(|| assert!(!proof.is_genuine(&key, &hello, ENDPOINT)))
        };
        let expected = count(size - 32);
        assert_eq!(count(size - 1), expected);
        // And it would be seen: a comparison byte by byte.
        let by_byte = |other: [u8; 4]| {
            n_instructions(|| {
                let same = [1, 2, 3, 4].iter().zip(&other).take_while(|(a, b)| a == b).count();
                std::hint::black_box(same);
            })
        };
        assert!(expected == 0 || by_byte([1, 2, 3, 0]) > by_byte([0, 2, 3, 4]));
    });
}
