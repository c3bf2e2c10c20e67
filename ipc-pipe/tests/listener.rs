//! Listeners and connecting to them, over each kind of address.

#[macro_use]
#[path = "support/links.rs"]
mod links;

use ipc_pipe::{
    AcceptTimeoutError, Address, BindError, ConnectError, Connector, Key, Listener, ListenerBuilder,
    RecvError, TryAcceptError, connect,
};
use ipc_sys::handle::AsHandle;
use ipc_testkit::leaks::Snapshot;
use links::{Family, LONG, Site};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};
use std::{fs, thread};

const SHORT: Duration = Duration::from_millis(50);

over_every_family! {
    smoke
    many_at_once
    wrong_key
    types_are_checked
    the_listener_goes_first
    accept_waits_as_long_as_it_was_told
    several_calls_make_one_handshake
    nobody_listens
    bind_twice
    no_growth
}

fn smoke(family: Family) {
    let (mut server, mut client) = Site::new(family).connection::<String, u32>();
    client.send(4).expect("the server is there");
    assert_eq!(server.recv().expect("a number"), 4);
    server.send("four".to_string()).expect("the client is there");
    assert_eq!(client.recv().expect("a text"), "four");
    drop(server);
    assert!(matches!(client.recv(), Err(RecvError::Eof)));
}

fn many_at_once(family: Family) {
    let mut site = Site::new(family);
    let mut listener = site.listen::<u64, u64>();
    let clients: Vec<_> = (0..40)
        .map(|number| {
            let (address, key) = (site.address.clone(), site.key.clone());
            thread::spawn(move || {
                let mut connection = connect::<u64, u64>(&address, &key).expect("a listener");
                connection.send(number).expect("the server is there");
                assert_eq!(connection.recv().expect("an answer"), number + 1);
            })
        })
        .collect();
    for _ in 0..clients.len() {
        let mut connection = listener.accept_timeout(LONG).expect("a client");
        let number = connection.recv_timeout(LONG).expect("a number");
        connection.send(number + 1).expect("the client is there");
    }
    clients.into_iter().for_each(|client| client.join().expect("no panic"));
}

fn wrong_key(family: Family) {
    let mut site = Site::new(family);
    let mut listener = site.listen::<u8, u8>();
    let (address, key) = (site.address.clone(), site.key.clone());
    let client = thread::spawn(move || {
        let wrong = connect::<u8, u8>(&address, &Key::new(b"a guess").expect("bytes")).unwrap_err();
        assert!(matches!(wrong, ConnectError::Refused), "{wrong:?}");
        connect::<u8, u8>(&address, &key).expect("the right key")
    });
    listener.accept_timeout(LONG).expect("the honest client");
    assert_eq!(listener.turned_away().wrong_key, 1);
    client.join().expect("no panic");
}

fn types_are_checked(family: Family) {
    let mut site = Site::new(family);
    let mut listener = site.listen::<(u8, String), u8>();
    let (address, key) = (site.address.clone(), site.key.clone());
    let client = thread::spawn(move || {
        for wrong in [
            connect::<(u8, String), u8>(&address, &key).map(drop),
            connect::<u8, (u16, String)>(&address, &key).map(drop),
            connect::<i8, (u8, String)>(&address, &key).map(drop),
        ] {
            assert!(matches!(wrong, Err(ConnectError::Schema)), "{wrong:?}");
        }
        connect::<u8, (u8, String)>(&address, &key).expect("the other way round")
    });
    listener.accept_timeout(LONG).expect("the client that means the same");
    assert_eq!(listener.turned_away().schema, 3);
    client.join().expect("no panic");
}

fn the_listener_goes_first(family: Family) {
    let mut site = Site::new(family);
    let (mut server, mut client) = site.connection::<u8, u8>();
    // `connection` has dropped its listener.
    assert!(matches!(connect::<u8, u8>(&site.address, &site.key), Err(ConnectError::Nobody(_))));
    client.send(1).expect("the connection lives on");
    assert_eq!(server.recv().expect("a number"), 1);
}

fn accept_waits_as_long_as_it_was_told(family: Family) {
    let mut listener = Site::new(family).listen::<u8, u8>();
    assert!(matches!(listener.try_accept(), Err(TryAcceptError::Nobody)));
    let start = Instant::now();
    assert!(matches!(listener.accept_timeout(SHORT), Err(AcceptTimeoutError::TimedOut)));
    assert!(matches!(listener.accept_deadline(start + 2 * SHORT), Err(AcceptTimeoutError::TimedOut)));
    assert!(start.elapsed() >= 2 * SHORT);
}

