//! Crowds at the door of a listener: those who say nothing, little, or nonsense hold up nobody, and leave nothing behind.
//!
//! With `IPC_PIPE_LONG=1` in the environment there are 5,000 of them instead of a few hundred, and no login may take more than a second.

#[allow(dead_code, reason = "the file is common to several tests")]
#[macro_use]
#[path = "support/links.rs"]
mod links;
mod support;

use ipc_pipe::{
    AcceptError, AcceptTimeoutError, Address, ConnectError, Connection, Connector, Key, Listener,
    ListenerBuilder, TurnedAway, connect,
};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::AsHandle;
use ipc_sys::process::Signal;
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{Rng, isolated, isolated_within, proc};
use links::{Family, LONG, Site};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, kill_process, setrlimit};
use rustix::thread::set_thread_uid;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fs, io};
use support::fork_child;

/// How many guests of one origin a listener has at most.
const MAX_OF_ONE: usize = 16;
/// The sizes of what a listener says in a handshake, and a word of it.
const HELLO: usize = 72;
const VERDICT: usize = 33;
const BUSY: u8 = 3;

over_every_family! {
    the_silent_hold_up_nobody
    a_flood_is_got_through
    a_crowd_has_few_places
    a_byte_at_a_time_is_not_enough
    nonsense_is_turned_away
    what_follows_the_proof_is_not_read
}

fn is_long() -> bool {
    std::env::var_os("IPC_PIPE_LONG").is_some()
}

fn n_silent() -> usize {
    if is_long() { 5000 } else { 300 }
}

/// Room for the descriptors of a crowd.
fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .expect("up to the maximum it is allowed");
}

/// A connection that does not know of any handshake.
trait Raw: Read + Write + Send {}
impl<T: Read + Write + Send> Raw for T {}

fn raw(address: &Address) -> io::Result<Box<dyn Raw>> {
    match address {
        Address::Local(path) => Ok(Box::new(UnixStream::connect(path)?)),
        Address::Tcp(at) => Ok(Box::new(TcpStream::connect(at)?)),
        other => panic!("{other}"),
    }
}

fn n_descriptors() -> usize {
    proc::descriptors().len()
}

/// A listener in a thread of its own, which answers every client until it is told to stop.
struct Server {
    address: Address,
    stop: mpsc::Sender<()>,
    thread: JoinHandle<TurnedAway>,
}

impl Server {
    fn new(site: &Site, timeout: Duration) -> Self {
        let builder = ListenerBuilder::new(&site.key).handshake_timeout(timeout);
        let mut listener: Listener<u8, u8> = builder.bind(&site.address).expect("a listener");
        let address = listener.address().clone();
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                if let Ok(mut connection) = listener.accept_timeout(Duration::from_millis(10)) {
                    connection.send(7).expect("the client is there");
                }
            }
            listener.turned_away()
        });
        Server { address, stop, thread }
    }

    fn end(self) -> TurnedAway {
        drop(self.stop);
        self.thread.join().expect("no panic")
    }
}

fn log_in(address: &Address, site: &Site) -> Duration {
    let start = Instant::now();
    let connector = Connector::new(&site.key).timeout(LONG);
    let mut connection: Connection<u8, u8> =
        connector.connect(address).expect("the listener has time for the honest");
    assert_eq!(connection.recv().expect("a greeting"), 7);
    start.elapsed()
}

fn the_silent_hold_up_nobody(family: Family) {
    raise_limit();
    let site = Site::new(family);
    // It holds for the honest, too, who may have to wait for a processor.
    let timeout = Duration::from_millis(800);
    let server = Server::new(&site, timeout);
    log_in(&server.address, &site);
    let before = n_descriptors();
    let memory = Snapshot::take().rss_kib();
    let mut silent = Vec::new();
    let mut longest = Duration::ZERO;
    for number in 0..n_silent() {
        silent.push(raw(&server.address).expect("it listens"));
        if number % 100 == 0 {
            longest = longest.max(log_in(&server.address, &site));
        }
    }
    longest = longest.max(log_in(&server.address, &site));
    println!("{} silent connections, the longest login took {longest:?}", silent.len());
    assert!(!is_long() || longest <= Duration::from_secs(1), "{longest:?}");
    // After their time is over, only this side's descriptors are left.
    let start = Instant::now();
    while n_descriptors() > before + silent.len() {
        assert!(start.elapsed() < LONG, "{} descriptors, {before} before", n_descriptors());
        thread::sleep(Duration::from_millis(5));
    }
    let n_silent = silent.len() as u64;
    drop(silent);
    assert!(n_descriptors() <= before);
    let grown = Snapshot::take().rss_kib().saturating_sub(memory);
    assert!(grown < 1024, "{grown} KiB were kept");
    let turned_away = server.end();
    assert_eq!(
        turned_away.timed_out + turned_away.crowded_out + turned_away.gone,
        n_silent,
        "{turned_away:?}"
    );
}

