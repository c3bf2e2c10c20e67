//! One encrypted connection: TLS, in it the handshake that shows the key, and then the bytes of a connection, which has a local socket for its end.
//!
//! It never waits: what cannot be passed on stays where it is, and nothing more is read meanwhile.

use ipc_pipe::internals::Shake;
use ipc_pipe::{ConnectError, Key};
use ipc_sys::clock::Deadline;
use ipc_sys::readiness::{Interest, Watch, wait_one};
use ipc_sys::socket::{RecvError, SendError};
use ipc_sys::stream::StreamSocket;
use rustls::Connection;
use std::io::{self, Read, Write};

/// The most bytes that are on their way in one direction here.
const ROOM: usize = 16 << 10;
/// What the number of a channel is made for.
const LABEL: &[u8] = b"EXPORTER-multiproc-handshake-1";

/// Makes this side of the handshake, for a channel of this number.
pub(super) type Begin = fn(&Key, [u8; 18]) -> io::Result<Shake>;

/// A connection.
pub(super) struct Tunnel {
    tcp: StreamSocket,
    tls: Connection,
    stage: Stage,
    /// What has come and has not been passed on.
    pending: Vec<u8>,
}

/// How far it is.
enum Stage {
    /// TLS itself has not begun to work.
    Strange(Key, Begin),
    /// The other side has not shown the key.
    Shaking(Box<Shake>),
    /// Bytes go to this socket and come from it.
    Open(StreamSocket),
}

/// Why it is over.
#[derive(Debug)]
pub(super) enum Over {
    Gone,
    Refused(ConnectError),
}

