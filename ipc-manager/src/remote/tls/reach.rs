//! Reaching a gate over TLS.

use super::TlsClient;
use super::tunnel::{Over, Tunnel};
use crate::remote::frames::{FromClient, FromGate, Outside, limits_around};
use ipc_codec::Limits;
use ipc_pipe::internals::{Shake, connection};
use ipc_pipe::{Address, ConnectError, Key};
use ipc_sys::clock::Deadline;
use ipc_sys::readiness::wait;
use ipc_sys::stream::StreamSocket;
use rustls::{ClientConnection, Connection};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Makes a connection. A thread of its own passes on between it and the encrypted one, as long as there are both.
pub(in crate::remote) fn reach(
    address: &Address,
    tls: &TlsClient,
    key: &Key,
    timeout: Duration,
) -> Result<Outside, ConnectError> {
    let deadline = Deadline::after(timeout);
    let Address::Tcp(at) = *address else {
        return Err(ConnectError::Os(io::Error::other("a local socket needs no TLS")));
    };
    let tcp = StreamSocket::connect(at, deadline).map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectError::Nobody(error),
        io::ErrorKind::TimedOut => ConnectError::TimedOut,
        _ => ConnectError::Os(error),
    })?;
    let tls = ClientConnection::new(Arc::clone(&tls.config), tls.name.clone())
        .map_err(|error| ConnectError::Os(io::Error::other(error)))?;
    let mut tunnel = Tunnel::new(tcp, Connection::Client(tls), key, Shake::client::<FromClient, FromGate>);
    let outer = loop {
        match tunnel.work() {
            Ok(Some(outer)) => break outer,
            Ok(None) if deadline.is_over() => return Err(ConnectError::TimedOut),
            Ok(None) => sleep(&tunnel, deadline).map_err(ConnectError::Os)?,
            Err(Over::Gone) => return Err(ConnectError::Closed),
            Err(Over::Refused(error)) => return Err(error),
        }
    };
    let pass_on = move || while sleep(&tunnel, Deadline::NEVER).is_ok() && tunnel.work().is_ok() {};
    std::thread::Builder::new().name("tls".into()).spawn(pass_on).map_err(ConnectError::Os)?;
    Ok(connection(outer, limits_around(&Limits::default())))
}

fn sleep(tunnel: &Tunnel, deadline: Deadline) -> io::Result<()> {
    let mut watches = Vec::new();
    tunnel.watches(&mut watches);
    wait(&mut watches, deadline).map(drop)
}
