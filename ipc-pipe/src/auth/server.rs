//! The listener's side of the family's handshake.

use super::native::{self, Hello, PROOF_SIZE, Proof, status};
use super::{Endpoint, Handshake, Refusal};
use crate::key::Key;
use crate::schema::Schema;
use std::io;
use std::sync::Arc;

/// What all handshakes of one listener have in common.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) key: Key,
    /// Drawn at random for each listener.
    pub(crate) id: [u8; 32],
    pub(crate) schema: Schema,
}

#[derive(Debug)]
pub(crate) struct Server {
    identity: Arc<Identity>,
    hello: Hello,
    /// The names by which clients may know this listener.
    endpoints: Arc<[Endpoint]>,
}

impl Identity {
    pub(crate) fn new(key: Key, schema: Schema) -> io::Result<Self> {
        let mut id = [0; 32];
        ipc_sys::random::fill(&mut id)?;
        Ok(Identity { key, id, schema })
    }
}

impl Server {
    pub(crate) fn new(identity: &Arc<Identity>, endpoints: Arc<[Endpoint]>) -> io::Result<Self> {
        let mut nonce = [0; 32];
        ipc_sys::random::fill(&mut nonce)?;
        Ok(Server::with_nonce(identity, endpoints, &nonce))
    }

    pub(super) fn with_nonce(identity: &Arc<Identity>, endpoints: Arc<[Endpoint]>, nonce: &[u8; 32]) -> Self {
        let hello = Hello::new(&identity.id, nonce);
        Server { identity: Arc::clone(identity), hello, endpoints }
    }
}

impl Handshake for Server {
    type Outcome = ();

    fn begin(&mut self, reply: &mut Vec<u8>) {
        reply.extend_from_slice(&self.hello.0);
    }

    fn wanted(&self) -> usize {
        PROOF_SIZE
    }

    fn advance(&mut self, message: &[u8], reply: &mut Vec<u8>) -> Result<Option<()>, Refusal> {
        let Identity { key, schema, .. } = &*self.identity;
        let proof = Proof::parse(message);
        let endpoint = match &proof {
            Ok(proof) => self.endpoints.iter().find(|&&at| proof.is_genuine(key, &self.hello, at)),
            Err(_) => None,
        };
        let (Ok(proof), Some(&endpoint)) = (&proof, endpoint) else {
            reply.extend(native::bare_verdict(status::REFUSED));
            return Err(proof.err().unwrap_or(Refusal::WrongKey));
        };
        let fits = proof.schema() == schema.of_peer();
        let status = if fits { status::WELCOME } else { status::SCHEMA };
        reply.extend(native::verdict(key, &self.hello, endpoint, proof, status));
        if fits { Ok(Some(())) } else { Err(Refusal::Schema) }
    }

    fn busy() -> Vec<u8> {
        native::bare_verdict(status::BUSY)
    }
}