/// Tells others to stop when it is dropped.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Others connect as fast as they can, and never say a word.
fn a_flood_is_got_through(family: Family) {
    let site = Site::new(family);
    let server = Server::new(&site, LONG);
    let (stop, n_come) = (AtomicBool::new(false), AtomicUsize::new(0));
    let longest = thread::scope(|scope| {
        // Also if a login fails: the scope waits for its threads.
        let stops = Stops(&stop);
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    last.extend(raw(&server.address).ok());
                    last.truncate(100);
                    n_come.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // Those who have come before an honest one are through or away when it is let in.
        while n_come.load(Ordering::Relaxed) < 300 {
            thread::yield_now();
        }
        let longest = (0..20).map(|_| log_in(&server.address, &site)).max();
        drop(stops);
        longest
    });
    let turned_away = server.end();
    println!("the longest login took {longest:?}, {turned_away:?}");
    assert!(turned_away.crowded_out + turned_away.gone > 100);
}

fn a_crowd_has_few_places(family: Family) {
    let site = Site::new(family);
    let before = n_descriptors();
    let mut listener: Listener<u8, u8> =
        ListenerBuilder::new(&site.key).handshake_timeout(LONG).bind(&site.address).expect("a listener");
    let own = n_descriptors() - before;
    let crowd: Vec<_> = (0..100).map(|_| raw(listener.address()).expect("it listens")).collect();
    while listener.turned_away().crowded_out < (crowd.len() - MAX_OF_ONE) as u64 {
        assert!(listener.try_accept().is_err());
    }
    assert!(listener.accept_timeout(Duration::from_millis(50)).is_err());
    assert_eq!(n_descriptors(), before + own + crowd.len() + MAX_OF_ONE);
    for (idx, mut guest) in crowd.into_iter().enumerate() {
        let mut words = [0; 200];
        let size = guest.read(&mut words).expect("words");
        // The oldest had to go, and were told to come again.
        let expected = if idx < 100 - MAX_OF_ONE { HELLO + VERDICT } else { HELLO };
        assert_eq!(size, expected, "guest {idx}");
        assert!(size == HELLO || words[HELLO] == BUSY);
    }
}

fn a_byte_at_a_time_is_not_enough(family: Family) {
    let site = Site::new(family);
    // As above.
    let timeout = Duration::from_millis(800);
    let server = Server::new(&site, timeout);
    let start = Instant::now();
    let mut slow: Vec<_> = (0..MAX_OF_ONE / 2).map(|_| raw(&server.address).expect("it listens")).collect();
    // A byte each now and then, the first of a good preamble. It does not make their time longer.
    let bytes = b"mp-ipc\x01\0".iter().chain([0; 96].iter());
    for byte in bytes {
        if slow.iter_mut().all(|one| one.write_all(&[*byte]).is_err()) {
            break;
        }
        log_in(&server.address, &site);
        thread::sleep(timeout / 20);
    }
    assert!(start.elapsed() >= timeout);
    let n_slow = slow.len() as u64;
    assert_eq!(server.end().timed_out, n_slow);
}

fn nonsense_is_turned_away(family: Family) {
    let mut rng = Rng::from_env();
    let site = Site::new(family);
    let server = Server::new(&site, LONG);
    let before = Snapshot::take();
    for round in 0..200 {
        let mut one = raw(&server.address).expect("it listens");
        let size = [104, 200, 1024, 5000][round % 4];
        let nonsense: Vec<u8> = (0..size).map(|_| rng.next_u64() as u8).collect();
        // It may be sent away in the middle of it.
        let _ = one.write_all(&nonsense);
        let mut answer = Vec::new();
        let _ = one.read_to_end(&mut answer);
        assert!(answer.len() <= HELLO + VERDICT, "{} bytes of answer", answer.len());
        drop(one);
        log_in(&server.address, &site);
    }
    before.assert_no_growth();
    assert_eq!(server.end().malformed, 200);
}

/// A client that has said all it has to say in a handshake may send messages at once.
fn what_follows_the_proof_is_not_read(family: Family) {
    let mut site = Site::new(family);
    let mut listener = site.listen::<u8, u8>();
    let (address, key) = (site.address.clone(), site.key.clone());
    let client = thread::spawn(move || {
        let mut connection = connect::<u8, u8>(&address, &key).expect("a listener");
        (0..200).for_each(|number| connection.send(number).expect("the listener is there"));
    });
    let mut connection = listener.accept_timeout(LONG).expect("the client");
    client.join().expect("no panic");
    assert!(connection.iter().map(|number| number.expect("a number")).eq(0..200));
}

