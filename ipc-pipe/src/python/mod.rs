//! Byte strings to and from programs in Python: what CPython's `multiprocessing.connection` speaks.
//!
//! A [`Listener`] serves Python's `Client`, [`Settings::connect`] reaches Python's `Listener`, and a [`Connection`] carries what
//! Python calls `send_bytes` and `recv_bytes`. Python's `send` and `recv` put pickles into the same frames, which nothing here
//! reads.
//!
//! ```
//! use ipc_pipe::Key;
//! use ipc_pipe::python::Settings;
//!
//! // In Python: connection = Client(("127.0.0.1", port), authkey=b"secret"); connection.send_bytes(b"hello")
//! let settings = Settings::new(&Key::new(b"secret")?);
//! let mut listener = settings.bind(&"tcp:127.0.0.1:0".parse()?)?;
//! let address = listener.address().clone();
//! let client = std::thread::spawn(move || {
//!     let mut connection = settings.connect(&address)?;
//!     connection.send(b"hello")?;
//!     Ok::<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>(connection.recv()?)
//! });
//! let mut connection = listener.accept()?;
//! assert_eq!(connection.recv()?, b"hello");
//! connection.send(b"world")?;
//! assert_eq!(client.join().unwrap().unwrap(), b"world");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What the handshake is worth
//!
//! Both sides show that they have the key, the side that listens asking first, by HMAC-SHA-256 with Python 3.12 and later. It
//! does not say to which listener a client speaks: whoever can make a client connect to him, and can reach a listener with
//! the same key, can pass on what both say and take over from there. Between two programs of this family,
//! [`crate::Listener`] stands against that.
//!
//! Python up to 3.11 knows HMAC-MD5 only, and is refused unless [`Settings::allow_md5`] says otherwise.
//!
//! Python's addresses are `(host, port)` and paths; a path has to be in a folder that only its user may enter, as those are that
//! Python makes by itself. Its abstract sockets have no permissions and are not supported, and neither are listeners without a key.

mod challenge;
mod connection;
mod handshake;
mod listener;
mod settings;

pub use connection::Connection;
#[cfg(test)]
pub(crate) use handshake::Python;
pub use listener::Listener;
pub use settings::Settings;
