//! What the system has for bytes: a pipe, and a stream socket.
//!
//! # Safety
//!
//! Makes a pipe by hand. What the call writes is a local variable, and what it wrote are new descriptors.
#![allow(unsafe_code)]

use super::crew::{Kind, Outcome};
use super::way::{Get, Message, Put, Way};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;

/// A pipe for messages of one size.
pub(crate) struct Pipe {
    reader: File,
    writer: File,
    size: usize,
}

/// A stream socket for messages of one size, of which one direction is used.
pub(crate) struct Socket {
    reader: UnixStream,
    writer: UnixStream,
    size: usize,
}

/// An end of either.
pub(crate) struct End<S>(S, Message);

impl Pipe {
    pub(crate) fn new(size: usize) -> Outcome<Pipe> {
        let mut descriptors = [-1; 2];
        // SAFETY: writes to the two numbers only.
        if unsafe { libc::pipe2(descriptors.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
            return Err(io::Error::last_os_error().into());
        }
        // SAFETY: new, and nobody else has it.
        let reader = unsafe { File::from_raw_fd(descriptors[0]) };
        // SAFETY: as above.
        let writer = unsafe { File::from_raw_fd(descriptors[1]) };
        Ok(Pipe { reader, writer, size })
    }
}

impl Socket {
    pub(crate) fn new(size: usize) -> Outcome<Socket> {
        let (writer, reader) = UnixStream::pair()?;
        Ok(Socket { reader, writer, size })
    }
}

impl Way for Pipe {
    type Putter = End<File>;
    type Getter = End<File>;

    const NAME: &'static str = "pipe";
    const KIND: Kind = Kind::Processes;

    fn putter(&self) -> Outcome<End<File>> {
        Ok(End(self.writer.try_clone()?, Message::new(self.size)))
    }

    fn getter(&self) -> Outcome<End<File>> {
        Ok(End(self.reader.try_clone()?, Message::new(self.size)))
    }
}

impl Way for Socket {
    type Putter = End<UnixStream>;
    type Getter = End<UnixStream>;

    const NAME: &'static str = "Unix stream socket";
    const KIND: Kind = Kind::Processes;

    fn putter(&self) -> Outcome<End<UnixStream>> {
        Ok(End(self.writer.try_clone()?, Message::new(self.size)))
    }

    fn getter(&self) -> Outcome<End<UnixStream>> {
        Ok(End(self.reader.try_clone()?, Message::new(self.size)))
    }
}

impl<S: Write> Put for End<S> {
    fn put(&mut self, number: u64) -> Outcome {
        self.1.set(number);
        Ok(self.0.write_all(self.1.bytes())?)
    }
}

impl<S: Read> Get for End<S> {
    fn get(&mut self) -> Outcome<u64> {
        self.0.read_exact(self.1.bytes_mut())?;
        self.1.number()
    }
}
