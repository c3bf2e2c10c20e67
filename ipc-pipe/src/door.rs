//! The door of a listener: many handshakes at once, in one loop, none of which can hold up the others.
//!
//! A guest is who has connected and not yet shown the key. There are few places for guests, in all and for each user or
//! machine; when they are taken, the oldest guest goes. So those who say nothing make room for those who come after them, and
//! who is sent away too early is told so and comes again. A guest costs its socket, the state of its handshake and
//! less than a kilobyte of what it said; it runs no decoder, and is read no further than its handshake goes.

use crate::auth::{Handshake, MAX_WANTED, Refusal, Server, earlier};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use ipc_sys::readiness::{Group, Interest, wait_one};
use ipc_sys::socket::RecvError;
use ipc_sys::stream::{ListeningSocket, StreamSocket};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// The most guests at once.
pub(crate) const MAX_GUESTS: usize = 64;
/// The most guests of one user or machine.
pub(crate) const MAX_GUESTS_OF_ONE: usize = 16;
/// How many connections are taken before the guests have their turn again.
const BATCH: usize = 8;

// What a guest costs, apart from its socket and a key of the user's choice.
const _: () = assert!(size_of::<Guest<Server>>() + MAX_WANTED < 2048);

/// How many connections did not get through the door, and why.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{ConnectError, Key, Listener, TryAcceptError, connect};
///
/// let mut listener = Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse()?, &Key::random()?)?;
/// let address = listener.address().clone();
/// let client = std::thread::spawn(move || connect::<u8, u8>(&address, &Key::new(b"a guess").unwrap()));
/// while listener.turned_away().wrong_key == 0 {
///     assert!(matches!(listener.try_accept(), Err(TryAcceptError::Nobody)));
/// }
/// assert!(matches!(client.join().unwrap(), Err(ConnectError::Refused)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TurnedAway {
    /// They could not show the key.
    pub wrong_key: u64,
    /// They have the key, and send or receive other types.
    pub schema: u64,
    /// They speak another language, or another version of this one.
    pub malformed: u64,
    /// They belong to another user.
    pub other_user: u64,
    /// They took too long.
    pub timed_out: u64,
    /// They went by themselves.
    pub gone: u64,
    /// They had to make room for others; honest clients come again by themselves.
    pub crowded_out: u64,
}

#[derive(Debug)]
pub(crate) struct Door<H> {
    socket: ListeningSocket,
    /// The socket and all guests, as one handle.
    group: Group,
    /// The oldest first.
    guests: Vec<Guest<H>>,
    timeout: Duration,
    turned_away: TurnedAway,
}

#[derive(Debug)]
struct Guest<H> {
    socket: StreamSocket,
    handshake: H,
    /// What it has said of the message that is wanted.
    message: Vec<u8>,
    deadline: Deadline,
    origin: Origin,
}

/// Who shares places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// This user, over a local socket.
    ThisUser,
    Machine(IpAddr),
}

/// How it stands with a guest.
enum Standing<T> {
    Waiting,
    Through(T),
    Away(Away),
}

#[derive(Clone, Copy)]
enum Away {
    Refused(Refusal),
    TimedOut,
    Gone,
}

impl<H: Handshake> Door<H> {
    pub(crate) fn new(socket: ListeningSocket, timeout: Duration) -> io::Result<Self> {
        let group = Group::new(&[socket.handle()])?;
        Ok(Door { socket, group, guests: Vec::new(), timeout, turned_away: TurnedAway::default() })
    }

    /// The next guest that has shown the key, or nothing if none has until the deadline.
    pub(crate) fn admit(
        &mut self,
        receive: impl Fn(&StreamSocket) -> io::Result<H>,
        deadline: Deadline,
    ) -> io::Result<Option<(StreamSocket, H::Outcome)>> {
        loop {
            if let Some(admitted) = self.serve_guests() {
                return Ok(Some(admitted));
            }
            if self.let_in(&receive)? == 0 {
                self.wait(deadline)?;
            }
            // So that a crowd at the door does not make a call longer than it may be.
            if deadline.is_over() {
                return Ok(self.serve_guests());
            }
        }
    }

    pub(crate) fn turned_away(&self) -> TurnedAway {
        self.turned_away
    }

