//! A handshake inside of a channel that somebody else has encrypted.

use super::{Client, Endpoint, Failure, Handshake, Server, ServerIdentity};
use crate::connect::error_of;
use crate::key::Key;
use crate::link_error::ConnectError;
use crate::schema::Schema;
use serde::de::DeserializeOwned;
use std::io;
use std::sync::Arc;

/// One side of the family's handshake, with the channel in the place of an address: what was signed in one channel is worth nothing in
/// another.
#[derive(Debug)]
pub struct Shake(Side);

#[derive(Debug)]
enum Side {
    Client(Client),
    Server(Server),
}

impl Shake {
    /// The side of who connects, and will send `S` and receive `R`.
    pub fn client<S: DeserializeOwned, R: DeserializeOwned>(
        key: &Key,
        channel: [u8; 18],
    ) -> io::Result<Shake> {
        let client = Client::new(key.clone(), Endpoint::Channel(channel), Schema::of::<S, R>())?;
        Ok(Shake(Side::Client(client)))
    }

    /// The side of who accepts.
    pub fn server<S: DeserializeOwned, R: DeserializeOwned>(
        key: &Key,
        channel: [u8; 18],
    ) -> io::Result<Shake> {
        let identity = Arc::new(ServerIdentity::new(key.clone(), Schema::of::<S, R>())?);
        let server = Server::new(&identity, Arc::new([Endpoint::Channel(channel)]))?;
        Ok(Shake(Side::Server(server)))
    }

    /// What this side says before it has heard anything.
    pub fn begin(&mut self, reply: &mut Vec<u8>) {
        match &mut self.0 {
            Side::Client(client) => client.begin(reply),
            Side::Server(server) => server.begin(reply),
        }
    }

    /// How many bytes the next message has.
    pub fn wanted(&self) -> usize {
        match &self.0 {
            Side::Client(client) => client.wanted(),
            Side::Server(server) => server.wanted(),
        }
    }

    /// Takes a message of the wanted length and answers, also when it refuses; whether all is said.
    pub fn advance(&mut self, message: &[u8], reply: &mut Vec<u8>) -> Result<bool, ConnectError> {
        let outcome = match &mut self.0 {
            Side::Client(client) => client.advance(message, reply),
            Side::Server(server) => server.advance(message, reply),
        };
        outcome.map(|done| done.is_some()).map_err(|refusal| error_of(Failure::Refused(refusal)))
    }
}
