//! The thread of a gate that speaks TLS: it lets clients in, and passes on between them and the gate in the clear.

use super::TlsServer;
use super::tunnel::Tunnel;
use crate::remote::error::GateError;
use crate::remote::frames::{FromClient, FromGate};
use crate::remote::keeper::Office;
use ipc_codec::Limits;
use ipc_pipe::internals::{Shake, connection};
use ipc_pipe::{Address, BindError, Key};
use ipc_sys::clock::Deadline;
use ipc_sys::readiness::{Interest, Watch, wait};
use ipc_sys::stream::ListeningSocket;
use rustls::{Connection, ServerConnection};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// So many may be there who have not shown the key; of more the oldest goes.
const MOST_STRANGERS: usize = 64;
/// How long the thread sleeps at most: so long it may take to hear that the gate is closed.
const NAP: Duration = Duration::from_millis(50);

/// The thread.
pub(in crate::remote) struct Porter {
    socket: ListeningSocket,
    address: SocketAddr,
    tls: TlsServer,
    key: Key,
    limits: Limits,
    timeout: Duration,
    office: Arc<Office>,
    /// Those who have shown the key, and those who have not until their deadline; the oldest first.
    tunnels: Vec<(Tunnel, Deadline)>,
}

impl Porter {
    pub(in crate::remote) fn bind(
        address: &Address,
        tls: TlsServer,
        key: Key,
        (limits, timeout): (Limits, Duration),
        office: Arc<Office>,
    ) -> Result<Porter, GateError> {
        let Address::Tcp(at) = *address else {
            return Err(GateError::Os(io::Error::other("a local socket needs no TLS")));
        };
        let socket = ListeningSocket::bind(at).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse,
            _ => BindError::Os(error),
        })?;
        let address = socket.own_address()?;
        Ok(Porter { socket, address, tls, key, limits, timeout, office, tunnels: Vec::new() })
    }

    pub(in crate::remote) fn address(&self) -> Address {
        Address::Tcp(self.address)
    }

    /// Serves until the gate is closed.
    pub(in crate::remote) fn run(mut self) {
        while !self.office.is_over() {
            self.sleep();
            self.let_in();
            let (office, limits) = (&self.office, self.limits);
            self.tunnels.retain_mut(|(tunnel, deadline)| {
                match tunnel.work() {
                    Ok(Some(outer)) => office.let_in(connection::<FromGate, FromClient>(outer, limits)),
                    Ok(None) => {}
                    Err(_) => return false,
                }
                tunnel.is_open() || !deadline.is_over()
            });
        }
    }

    fn sleep(&self) {
        let mut watches = vec![Watch::new(self.socket.handle(), Interest::Read)];
        self.tunnels.iter().for_each(|(tunnel, _)| tunnel.watches(&mut watches));
        if wait(&mut watches, Deadline::after(NAP)).is_err() {
            // Memory is short.
            std::thread::sleep(NAP);
        }
    }

    fn let_in(&mut self) {
        // A connection that broke before it was accepted is no concern of the others.
        while let Ok(Some(tcp)) = self.socket.accept() {
            let Ok(tls) = ServerConnection::new(Arc::clone(&self.tls.0)) else { return };
            let is_strange = |(tunnel, _): &(Tunnel, Deadline)| !tunnel.is_open();
            if self.tunnels.iter().filter(|tunnel| is_strange(tunnel)).count() >= MOST_STRANGERS {
                if let Some(oldest) = self.tunnels.iter().position(is_strange) {
                    self.tunnels.remove(oldest);
                }
            }
            let tunnel =
                Tunnel::new(tcp, Connection::Server(tls), &self.key, Shake::server::<FromGate, FromClient>);
            self.tunnels.push((tunnel, Deadline::after(self.timeout)));
        }
    }
}