    /// Readable when somebody has come or a guest has spoken.
    pub(crate) fn handle(&self) -> BorrowedHandle<'_> {
        self.group.as_fd()
    }

    /// Listens to every guest; one that is through, if any.
    fn serve_guests(&mut self) -> Option<(StreamSocket, H::Outcome)> {
        let mut idx = 0;
        while idx < self.guests.len() {
            match self.guests[idx].listen() {
                Standing::Waiting => idx += 1,
                Standing::Through(outcome) => {
                    let guest = self.let_go(idx);
                    return Some((guest.socket, outcome));
                }
                Standing::Away(away) => {
                    self.let_go(idx);
                    self.count(away);
                }
            }
        }
        None
    }

    /// Takes connections that wait, a few at a time; how many.
    fn let_in(&mut self, receive: &impl Fn(&StreamSocket) -> io::Result<H>) -> io::Result<usize> {
        for n_taken in 0..BATCH {
            match self.socket.accept() {
                Ok(Some(socket)) => self.welcome(socket, receive)?,
                Ok(None) => return Ok(n_taken),
                // The table of handles is full, which is said before it is seen whether anybody is there.
                Err(_) if !self.somebody_knocks()? => return Ok(n_taken),
                // A guest who has not shown a key is not worth a place in it then.
                Err(_) if !self.guests.is_empty() => self.crowd_out(0),
                Err(error) => return Err(error),
            }
        }
        Ok(BATCH)
    }

    fn somebody_knocks(&self) -> io::Result<bool> {
        wait_one(self.socket.handle(), Interest::Read, Deadline::NOW)
    }

    /// Makes a connection a guest, if it may be one.
    fn welcome(
        &mut self,
        socket: StreamSocket,
        receive: &impl Fn(&StreamSocket) -> io::Result<H>,
    ) -> io::Result<()> {
        let origin = match origin_of(&socket) {
            Ok(Some(origin)) => origin,
            Ok(None) => {
                self.turned_away.other_user += 1;
                return Ok(());
            }
            // It is gone already.
            Err(_) => {
                self.turned_away.gone += 1;
                return Ok(());
            }
        };
        let of_the_same = |guest: &Guest<H>| guest.origin == origin;
        if self.guests.iter().filter(|guest| of_the_same(guest)).count() >= MAX_GUESTS_OF_ONE {
            let oldest = self.guests.iter().position(of_the_same).unwrap_or(0);
            self.crowd_out(oldest);
        } else if self.guests.len() >= MAX_GUESTS {
            self.crowd_out(0);
        }
        let mut handshake = receive(&socket)?;
        let mut words = Vec::new();
        handshake.begin(&mut words);
        let deadline = Deadline::after(self.timeout);
        let guest = Guest { socket, handshake, message: Vec::new(), deadline, origin };
        if !guest.say(&words) {
            self.turned_away.gone += 1;
            return Ok(());
        }
        self.group.add(guest.socket.handle())?;
        self.guests.push(guest);
        Ok(())
    }

    fn crowd_out(&mut self, idx: usize) {
        let guest = self.let_go(idx);
        guest.say(&H::busy());
        self.turned_away.crowded_out += 1;
    }

    /// Out of the group, too: a copy in a forked child would keep the socket in it.
    fn let_go(&mut self, idx: usize) -> Guest<H> {
        let guest = self.guests.remove(idx);
        self.group.remove(guest.socket.handle());
        guest
    }

    /// Sleeps until something happens, or the time of a guest is over.
    fn wait(&self, deadline: Deadline) -> io::Result<bool> {
        let until = self.guests.iter().fold(deadline, |until, guest| earlier(until, guest.deadline));
        wait_one(self.handle(), Interest::Read, until)
    }

    fn count(&mut self, away: Away) {
        let counter = match away {
            Away::Refused(Refusal::Schema) => &mut self.turned_away.schema,
            Away::Refused(Refusal::WrongKey | Refusal::Rejected) => &mut self.turned_away.wrong_key,
            Away::Refused(Refusal::Malformed | Refusal::Version { .. } | Refusal::Busy) => {
                &mut self.turned_away.malformed
            }
            Away::TimedOut => &mut self.turned_away.timed_out,
            Away::Gone => &mut self.turned_away.gone,
        };
        *counter += 1;
    }
}

impl<H: Handshake> Guest<H> {
    /// Takes what the guest has said, and answers.
    fn listen(&mut self) -> Standing<H::Outcome> {
        loop {
            let wanted = self.handshake.wanted();
            let mut space = [0; MAX_WANTED];
            let missing = &mut space[..wanted.min(MAX_WANTED) - self.message.len()];
            // Handles have no place here, and are closed.
            match self.socket.recv(missing, &mut Vec::new()) {
                Ok(chunk) => self.message.extend_from_slice(&missing[..chunk.size]),
                // What was said in time is heard, also by somebody who was away.
                Err(RecvError::TimedOut) if self.deadline.is_over() => return Standing::Away(Away::TimedOut),
                Err(RecvError::TimedOut) => return Standing::Waiting,
                Err(_) => return Standing::Away(Away::Gone),
            }
            if self.message.len() < wanted {
                continue;
            }
            let mut reply = Vec::new();
            let result = self.handshake.advance(&self.message, &mut reply);
            self.message.clear();
            let heard = self.say(&reply);
            match result {
                Err(refusal) => return Standing::Away(Away::Refused(refusal)),
                Ok(_) if !heard => return Standing::Away(Away::Gone),
                Ok(Some(outcome)) => return Standing::Through(outcome),
                Ok(None) => {}
            }
        }
    }

    /// Says something short. A socket that has no room for it belongs to somebody who does not listen.
    fn say(&self, words: &[u8]) -> bool {
        words.is_empty() || self.socket.send(&[words], &[]).is_ok_and(|size| size == words.len())
    }
}

/// Whose places a connection takes; nobody's if it belongs to another user.
fn origin_of(socket: &StreamSocket) -> io::Result<Option<Origin>> {
    if socket.is_local() {
        return Ok(socket.peer_is_own_user()?.then_some(Origin::ThisUser));
    }
    Ok(Some(Origin::Machine(socket.peer_address()?.ip().to_canonical())))
}
