//! Area `manager`: calls on a managed dict beside Redis and Python's manager; a manager beside what else of the family can pass a
//! number on; and one that has nothing to do.

mod crowd;
mod redis;
mod same;

use crate::measure::{Comparison, Contender, Effort, Fewer, Shown};
use crate::queue::python::Python;
use crate::row::Row;
use crate::taken::processor_time;
use crate::waiter::{NOTHING, duration};
use crowd::Crowd;
use ipc_manager::{Dict, Manager};
use std::error::Error;
use std::time::Instant;

/// What Python runs.
const PROGRAM: &str = include_str!("python.py");

/// How many pairs of calls a client makes in one run.
const N_PAIRS: u64 = 5_000;
/// By how much fewer Python makes.
const SLOWER: u32 = 20;

/// The rows of one number of clients: beside Redis, and beside Python.
struct Rows {
    n_clients: usize,
    redis: (&'static str, &'static str, Option<f64>),
    python: Option<(&'static str, &'static str)>,
}

const ROWS: [Rows; 3] = [
    Rows {
        n_clients: 1,
        redis: ("S13a", "dict, set and get, one client, by Redis", Some(8.0)),
        python: Some(("S13d", "the same, by Python's Manager")),
    },
    Rows {
        n_clients: 4,
        redis: ("S13b", "dict, set and get, 4 clients, by Redis", Some(8.0)),
        python: Some(("S13e", "the same, by Python's Manager")),
    },
    Rows { n_clients: 16, redis: ("S13c", "dict, set and get, 16 clients, by Redis", None), python: None },
];

/// Measures everything of the area.
pub(crate) fn rows(effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    let redis = redis::Server::start();
    for Rows { n_clients, redis: (id, work, target), python } in ROWS {
        let n_operations = 2 * N_PAIRS * n_clients as u64;
        if let Some(server) = &redis {
            let mut peer = redis::Clients::new(server, n_clients)?;
            rows.push(compare(id, work, target, n_operations).run(
                &mut *ours(n_clients)?,
                &mut peer,
                effort,
            )?);
        }
        let Some((id, work)) = python else { continue };
        let n_pairs = N_PAIRS / u64::from(SLOWER);
        if let Some(peer) = Python::run(PROGRAM, "multiprocessing.Manager", &n_clients.to_string(), n_pairs) {
            let mut peer = Fewer(peer, SLOWER);
            let row = compare(id, work, Some(20.0), n_operations);
            rows.push(row.run(&mut *ours(n_clients)?, &mut peer, effort)?);
        }
    }
    rows.push(compare("S13f", "value, update by a function", None, 2 * N_PAIRS).at_least(
        0.01,
        &mut Functions::new()?,
        effort,
    )?);
    rows.extend(same::rows(effort)?);
    rows.push(idle(effort)?);
    Ok(rows)
}

fn compare(id: &'static str, work: &'static str, target: Option<f64>, n_operations: u64) -> Comparison {
    Comparison { id, work, target, n_operations, shown: Shown::Millions, fewer: 50 }
}

fn ours(n_clients: usize) -> Result<Box<dyn Contender>, Box<dyn Error>> {
    Ok(match n_clients {
        1 => Box::new(Alone::new()?),
        _ => Box::new(Crowd::new(n_clients)?),
    })
}

/// What a manager takes that has just worked and has nothing to do.
fn idle(effort: Effort) -> Result<Row, Box<dyn Error>> {
    let mut alone = Alone::new()?;
    alone.run_once()?;
    std::thread::sleep(duration(Effort::Quick) / 4);
    let pids = [alone.manager.pid()];
    let (start, before) = (Instant::now(), processor_time(&pids)?);
    std::thread::sleep(duration(effort));
    let (waited, used) = (start.elapsed().as_secs_f64(), (processor_time(&pids)? - before).as_secs_f64());
    let note = format!("{:.2} ms of processor time in {waited:.1} s", used * 1e3);
    Ok(Row::of_limit("S14m", "a manager with nothing to do", (100.0 * used / waited, NOTHING), "%", note))
}

/// Sets and gets what was set, so many times.
fn set_and_get(dict: &Dict<String, u64>, key: &str) -> Result<(), Box<dyn Error>> {
    for number in 0..N_PAIRS {
        dict.set(key, &number)?;
        if dict.get(key)? != Some(number) {
            return Err("somebody else has changed this key".into());
        }
    }
    Ok(())
}

/// One client.
struct Alone {
    manager: Manager,
    dict: Dict<String, u64>,
}

impl Alone {
    fn new() -> Result<Alone, Box<dyn Error>> {
        let manager = Manager::start()?;
        let dict = manager.dict()?;
        Ok(Alone { manager, dict })
    }
}

impl Contender for Alone {
    fn name(&self) -> &'static str {
        "Dict"
    }

    fn run_once(&mut self) -> Result<(), Box<dyn Error>> {
        set_and_get(&self.dict, "key")
    }
}

/// One client, whose functions run in the server.
struct Functions {
    _manager: Manager,
    value: ipc_manager::Value<u64>,
}

impl Functions {
    fn new() -> Result<Functions, Box<dyn Error>> {
        let manager = Manager::start()?;
        let value = manager.value(0)?;
        Ok(Functions { _manager: manager, value })
    }
}

impl Contender for Functions {
    fn name(&self) -> &'static str {
        "Value::update"
    }

    fn run_once(&mut self) -> Result<(), Box<dyn Error>> {
        for _ in 0..2 * N_PAIRS {
            self.value.update(|number: &mut u64, by: u64| *number += by, 1)?;
        }
        Ok(())
    }
}
