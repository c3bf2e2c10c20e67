//! Area `manager`: calls on a managed dict, from one client and from four.
//!
//! Limits are what others were measured at on such a machine: a Redis over a Unix socket without pipelining at 50,000 calls a second,
//! Python's manager at 26,000.

mod crowd;

use crate::measure::{Comparison, Contender, Effort, Shown};
use crate::row::Row;
use crowd::Crowd;
use ipc_manager::{Dict, Manager};
use std::error::Error;

/// How many pairs of calls a client makes in one run.
const N_PAIRS: u64 = 5_000;
/// Millions of calls in a second: eight times as many as Redis answers.
const ALONE: f64 = 0.4;
/// Twenty times as many as Python's manager does.
const CROWDED: f64 = 0.52;

/// Measures everything of the area.
pub(crate) fn rows(effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
    let compare = |id, work, n_clients| Comparison {
        id,
        work,
        target: None,
        n_operations: 2 * N_PAIRS * n_clients,
        shown: Shown::Millions,
        fewer: 10,
    };
    Ok(vec![
        compare("S13a", "managed dict, set and get, one client", 1).at_least(
            ALONE,
            &mut Alone::new()?,
            effort,
        )?,
        compare("S13b", "managed dict, set and get, 4 clients", 4).at_least(
            CROWDED,
            &mut Crowd::new(4)?,
            effort,
        )?,
        compare("S13c", "managed value, update by a function", 1).at_least(
            0.01,
            &mut Functions::new()?,
            effort,
        )?,
    ])
}

/// Sets and gets what was set, so many times.
pub(crate) fn set_and_get(dict: &Dict<String, u64>, key: &str) -> Result<(), Box<dyn Error>> {
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
    _manager: Manager,
    dict: Dict<String, u64>,
}

impl Alone {
    fn new() -> Result<Alone, Box<dyn Error>> {
        let manager = Manager::start()?;
        let dict = manager.dict()?;
        Ok(Alone { _manager: manager, dict })
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
