//! A Redis of its own, and clients that set and get without pipelining, over a Unix socket.

use super::N_PAIRS;
use crate::measure::Contender;
use ipc_process::{Builder, Process};
use ipc_queue::Queue;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server, in a folder of its own.
pub(super) struct Server {
    process: Child,
    folder: PathBuf,
}

impl Server {
    /// Starts one. None if this machine has none, which is said.
    pub(super) fn start() -> Option<Server> {
        let folder = std::env::temp_dir().join(format!("ipc-bench-redis-{}", std::process::id()));
        std::fs::create_dir_all(&folder).ok()?;
        let socket = socket_in(&folder);
        let command = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(&socket)
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match command {
            Ok(process) => Some(Server { process, folder }).filter(Server::is_up),
            Err(error) => {
                eprintln!("ipc-bench: rows with Redis are left out: redis-server: {error}");
                let _ = std::fs::remove_dir_all(folder);
                None
            }
        }
    }

    fn is_up(&self) -> bool {
        let start = Instant::now();
        while UnixStream::connect(self.socket()).is_err() {
            if start.elapsed() > PATIENCE {
                eprintln!("ipc-bench: rows with Redis are left out: it does not answer");
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }

    pub(super) fn socket(&self) -> PathBuf {
        socket_in(&self.folder)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn socket_in(folder: &Path) -> PathBuf {
    folder.join("socket")
}

/// Clients, each a process with a key of its own, who wait to be told to begin.
pub(super) struct Clients {
    n_clients: usize,
    go: Queue<()>,
    done: Queue<bool>,
    _processes: Vec<Process<()>>,
}

impl Clients {
    pub(super) fn new(server: &Server, n_clients: usize) -> Outcome<Clients> {
        let (go, done) = (Queue::bounded(n_clients)?, Queue::bounded(n_clients)?);
        let processes = (0..n_clients)
            .map(|number| {
                let args = (server.socket(), go.clone(), done.clone(), format!("key{number}"));
                Builder::new().daemon(true).spawn(client, args)
            })
            .collect::<Result<_, _>>()?;
        Ok(Clients { n_clients, go, done, _processes: processes })
    }
}

impl Contender for Clients {
    fn name(&self) -> &'static str {
        "Redis"
    }

    fn run_once(&mut self) -> Outcome {
        for _ in 0..self.n_clients {
            self.go.put(())?;
        }
        for _ in 0..self.n_clients {
            if !self.done.get()? {
                return Err("a client of Redis has failed".into());
            }
        }
        Ok(())
    }
}

fn client((socket, go, done, key): (PathBuf, Queue<()>, Queue<bool>, String)) {
    let Ok(stream) = UnixStream::connect(socket) else { return };
    let mut stream = BufReader::new(stream);
    while go.get().is_ok() {
        if done.put(set_and_get(&mut stream, &key).is_ok()).is_err() {
            return;
        }
    }
}

fn set_and_get(stream: &mut BufReader<UnixStream>, key: &str) -> Outcome {
    for number in 0..N_PAIRS {
        let value = number.to_string();
        request(stream, &["SET", key, &value])?;
        if line(stream)? != "+OK" {
            return Err("Redis has not set it".into());
        }
        request(stream, &["GET", key])?;
        let size: usize = line(stream)?.trim_start_matches('$').parse()?;
        let mut answer = vec![0; size + 2];
        stream.read_exact(&mut answer)?;
        if answer[..size] != *value.as_bytes() {
            return Err("somebody else has changed this key".into());
        }
    }
    Ok(())
}

fn request(stream: &mut BufReader<UnixStream>, words: &[&str]) -> Outcome {
    let words: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    let n_words = words.matches('$').count();
    stream.get_mut().write_all(format!("*{n_words}\r\n{words}").as_bytes())?;
    Ok(())
}

fn line(stream: &mut BufReader<UnixStream>) -> Outcome<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
