//! The client's side of the family's handshake.

use super::native::{self, HELLO_SIZE, Hello, Proof, VERDICT_SIZE};
use super::{Endpoint, Handshake, Refusal};
use crate::key::Key;
use crate::schema::Schema;
use std::io;

#[derive(Debug)]
pub(crate) struct Client {
    key: Key,
    endpoint: Endpoint,
    schema: Schema,
    nonce: [u8; 32],
    /// What was said so far, once the listener has begun.
    said: Option<(Hello, Proof)>,
}

impl Client {
    pub(crate) fn new(key: Key, endpoint: Endpoint, schema: Schema) -> io::Result<Self> {
        let mut nonce = [0; 32];
        ipc_sys::random::fill(&mut nonce)?;
        Ok(Client { key, endpoint, schema, nonce, said: None })
    }
}

impl Handshake for Client {
    type Outcome = ();

    fn begin(&mut self, _reply: &mut Vec<u8>) {}

    fn wanted(&self) -> usize {
        if self.said.is_none() { HELLO_SIZE } else { VERDICT_SIZE }
    }

    fn advance(&mut self, message: &[u8], reply: &mut Vec<u8>) -> Result<Option<()>, Refusal> {
        match &self.said {
            None => {
                let hello = Hello::parse(message)?;
                let proof = Proof::new(&self.key, &hello, self.endpoint, &self.nonce, self.schema);
                reply.extend_from_slice(&proof.0);
                self.said = Some((hello, proof));
                Ok(None)
            }
            Some((hello, proof)) => native::judge(message, &self.key, hello, self.endpoint, proof).map(Some),
        }
    }

    fn busy() -> Vec<u8> {
        Vec::new()
    }
}
