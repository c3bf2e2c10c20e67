//! Somebody in between, whose certificate the client trusts, and who does not have the key.

use super::tunnel::{Over, Tunnel};
use super::{TlsClient, TlsServer, reach};
use crate::remote::frames::{FromClient, FromGate};
use ipc_pipe::internals::Shake;
use ipc_pipe::{Address, ConnectError, Key};
use ipc_sys::stream::StreamSocket;
use rustls::{ClientConnection, Connection, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

const CERTIFICATE: &[u8] = include_bytes!("../../../tests/remote/certificates/certificate.pem");
const KEY: &[u8] = include_bytes!("../../../tests/remote/certificates/key.pem");
const PATIENCE: Duration = Duration::from_secs(30);

fn certificates() -> (TlsServer, TlsClient) {
    let server = TlsServer::from_pem(CERTIFICATE, KEY).expect("certificates");
    (server, TlsClient::trusting(CERTIFICATE, "gate.test").expect("a certificate"))
}

/// The gate's side of one connection: whether the client was let in.
fn admit(listener: &TcpListener, key: &Key) -> Result<(), Over> {
    let (tcp, _) = listener.accept().expect("a client");
    tcp.set_nonblocking(true).expect("it can be so");
    let tcp = StreamSocket::from_handle(tcp.into()).expect("a socket");
    let tls = ServerConnection::new(certificates().0.0).expect("a side");
    let mut tunnel = Tunnel::new(tcp, Connection::Server(tls), key, Shake::server::<FromGate, FromClient>);
    loop {
        match tunnel.work()? {
            Some(_) => return Ok(()),
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn address(listener: &TcpListener) -> Address {
    Address::Tcp(listener.local_addr().expect("an address"))
}

/// Passes on, by two channels, what both say inside of them until the client has shown the key.
fn relay(listener: &TcpListener, gate: &TcpListener) {
    let (server, client) = certificates();
    let to_gate = TcpStream::connect(gate.local_addr().expect("an address")).expect("the gate");
    let tls = ClientConnection::new(Arc::clone(&client.config), client.name.clone()).expect("a side");
    let mut to_gate = StreamOwned::new(tls, to_gate);
    let (to_client, _) = listener.accept().expect("the client");
    let mut to_client = StreamOwned::new(ServerConnection::new(server.0).expect("a side"), to_client);
    let mut hello = [0; 72];
    to_gate.read_exact(&mut hello).expect("the gate begins");
    to_client.write_all(&hello).expect("passed on");
    let mut proof = [0; 104];
    to_client.read_exact(&mut proof).expect("the client answers");
    to_gate.write_all(&proof).expect("passed on");
    // What the gate says to that is not for the client.
    let _ = to_gate.read(&mut hello);
}

#[test]
fn a_client_is_let_in() {
    let (key, gate) = (Key::random().expect("a key"), TcpListener::bind("127.0.0.1:0").expect("a port"));
    std::thread::scope(|scope| {
        let admitted = scope.spawn(|| admit(&gate, &key));
        let client = reach(&address(&gate), &certificates().1, &key, PATIENCE);
        assert!(client.is_ok() && admitted.join().expect("a thread").is_ok());
    });
}

#[test]
fn a_relay_is_refused() {
    let (key, gate) = (Key::random().expect("a key"), TcpListener::bind("127.0.0.1:0").expect("a port"));
    let wire = TcpListener::bind("127.0.0.1:0").expect("a port");
    std::thread::scope(|scope| {
        let admitted = scope.spawn(|| admit(&gate, &key));
        scope.spawn(|| relay(&wire, &gate));
        let client = reach(&address(&wire), &certificates().1, &key, PATIENCE);
        assert!(client.is_err());
        let refused = admitted.join().expect("a thread");
        // The gate finds that the key was shown in another channel.
        assert!(matches!(refused, Err(Over::Refused(ConnectError::Impostor))), "{refused:?}");
    });
}
