//! The three messages of the family's handshake, and what is signed.
//!
//! | | from | bytes |
//! | --- | --- | --- |
//! | hello | listener | magic and version (8), id of the listener (32), nonce (32) |
//! | proof | client | magic and version (8), nonce (32), what it sends (16), what it receives (16), MAC (32) |
//! | verdict | listener | status (1), MAC (32) |
//!
//! Both MACs are HMAC-SHA-256 by the key over: a text that names version and role, the length of the key, the hello, the
//! endpoint, and the proof without its MAC; that of the verdict also over the status. So no message is worth anything in another conversation
//! (nonces), to another listener (id, endpoint), or from the other side (role), and nothing said was changed on the way.
//! A refusal has no MAC, since there is no key to make it with: it can be forged, and tells nobody anything.
//! The bytes are in `docs/wire-format.md`.

use super::Refusal;
use super::endpoint::Endpoint;
use crate::key::Key;
use crate::schema::Schema;
use hmac_sha256::HMAC;

/// The version of the handshake and of what follows it.
pub(crate) const VERSION: u16 = 1;

const MAGIC: [u8; 6] = *b"mp-ipc";

pub(super) const HELLO_SIZE: usize = 72;
pub(super) const PROOF_SIZE: usize = 104;
pub(super) const VERDICT_SIZE: usize = 33;
const SIGNED_PROOF_SIZE: usize = PROOF_SIZE - 32;

/// How a handshake ended, as the listener says it.
pub(super) mod status {
    /// Signed: the client has shown the key, and both mean the same messages.
    pub(crate) const WELCOME: u8 = 0;
    /// Signed: the client has shown the key, and means other messages.
    pub(crate) const SCHEMA: u8 = 1;
    /// Not signed: the client has not shown the key.
    pub(crate) const REFUSED: u8 = 2;
    /// Not signed: there is no place now.
    pub(crate) const BUSY: u8 = 3;
}

/// What the listener says first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hello(pub(super) [u8; HELLO_SIZE]);

/// What the client answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof(pub(super) [u8; PROOF_SIZE]);

impl Hello {
    pub(super) fn new(id: &[u8; 32], nonce: &[u8; 32]) -> Self {
        let mut bytes = [0; HELLO_SIZE];
        put_preamble(&mut bytes);
        bytes[8..40].copy_from_slice(id);
        bytes[40..].copy_from_slice(nonce);
        Hello(bytes)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        check_preamble(bytes)?;
        bytes.try_into().map(Hello).map_err(|_| Refusal::Malformed)
    }
}

impl Proof {
    pub(super) fn new(
        key: &Key,
        hello: &Hello,
        endpoint: Endpoint,
        nonce: &[u8; 32],
        schema: Schema,
    ) -> Self {
        let mut bytes = [0; PROOF_SIZE];
        put_preamble(&mut bytes);
        bytes[8..40].copy_from_slice(nonce);
        bytes[40..56].copy_from_slice(&schema.sends);
        bytes[56..72].copy_from_slice(&schema.receives);
        let mac = client_mac(key, hello, endpoint, &Proof(bytes)).finalize();
        bytes[SIGNED_PROOF_SIZE..].copy_from_slice(&mac);
        Proof(bytes)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        check_preamble(bytes)?;
        bytes.try_into().map(Proof).map_err(|_| Refusal::Malformed)
    }

    /// Whether the client has the key and means this listener.
    pub(super) fn is_genuine(&self, key: &Key, hello: &Hello, endpoint: Endpoint) -> bool {
        let mut mac = [0; 32];
        mac.copy_from_slice(&self.0[SIGNED_PROOF_SIZE..]);
        client_mac(key, hello, endpoint, self).finalize_verify(&mac)
    }

    pub(super) fn schema(&self) -> Schema {
        let (mut sends, mut receives) = ([0; 16], [0; 16]);
        sends.copy_from_slice(&self.0[40..56]);
        receives.copy_from_slice(&self.0[56..72]);
        Schema { sends, receives }
    }
}

/// What the listener says last.
pub(super) fn verdict(key: &Key, hello: &Hello, endpoint: Endpoint, proof: &Proof, status: u8) -> Vec<u8> {
    let mac = server_mac(key, hello, endpoint, proof, status).finalize();
    [&[status], mac.as_slice()].concat()
}

/// What it says when it has nothing to sign.
pub(super) fn bare_verdict(status: u8) -> Vec<u8> {
    let mut bytes = vec![0; VERDICT_SIZE];
    bytes[0] = status;
    bytes
}

/// What the verdict says to a client, if it is the listener's.
pub(super) fn judge(
    bytes: &[u8],
    key: &Key,
    hello: &Hello,
    endpoint: Endpoint,
    proof: &Proof,
) -> Result<(), Refusal> {
    let (Some(&status), Some(mac)) = (bytes.first(), bytes.last_chunk::<32>()) else {
        return Err(Refusal::Malformed);
    };
    match status {
        status::REFUSED => return Err(Refusal::Rejected),
        status::BUSY => return Err(Refusal::Busy),
        _ => {}
    }
    if !server_mac(key, hello, endpoint, proof, status).finalize_verify(mac) {
        return Err(Refusal::WrongKey);
    }
    match status {
        status::WELCOME => Ok(()),
        status::SCHEMA => Err(Refusal::Schema),
        _ => Err(Refusal::Malformed),
    }
}

fn client_mac(key: &Key, hello: &Hello, endpoint: Endpoint, proof: &Proof) -> HMAC {
    mac(key, b"multiproc handshake 1, client", hello, endpoint, proof)
}

fn server_mac(key: &Key, hello: &Hello, endpoint: Endpoint, proof: &Proof, status: u8) -> HMAC {
    let mut mac = mac(key, b"multiproc handshake 1, listener", hello, endpoint, proof);
    mac.update([status]);
    mac
}

fn mac(key: &Key, role: &[u8], hello: &Hello, endpoint: Endpoint, proof: &Proof) -> HMAC {
    let mut mac = HMAC::new(key.bytes());
    mac.update(role);
    // To HMAC a key is the same with zeros behind it, and a long one the same as its hash.
    mac.update((key.bytes().len() as u64).to_le_bytes());
    mac.update(hello.0);
    mac.update(endpoint.to_bytes());
    mac.update(&proof.0[..SIGNED_PROOF_SIZE]);
    mac
}

fn put_preamble(bytes: &mut [u8]) {
    bytes[..6].copy_from_slice(&MAGIC);
    bytes[6..8].copy_from_slice(&VERSION.to_le_bytes());
}

fn check_preamble(bytes: &[u8]) -> Result<(), Refusal> {
    let Some(&[magic @ .., v0, v1]) = bytes.first_chunk::<8>() else {
        return Err(Refusal::Malformed);
    };
    match u16::from_le_bytes([v0, v1]) {
        _ if magic != MAGIC => Err(Refusal::Malformed),
        VERSION => Ok(()),
        got => Err(Refusal::Version { got }),
    }
}