impl Tunnel {
    pub(super) fn new(tcp: StreamSocket, tls: Connection, key: &Key, begin: Begin) -> Tunnel {
        Tunnel { tcp, tls, stage: Stage::Strange(key.clone(), begin), pending: Vec::new() }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open(_))
    }

    /// What to wait for before the next call.
    pub(super) fn watches<'a>(&'a self, watches: &mut Vec<Watch<'a>>) {
        let is_stuck = self.is_open() && !self.pending.is_empty();
        let interest = if is_stuck { Interest::End } else { Interest::Read };
        watches.push(Watch::new(self.tcp.handle(), interest));
        if self.tls.wants_write() {
            watches.push(Watch::new(self.tcp.handle(), Interest::Write));
        }
        if let Stage::Open(inner) = &self.stage {
            if is_stuck {
                watches.push(Watch::new(inner.handle(), Interest::Write));
            }
            if !self.tls.wants_write() {
                watches.push(Watch::new(inner.handle(), Interest::Read));
            }
        }
    }

    /// Does what can be done now. When the key was shown, the other end of the connection comes out.
    pub(super) fn work(&mut self) -> Result<Option<StreamSocket>, Over> {
        let is_ended = self.read()?;
        let mut opened = None;
        let result = self.advance(&mut opened);
        // Also what says why it is over.
        self.write()?;
        result?;
        if is_ended && self.pending.is_empty() {
            return Err(Over::Gone);
        }
        Ok(opened)
    }

    /// Takes what has come; whether it was the end.
    fn read(&mut self) -> Result<bool, Over> {
        if self.is_open() && !self.pending.is_empty() {
            // Nothing is read, so the end would not be seen.
            let is_ended = wait_one(self.tcp.handle(), Interest::End, Deadline::NOW).unwrap_or(true);
            return if is_ended { Err(Over::Gone) } else { Ok(false) };
        }
        match self.tls.read_tls(&mut Wire(&self.tcp)) {
            Ok(0) => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            // The plaintext before is to be read first.
            Err(error) if error.kind() == io::ErrorKind::Other => return Ok(false),
            Err(_) => return Err(Over::Gone),
        }
        if self.tls.process_new_packets().is_err() {
            // It says why in the way of TLS.
            let _ = self.write();
            return Err(Over::Gone);
        }
        Ok(false)
    }

    fn write(&mut self) -> Result<(), Over> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Wire(&self.tcp)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(Over::Gone),
            }
        }
        Ok(())
    }

    fn advance(&mut self, opened: &mut Option<StreamSocket>) -> Result<(), Over> {
        if let (Stage::Strange(key, begin), false) = (&self.stage, self.tls.is_handshaking()) {
            let channel = self.tls.export_keying_material([0; 18], LABEL, None).map_err(|_| Over::Gone)?;
            let mut shake = begin(key, channel).map_err(|_| Over::Gone)?;
            let mut said = Vec::new();
            shake.begin(&mut said);
            self.say(&said)?;
            self.stage = Stage::Shaking(Box::new(shake));
        }
        while let Stage::Shaking(shake) = &self.stage {
            if !self.fill(shake.wanted())? {
                return Ok(());
            }
            *opened = self.shake()?;
        }
        if self.is_open() { self.pass_on() } else { Ok(()) }
    }

    /// Answers the message that is here whole; the other end of the connection if that was the last.
    fn shake(&mut self) -> Result<Option<StreamSocket>, Over> {
        let (message, mut said) = (std::mem::take(&mut self.pending), Vec::new());
        let Stage::Shaking(shake) = &mut self.stage else { return Ok(None) };
        let advanced = shake.advance(&message, &mut said);
        self.say(&said)?;
        if !advanced.map_err(Over::Refused)? {
            return Ok(None);
        }
        let (inner, outer) = StreamSocket::pair().map_err(|_| Over::Gone)?;
        self.stage = Stage::Open(inner);
        Ok(Some(outer.without_handles()))
    }

    /// Reads until so many bytes are here; whether they are.
    fn fill(&mut self, wanted: usize) -> Result<bool, Over> {
        while self.pending.len() < wanted {
            let mut bytes = vec![0; wanted - self.pending.len()];
            match self.tls.reader().read(&mut bytes) {
                Ok(0) => return Err(Over::Gone),
                Ok(n_bytes) => self.pending.extend_from_slice(&bytes[..n_bytes]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(_) => return Err(Over::Gone),
            }
        }
        Ok(true)
    }

    fn say(&mut self, bytes: &[u8]) -> Result<(), Over> {
        self.tls.writer().write_all(bytes).map_err(|_| Over::Gone)
    }

    /// Passes bytes on in both directions.
    fn pass_on(&mut self) -> Result<(), Over> {
        let Stage::Open(inner) = &self.stage else { return Ok(()) };
        let mut bytes = vec![0; ROOM];
        loop {
            if self.pending.is_empty() {
                match self.tls.reader().read(&mut bytes) {
                    Ok(n_bytes) if n_bytes > 0 => self.pending.extend_from_slice(&bytes[..n_bytes]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    _ => return Err(Over::Gone),
                }
            }
            match inner.send(&[&self.pending], &[]) {
                Ok(size) => drop(self.pending.drain(..size)),
                Err(SendError::TimedOut) => break,
                Err(_) => return Err(Over::Gone),
            }
        }
        if !self.tls.wants_write() {
            match inner.recv(&mut bytes, &mut Vec::new()) {
                Ok(chunk) => self.say(&bytes[..chunk.size])?,
                Err(RecvError::TimedOut) => {}
                Err(_) => {
                    self.tls.send_close_notify();
                    let _ = self.write();
                    return Err(Over::Gone);
                }
            }
        }
        Ok(())
    }
}

/// The socket, as TLS wants it.
struct Wire<'a>(&'a StreamSocket);

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.recv(buffer, &mut Vec::new()) {
            Ok(chunk) => Ok(chunk.size),
            Err(RecvError::Closed) => Ok(0),
            Err(RecvError::TimedOut) => Err(io::ErrorKind::WouldBlock.into()),
            Err(_) => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(&[bytes], &[]).map_err(|error| match error {
            SendError::TimedOut => io::ErrorKind::WouldBlock.into(),
            _ => io::ErrorKind::ConnectionReset.into(),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