/// What a program does that waits for many things: it tries whenever the descriptor says so.
fn several_calls_make_one_handshake(family: Family) {
    let mut site = Site::new(family);
    let mut listener = site.listen::<u8, u8>();
    let (address, key) = (site.address.clone(), site.key.clone());
    let client = thread::spawn(move || connect::<u8, u8>(&address, &key).expect("a listener"));
    let connection = loop {
        let deadline = ipc_sys::clock::Deadline::after(LONG);
        let ready =
            ipc_sys::readiness::wait_one(listener.as_fd(), ipc_sys::readiness::Interest::Read, deadline);
        assert!(ready.expect("it can be waited for"), "nothing told that the client spoke");
        match listener.try_accept() {
            Ok(connection) => break connection,
            Err(TryAcceptError::Nobody) => {}
            Err(error) => panic!("{error}"),
        }
    };
    let mut client = client.join().expect("no panic");
    client.send(1).expect("the other side is there");
    // What is said on a connection is none of the listener's business any more.
    let now = ipc_sys::clock::Deadline::NOW;
    let ready = ipc_sys::readiness::wait_one(listener.as_fd(), ipc_sys::readiness::Interest::Read, now);
    assert!(!ready.expect("it can be waited for"));
    drop(connection);
}

fn nobody_listens(family: Family) {
    let mut site = Site::new(family);
    drop(site.listen::<u8, u8>());
    let error = connect::<u8, u8>(&site.address, &site.key).unwrap_err();
    assert!(matches!(error, ConnectError::Nobody(_)), "{error:?}");
}

fn bind_twice(family: Family) {
    let mut site = Site::new(family);
    let first = site.listen::<u8, u8>();
    let second = Listener::<u8, u8>::bind(&site.address, &site.key).unwrap_err();
    assert!(matches!(second, BindError::InUse), "{second:?}");
    drop(first);
    Listener::<u8, u8>::bind(&site.address, &site.key).expect("it is free again");
}

fn no_growth(family: Family) {
    let mut site = Site::new(family);
    drop(site.connection::<u8, u8>());
    let before = Snapshot::take();
    for _ in 0..100 {
        let (mut server, mut client) = site.connection::<u8, u8>();
        client.send(1).expect("the server is there");
        assert_eq!(server.recv().expect("a number"), 1);
        if family != Family::Local {
            // The port may be taken by somebody else meanwhile.
            site.address = Site::new(family).address;
        }
    }
    before.assert_no_growth();
}

fn local() -> Site {
    Site::new(Family::Local)
}

#[test]
fn a_name_is_there_as_long_as_its_listener() {
    let mut site = local();
    let listener = site.listen::<u8, u8>();
    let path = site.folder.path().join("private/socket");
    let status = fs::symlink_metadata(&path).expect("it is there");
    assert!(status.file_type().is_socket());
    assert_eq!(status.mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).expect("it is there").mode() & 0o777, 0o700);
    drop(listener);
    assert!(!path.exists());
}

#[test]
fn a_name_of_the_dead_is_taken_over() {
    let mut site = local();
    let path = site.folder.path().join("private/socket");
    fs::DirBuilder::new().mode(0o700).create(path.parent().unwrap()).expect("a folder");
    // std's listener leaves its name behind, as one does that is killed.
    drop(UnixListener::bind(&path).expect("a socket"));
    assert!(path.exists());
    let listener = site.listen::<u8, u8>();
    drop(listener);
    // One that is alive is not, whoever it belongs to, and however silent it is.
    let _alive = UnixListener::bind(&path).expect("a socket");
    let refused = Listener::<u8, u8>::bind(&site.address, &site.key).unwrap_err();
    assert!(matches!(refused, BindError::InUse), "{refused:?}");
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let site = local();
    let path = site.folder.path().join("private/socket");
    fs::DirBuilder::new().mode(0o700).create(path.parent().unwrap()).expect("a folder");
    fs::write(&path, "a letter").expect("a file");
    let refused = Listener::<u8, u8>::bind(&site.address, &site.key).unwrap_err();
    assert!(matches!(refused, BindError::InUse), "{refused:?}");
    assert_eq!(fs::read(&path).expect("it is there"), b"a letter");
}

#[test]
fn a_listener_removes_no_name_but_its_own() {
    let mut site = local();
    let path = site.folder.path().join("private/socket");
    let listener = site.listen::<u8, u8>();
    fs::rename(&path, path.with_file_name("elsewhere")).expect("it is there");
    fs::write(&path, "a letter").expect("a file");
    drop(listener);
    assert!(path.exists());
}

