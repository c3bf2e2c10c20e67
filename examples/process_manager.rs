//! Processes that keep a common table of what they have found, and change it in one step each.
//!
//! `cargo run --example process_manager`

use multiproc::manager::{Dict, Lock, Queue};
use multiproc::{Manager, Process};

const LINES: [&str; 4] = [
    "to be or not to be",
    "that is the question",
    "a rose is a rose is a rose",
    "the question is not the rose",
];

/// Takes lines until there are none, and counts their words for all.
fn count((lines, counts, screen): (Queue<String>, Dict<String, u32>, Lock)) {
    while let Ok(line) = lines.get() {
        for word in line.split_whitespace() {
            // Adding is one step: no word of another process gets lost.
            counts.fetch_add(word, 1).expect("the manager is there");
        }
        let _guard = screen.lock().expect("the manager is there");
        println!("process {} has counted: {line}", std::process::id());
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    multiproc::init();
    let manager = Manager::start()?;
    let (lines, counts, screen) = (manager.queue(0)?, manager.dict()?, manager.lock()?);
    let workers = (0..2)
        .map(|_| Process::spawn(count, (lines.clone(), counts.clone(), screen.clone())))
        .collect::<Result<Vec<_>, _>>()?;
    for line in LINES {
        lines.put(&line.to_string())?;
    }
    lines.close()?; // Who finds it empty is done.
    for worker in workers {
        worker.join()?;
    }

    // A function that runs where the table is, and sends back three words instead of all.
    let most = counts.modify(
        |counts, how_many: usize| {
            let mut words: Vec<(u32, String)> = counts.iter().map(|(word, &n)| (n, word.clone())).collect();
            words.sort_by(|one, other| other.cmp(one));
            words.truncate(how_many);
            words
        },
        3,
    )?;
    for (n, word) in most {
        println!("{n} x {word}");
    }
    manager.shutdown()?;
    Ok(())
}
