//! Listeners and connections for tests, over each kind of address.

use ipc_pipe::{Address, Connection, Key, Listener, connect};
use ipc_testkit::TempDir;
use serde::de::DeserializeOwned;
use std::thread;
use std::time::Duration;

/// For what has to come.
pub(crate) const LONG: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Local,
    V4,
    V6,
}

/// A key and a place to listen at.
pub(crate) struct Site {
    pub(crate) key: Key,
    pub(crate) address: Address,
    pub(crate) folder: TempDir,
}

impl Site {
    pub(crate) fn new(family: Family) -> Self {
        let folder = ipc_testkit::temp_dir();
        let address = match family {
            Family::Local => Address::local(folder.path().join("private").join("socket")).expect("a path"),
            Family::V4 => "tcp:127.0.0.1:0".parse().expect("an address"),
            Family::V6 => "tcp:[::1]:0".parse().expect("an address"),
        };
        Site { key: Key::random().expect("random bytes"), address, folder }
    }

    pub(crate) fn listen<S: DeserializeOwned, R: DeserializeOwned>(&mut self) -> Listener<S, R> {
        let listener = Listener::bind(&self.address, &self.key).expect("a listener");
        self.address = listener.address().clone();
        listener
    }

    /// A connection, with this side's end second.
    pub(crate) fn connection<S, R>(&mut self) -> (Connection<S, R>, Connection<R, S>)
    where
        S: DeserializeOwned + 'static,
        R: DeserializeOwned + 'static,
    {
        let mut listener = self.listen::<S, R>();
        let (address, key) = (self.address.clone(), self.key.clone());
        let client = thread::spawn(move || connect::<R, S>(&address, &key).expect("a listener"));
        let server = listener.accept_timeout(LONG).expect("a client");
        (server, client.join().expect("no panic"))
    }
}

/// Makes one test for each body and kind of address, in a process of its own.
macro_rules! over_every_family {
    ($($name:ident)*) => {
        over_every_family! { local: Family::Local; $($name)* }
        over_every_family! { v4: Family::V4; $($name)* }
        over_every_family! { v6: Family::V6; $($name)* }
    };
    ($module:ident: $family:expr; $($name:ident)*) => {
        mod $module {
            use super::*;
            $(
                #[test]
                fn $name() {
                    if $family == Family::V6 && std::net::TcpListener::bind("[::1]:0").is_err() {
                        println!("skipped: this machine has no IPv6");
                        return;
                    }
                    ipc_testkit::isolated(|| super::$name($family));
                }
            )*
        }
    };
}
