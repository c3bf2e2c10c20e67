//! The fast judge says of short histories what trying every order says.

use crate::queues::{Fault, Toy};
use crate::simulation::{Play, play};
use ipc_testkit::Rng;
use ipc_testkit::history::{Fifo, History, Op, Operation, Outcome};

#[derive(Debug, Default)]
struct Tally { good: usize, bad: usize, missed: usize }

fn compare(fifo: Fifo, history: &History, tally: &mut Tally) {
    let (fast, all) = (fifo.check(history), fifo.check_exhaustively(history));
    match (&fast, &all) {
        (Err(violation), Ok(())) => panic!("{fifo:?}: a good history is refused: {violation}\n{history}"),
        (Ok(_), Err(_)) => { tally.missed += 1; if std::env::var("SHOW").is_ok() && tally.missed < 4 { eprintln!("{fifo:?} MISSED\n{history}") } },
        (Ok(_), Ok(())) => tally.good += 1,
        (Err(_), Err(_)) => tally.bad += 1,
    }
}

fn mutate(history: &History, rng: &mut Rng) -> History {
    let mut ops: Vec<Operation> = history.operations().to_vec();
    if ops.is_empty() { return History::new(); }
    for _ in 0..1 + rng.below(3) {
        let i = rng.below(ops.len() as u64) as usize;
        let j = rng.below(ops.len() as u64) as usize;
        match rng.below(7) {
            0 => if let (Some(Outcome::Got(a)), Some(Outcome::Got(b))) = (ops[i].outcome.clone(), ops[j].outcome.clone()) {
                ops[i].outcome = Some(Outcome::Got(b)); ops[j].outcome = Some(Outcome::Got(a));
            },
            1 => if let Some(Outcome::Got(_)) = ops[i].outcome { ops[i].outcome = Some(Outcome::Empty) },
            2 => if let Some(Outcome::Full) = ops[i].outcome { ops[i].outcome = Some(Outcome::Done) },
            3 => if let (Op::Put(_), Some(Outcome::Done)) = (&ops[i].op, &ops[i].outcome) { ops[i].outcome = Some(Outcome::Full) },
            4 => { if ops[i].outcome.is_some() && !ops[i + 1..].iter().any(|o| o.worker == ops[i].worker) { ops[i].outcome = None; } }
            5 => { // shrink an interval
                if ops[i].end != u64::MAX { let w = ops[i].end - ops[i].call; if rng.one_in(2) { ops[i].call += rng.below(w + 1) } else { ops[i].end -= rng.below(w + 1) } }
            }
            _ => { if let Some(Outcome::GotMany(v)) = &mut ops[i].outcome { rng.shuffle(v) } }
        }
    }
    History::from(ops)
}

#[test]
fn random() {
    let mut rng = Rng::from_env();
    for capacity in [None, Some(1), Some(2), Some(3)] {
      for kill_odds in [0, 6, 12] {
      for most_values in [1, 3] {
        let mut fifo = Fifo::unbounded();
        if let Some(c) = capacity { fifo = Fifo::bounded(c) }
        let (mut t, mut m) = (Tally::default(), Tally::default());
        for _ in 0..3000 {
            let p = Play { n_workers: 2 + rng.below(3) as usize, n_calls: 4 + rng.below(if most_values == 1 { 9 } else { 4 }) as usize, kill_odds, most_values, is_drained: rng.one_in(2) };
            let h = play(p, &mut rng, &mut Toy::new(Fault::None, capacity.unwrap_or(1000)));
            compare(fifo, &h, &mut t);
            assert_eq!(t.bad, 0, "{h}");
            compare(fifo, &mutate(&h, &mut rng), &mut m);
        }
        eprintln!("{capacity:?} kills {kill_odds} many {most_values}: {t:?} {m:?}");
      }}
    }
}
