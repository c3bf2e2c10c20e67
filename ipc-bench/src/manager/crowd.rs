//! Several clients of one manager, each a process with a key of its own.

use super::set_and_get;
use crate::measure::Contender;
use ipc_manager::{Dict, Manager, Queue};
use ipc_process::{Builder, Process};
use std::error::Error;

/// The clients, who wait to be told to begin.
pub(crate) struct Crowd {
    n_clients: usize,
    go: Queue<()>,
    done: Queue<bool>,
    _clients: Vec<Process<()>>,
    _manager: Manager,
}

impl Crowd {
    pub(crate) fn new(n_clients: usize) -> Result<Crowd, Box<dyn Error>> {
        let manager = Manager::start()?;
        let (dict, go, done) = (manager.dict()?, manager.queue(0)?, manager.queue(0)?);
        let clients = (0..n_clients)
            .map(|number| {
                let args = (dict.clone(), go.clone(), done.clone(), format!("key {number}"));
                Builder::new().daemon(true).spawn(client, args)
            })
            .collect::<Result<_, _>>()?;
        Ok(Crowd { n_clients, go, done, _clients: clients, _manager: manager })
    }
}

impl Contender for Crowd {
    fn name(&self) -> &'static str {
        "Dict"
    }

    fn run_once(&mut self) -> Result<(), Box<dyn Error>> {
        for _ in 0..self.n_clients {
            self.go.put(&())?;
        }
        for _ in 0..self.n_clients {
            if !self.done.get()? {
                return Err("a client has failed".into());
            }
        }
        Ok(())
    }
}

fn client((dict, go, done, key): (Dict<String, u64>, Queue<()>, Queue<bool>, String)) {
    while go.get().is_ok() {
        if done.put(&set_and_get(&dict, &key).is_ok()).is_err() {
            return;
        }
    }
}