/// Takes all descriptors that there may be but so many.
fn leave_descriptors(count: usize) -> Vec<fs::File> {
    let highest = *proc::descriptors().keys().max().expect("there are some") as u64;
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(highest + 10), maximum }).expect("it is less");
    let mut taken: Vec<_> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
    taken.truncate(taken.len() - count);
    taken
}

#[test]
fn guests_make_room_in_the_table_of_handles() {
    isolated(|| {
        let site = Site::new(Family::V4);
        let mut listener: Listener<u8, u8> =
            ListenerBuilder::new(&site.key).handshake_timeout(LONG).bind(&site.address).expect("a listener");
        let mut crowd: Vec<_> = (0..5).map(|_| raw(listener.address()).expect("it listens")).collect();
        assert!(listener.accept_timeout(Duration::from_millis(20)).is_err());
        // So many for clients, and none for their other ends.
        let _taken = leave_descriptors(3);
        crowd.extend((0..3).map(|_| raw(listener.address()).expect("it listens")));
        assert!(matches!(
            listener.accept_timeout(Duration::from_millis(20)),
            Err(AcceptTimeoutError::TimedOut)
        ));
        assert_eq!(listener.turned_away().crowded_out, 3);
    });
}

#[test]
fn a_full_table_of_handles_is_an_error_and_not_the_end() {
    isolated(|| {
        let mut site = Site::new(Family::V4);
        let mut listener = site.listen::<u8, u8>();
        let client = {
            let (address, key) = (site.address.clone(), site.key.clone());
            thread::spawn(move || connect::<u8, u8>(&address, &key).map(drop))
        };
        let ready = ipc_sys::readiness::wait_one(
            listener.as_fd(),
            ipc_sys::readiness::Interest::Read,
            Deadline::after(LONG),
        );
        assert!(ready.expect("it can be waited for"));
        let _taken = leave_descriptors(0);
        let error = listener.accept().expect_err("there is no descriptor left");
        let AcceptError::Os(source) = error else { panic!("{error:?}") };
        assert_eq!(source.raw_os_error(), Some(rustix::io::Errno::MFILE.raw_os_error()));
        raise_limit();
        listener.accept_timeout(LONG).expect("the client has waited");
        client.join().expect("no panic").expect("a connection");
    });
}

/// Who accepts now and then hears also those who spoke while he was away.
#[test]
fn what_was_said_in_time_counts() {
    isolated(|| {
        let site = Site::new(Family::Local);
        let timeout = Duration::from_millis(100);
        let mut listener: Listener<u8, u8> = ListenerBuilder::new(&site.key)
            .handshake_timeout(timeout)
            .bind(&site.address)
            .expect("a listener");
        let mut is_shown = false;
        while !is_shown {
            let (address, key) = (listener.address().clone(), site.key.clone());
            let client = thread::spawn(move || connect::<u8, u8>(&address, &key).map(drop));
            let await_word = |listener: &Listener<u8, u8>| {
                let (read, deadline) = (ipc_sys::readiness::Interest::Read, Deadline::after(LONG));
                assert!(ipc_sys::readiness::wait_one(listener.as_fd(), read, deadline).expect("a client"));
            };
            await_word(&listener);
            // The client gets the question, and answers while nobody listens, unless it was so fast that it is in already.
            is_shown = listener.try_accept().is_err();
            if is_shown {
                await_word(&listener);
                thread::sleep(3 * timeout);
                listener.try_accept().expect("the answer came in time");
            }
            client.join().expect("no panic").expect("a connection");
        }
    });
}

/// Who was sent away to make room for others was told so, and connects again until its time is over.
#[test]
fn a_busy_listener_is_asked_again() {
    isolated(|| {
        let busy = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = Address::Tcp(busy.local_addr().expect("an address"));
        let client = thread::spawn(move || {
            let key = Key::new(b"any").expect("bytes");
            Connector::new(&key).timeout(Duration::from_millis(500)).connect::<u8, u8>(&address).map(drop)
        });
        for _ in 0..3 {
            let (mut guest, _) = busy.accept().expect("the client");
            guest
                .write_all(&[b"mp-ipc\x01\0".as_slice(), &[0; 64], &[BUSY], &[0; 32]].concat())
                .expect("it is there");
            // Before it has read what the client says, as a listener would.
        }
        let error = client.join().expect("no panic").unwrap_err();
        assert!(matches!(error, ConnectError::TimedOut), "{error:?}");
    });
}

/// Threads of Linux have users of their own, as far as the kernel is concerned.
fn as_nobody<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let body = || {
        set_thread_uid(rustix::process::Uid::from_raw(65_534)).expect("root may");
        work()
    };
    thread::scope(|scope| scope.spawn(body).join().expect("no panic"))
}

fn open_to_all(site: &Site) {
    for path in ["", "private", "private/socket"] {
        let path = site.folder.path().join(path);
        if path.exists() {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("it is ours");
        }
    }
}