#[test]
fn a_folder_that_others_may_enter_is_refused() {
    let mut site = local();
    let folder = site.folder.path().join("private");
    fs::DirBuilder::new().mode(0o700).create(&folder).expect("a folder");
    for mode in [0o755, 0o711, 0o770, 0o701] {
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).expect("it is ours");
        let refused = Listener::<u8, u8>::bind(&site.address, &site.key).unwrap_err();
        assert!(matches!(refused, BindError::Folder(_)), "{mode:o}: {refused:?}");
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("it is ours");
    site.listen::<u8, u8>();
}

#[test]
fn a_link_to_a_folder_is_refused() {
    let site = local();
    let folder = site.folder.path().join("elsewhere");
    fs::DirBuilder::new().mode(0o700).create(&folder).expect("a folder");
    std::os::unix::fs::symlink(&folder, site.folder.path().join("private")).expect("a link");
    let refused = Listener::<u8, u8>::bind(&site.address, &site.key).unwrap_err();
    assert!(matches!(refused, BindError::Folder(_)), "{refused:?}");
}

#[test]
fn a_bare_name_is_in_the_folder_of_the_user() {
    let name = ipc_testkit::unique_name("socket");
    let address = Address::named(&name).expect("it can be the name of a file");
    let Address::Local(path) = &address else { panic!("it is local") };
    let folder = path.parent().expect("it is in one");
    let was_there = folder.exists();
    let key = Key::random().expect("random bytes");
    let mut listener = Listener::<u8, u8>::bind(&address, &key).expect("a listener");
    assert!(path.exists());
    let client = {
        let address: Address = format!("local:{name}").parse().expect("the same address");
        thread::spawn(move || connect::<u8, u8>(&address, &key).map(drop))
    };
    listener.accept_timeout(LONG).expect("the client");
    client.join().expect("no panic").expect("a connection");
    drop(listener);
    assert!(!path.exists());
    if !was_there {
        // Unless others use it by now.
        let _ = fs::remove_dir(folder);
    }
}

#[test]
fn a_path_may_be_longer_than_a_socket_address() {
    ipc_testkit::isolated(|| {
        let mut site = local();
        let deep = site.folder.path().join("d".repeat(100)).join("e".repeat(100));
        fs::create_dir_all(&deep).expect("folders");
        site.address = Address::local(deep.join("private").join("socket")).expect("a path");
        let (mut server, mut client) = site.connection::<u8, u8>();
        client.send(1).expect("the server is there");
        assert_eq!(server.recv().expect("a number"), 1);
    });
}

#[test]
fn plaintext_stays_on_this_machine() {
    let key = Key::random().expect("random bytes");
    for address in ["tcp:0.0.0.0:0", "tcp:[::]:0", "tcp:192.0.2.1:80", "tcp:[::ffff:192.0.2.1]:80"] {
        let address: Address = address.parse().expect("an address");
        assert!(matches!(Listener::<u8, u8>::bind(&address, &key), Err(BindError::Plaintext)), "{address}");
        assert!(matches!(connect::<u8, u8>(&address, &key), Err(ConnectError::Plaintext)), "{address}");
    }
    let open = ListenerBuilder::new(&key).insecure().bind::<u8, u8>(&"tcp:0.0.0.0:0".parse().unwrap());
    open.expect("it was allowed");
}

#[test]
fn a_listener_for_all_addresses_knows_which_one_was_dialled() {
    let key = Key::random().expect("random bytes");
    let builder = ListenerBuilder::new(&key).insecure();
    let mut listener = builder.bind::<u8, u8>(&"tcp:0.0.0.0:0".parse().unwrap()).expect("a listener");
    let Address::Tcp(address) = *listener.address() else { panic!("it is TCP") };
    let client = thread::spawn(move || {
        for host in ["127.0.0.1", "127.0.0.2"] {
            let address = Address::Tcp((host.parse::<std::net::IpAddr>().unwrap(), address.port()).into());
            connect::<u8, u8>(&address, &key).expect("both lead there");
        }
    });
    for _ in 0..2 {
        listener.accept_timeout(LONG).expect("a client");
    }
    client.join().expect("no panic");
}