#[test]
fn another_user_is_refused() {
    isolated(|| {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: only root can become somebody else");
            return;
        }
        let mut site = Site::new(Family::Local);
        let mut listener = site.listen::<u8, u8>();
        let path = site.folder.path().join("private/socket");
        assert!(as_nobody(|| UnixStream::connect(&path).is_err()), "the folder keeps them out");
        // Even if it does not:
        open_to_all(&site);
        let mut stranger = as_nobody(|| UnixStream::connect(&path)).expect("the door was opened");
        while listener.turned_away().other_user == 0 {
            assert!(listener.try_accept().is_err());
        }
        assert_eq!(stranger.read(&mut [0; 8]).expect("the end"), 0, "nothing was said to a stranger");
    });
}

#[test]
fn a_listener_of_another_user_is_refused() {
    isolated(|| {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: only root can become somebody else");
            return;
        }
        let site = Site::new(Family::Local);
        let folder = site.folder.path().join("private");
        fs::create_dir(&folder).expect("a folder");
        open_to_all(&site);
        let _strange = as_nobody(|| UnixListener::bind(folder.join("socket"))).expect("anybody may");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("it is ours");
        let error = connect::<u8, u8>(&site.address, &site.key).unwrap_err();
        assert!(matches!(error, ConnectError::OtherUser), "{error:?}");
    });
}

#[test]
fn a_killed_listener_leaves_a_name_that_is_no_obstacle() {
    isolated_within(Duration::from_secs(120), || {
        let mut rng = Rng::from_env();
        let mut site = Site::new(Family::Local);
        let path = site.folder.path().join("private/socket");
        let mut n_left = 0;
        for round in 0..60 {
            let child = fork_child(|| {
                loop {
                    // Dropping it at once kills some of them in the middle of removing or making the name.
                    let listener =
                        Listener::<u8, u8>::bind(&site.address, &site.key).expect("nobody is there");
                    if round % 2 == 0 {
                        let _ = { listener }.accept();
                    }
                }
            });
            // One that accepts is there when it is killed; of the others it is not known.
            while round % 2 == 0 && !path.exists() {
                thread::yield_now();
            }
            thread::sleep(Duration::from_micros(500 + rng.below(3000)));
            child.signal(Signal::Kill).expect("it is there");
            child.wait(Deadline::NEVER).expect("a child can be waited for");
            n_left += usize::from(path.exists());
            let (mut server, mut client) = site.connection::<u8, u8>();
            client.send(1).expect("the server is there");
            assert_eq!(server.recv().expect("a number"), 1);
            assert!(!path.exists());
        }
        println!("{n_left} of 60 left a name");
        assert!(n_left >= 30);
    });
}

#[test]
fn a_forked_copy_of_a_listener_removes_no_name() {
    isolated(|| {
        let mut site = Site::new(Family::Local);
        let mut listener = Some(site.listen::<u8, u8>());
        let path = site.folder.path().join("private/socket");
        let child = fork_child(|| drop(listener.take()));
        child.wait(Deadline::NEVER).expect("a child can be waited for");
        assert!(path.exists());
        drop(listener);
        assert!(!path.exists());
    });
}

/// Whoever connects to a listener that stands still has its deadline, and the next one is let in when it goes on.
#[test]
fn a_listener_that_is_stopped_keeps_nobody_beyond_his_time() {
    isolated(|| {
        let site = Site::new(Family::Local);
        let server = fork_child(|| {
            let mut listener = Listener::<u8, u8>::bind(&site.address, &site.key).expect("nobody is there");
            while listener.accept().is_ok() {}
        });
        // The name is there a moment before anybody listens.
        while connect::<u8, u8>(&site.address, &site.key).is_err() {
            thread::yield_now();
        }
        let pid = i32::try_from(server.pid()).expect("a small number");
        let send = |signal| kill_process(Pid::from_raw(pid).expect("a number"), signal).expect("it lives");
        for _ in 0..3 {
            connect::<u8, u8>(&site.address, &site.key).expect("it accepts");
            send(rustix::process::Signal::STOP);
            while proc::stat(pid).is_none_or(|stat| stat.state != 'T') {
                thread::yield_now();
            }
            let (start, short) = (Instant::now(), Duration::from_millis(50));
            let late = Connector::new(&site.key).timeout(short).connect::<u8, u8>(&site.address).unwrap_err();
            assert!(matches!(late, ConnectError::TimedOut), "{late:?}");
            assert!(start.elapsed() >= short);
            send(rustix::process::Signal::CONT);
        }
        connect::<u8, u8>(&site.address, &site.key).expect("it accepts");
        server.signal(Signal::Kill).expect("it is there");
        server.wait(Deadline::NEVER).expect("a child can be waited for");
    });
}