/// A tunnel looks like an impostor who passes on what both say, so its end has to be named.
#[test]
fn a_tunnel_has_to_be_named() {
    for named in [false, true] {
        let key = Key::random().expect("random bytes");
        let tunnel = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let entry = tunnel.local_addr().expect("an address");
        let mut builder = ListenerBuilder::new(&key);
        if named {
            builder = builder.also_known_as(entry);
        }
        let mut listener = builder.bind::<u8, u8>(&"tcp:127.0.0.1:0".parse().unwrap()).expect("a listener");
        let Address::Tcp(exit) = *listener.address() else { panic!("it is TCP") };
        let pump = thread::spawn(move || {
            let (outside, _) = tunnel.accept().expect("a client");
            let inside = std::net::TcpStream::connect(exit).expect("the listener");
            let (mut o, mut i) = (outside.try_clone().unwrap(), inside.try_clone().unwrap());
            let back = thread::spawn(move || drop(std::io::copy(&mut i, &mut o)));
            let _ = std::io::copy(&mut &outside, &mut &inside);
            let _ = inside.shutdown(std::net::Shutdown::Write);
            back.join().expect("no panic");
        });
        let client = thread::spawn(move || connect::<u8, u8>(&Address::Tcp(entry), &key).map(drop));
        if named {
            listener.accept_timeout(LONG).expect("the client");
            client.join().expect("no panic").expect("a connection");
        } else {
            while !client.is_finished() {
                assert!(listener.accept_timeout(Duration::from_millis(1)).is_err());
            }
            assert!(matches!(client.join().expect("no panic"), Err(ConnectError::Refused)));
        }
        pump.join().expect("no panic");
    }
}

#[test]
fn connecting_has_an_end() {
    let mut site = local();
    let listener = site.listen::<u8, u8>();
    let connector = Connector::new(&site.key).timeout(SHORT);
    let start = Instant::now();
    let error = connector.connect::<u8, u8>(&site.address).unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut), "{error:?}");
    assert!(start.elapsed() >= SHORT);
    drop(listener);
}

/// A local socket whose queue is full takes nobody for the moment, and that is no connection.
#[test]
fn a_full_queue_is_waited_for() {
    let mut site = local();
    let path = site.folder.path().join("private/socket");
    fs::DirBuilder::new().mode(0o700).create(path.parent().unwrap()).expect("a folder");
    let (family, kind) = (rustix::net::AddressFamily::UNIX, rustix::net::SocketType::STREAM);
    // Processes that other tests start would keep it.
    let flags = rustix::net::SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, kind, flags, None).expect("a socket");
    let name = rustix::net::SocketAddrUnix::new(&path).expect("it is short");
    rustix::net::bind(&socket, &name).expect("nobody is there");
    rustix::net::listen(&socket, 0).expect("it is bound");
    let queued = UnixStream::connect(&path).expect("there is room for one");
    let connector = Connector::new(&site.key).timeout(SHORT);
    let start = Instant::now();
    let error = connector.connect::<u8, u8>(&site.address).unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut), "{error:?}");
    assert!(start.elapsed() >= SHORT);
    // Who waits is let in when there is room again.
    let client = {
        let (address, key) = (site.address.clone(), site.key.clone());
        thread::spawn(move || connect::<u8, u8>(&address, &key).map(drop))
    };
    thread::sleep(SHORT);
    drop((queued, rustix::net::accept(&socket).expect("the one")));
    let waiting = rustix::net::accept(&socket).expect("the client");
    drop((waiting, socket));
    let error = client.join().expect("no panic").unwrap_err();
    assert!(matches!(error, ConnectError::Closed), "{error:?}");
    site.listen::<u8, u8>();
}

#[test]
fn addresses_are_texts() {
    for text in ["local:/run/answers/socket", "tcp:127.0.0.1:80", "tcp:[::1]:80"] {
        let address: Address = text.parse().expect("an address");
        assert_eq!(address.to_string(), text);
        let limits = ipc_codec::Limits::default();
        let message = ipc_codec::encode(&address, &limits).expect("plain data");
        assert_eq!(message.decode::<Address>(&limits).expect("an address"), address);
    }
    for text in
        ["", "local:", "local:a/b", "local:/", "local:/a/..", "local:/a\0b", "tcp:", "tcp:80", "tcp:host:80"]
    {
        assert!(text.parse::<Address>().is_err(), "{text:?}");
    }
    assert!(Address::local("\0abstract").is_err());
}

#[test]
fn a_key_shows_itself_to_nobody() {
    let key = Key::new(b"correct horse").expect("bytes");
    let builder = ListenerBuilder::new(&key);
    let listener = Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse().unwrap(), &key).expect("a listener");
    let shown = format!("{key:?} {builder:?} {listener:?} {:?}", Connector::new(&key));
    assert!(!shown.contains("correct") && !shown.contains("99, 111"), "{shown}");
}
