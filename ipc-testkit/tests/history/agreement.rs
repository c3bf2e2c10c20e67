//! The fast judge says of short histories what trying every order says.

use crate::queues::{Fault, Toy};
use crate::simulation::{Play, play};
use ipc_testkit::Rng;
use ipc_testkit::history::{Fifo, History, Op, Operation, Outcome};

/// More values than this take too long to try.
const MOST_VALUES: usize = 11;

const N_HISTORIES: usize = 600;

/// What the two judges have said.
#[derive(Debug, Default)]
struct Verdicts {
    both_good: usize,
    both_bad: usize,
    /// The fast one has found nothing.
    missed: usize,
}

impl Verdicts {
    /// # Panics
    ///
    /// If the fast judge refuses what is good. Nothing excuses that.
    fn add(&mut self, fifo: Fifo, history: &History) {
        match (fifo.check(history), fifo.check_exhaustively(history)) {
            (Err(violation), Ok(())) => panic!("{fifo:?}: it is good, but {violation}\n{history}"),
            (Ok(_), Ok(())) => self.both_good += 1,
            (Err(_), Err(_)) => self.both_bad += 1,
            (Ok(_), Err(_)) => self.missed += 1,
        }
    }
}

/// Has both judges look at plays of a right queue, and at the same with something changed.
fn compare(fifo: Fifo, capacity: usize) -> Verdicts {
    let mut rng = Rng::from_env();
    let mut verdicts = Verdicts::default();
    for (kill_odds, most_values) in [(0, 1), (0, 3), (6, 1), (6, 3), (12, 1), (12, 3)] {
        for _ in 0..N_HISTORIES {
            let (n_workers, n_calls) = (2 + rng.below(3) as usize, 3 + rng.below(10 / most_values) as usize);
            let is_drained = rng.one_in(2);
            let what = Play { n_workers, n_calls, kill_odds, most_values, is_drained };
            let history = play(what, &mut rng, &mut Toy::new(Fault::None, capacity));
            if n_values(&history) > MOST_VALUES {
                continue;
            }
            let n_bad = verdicts.both_bad;
            verdicts.add(fifo, &history);
            assert_eq!(verdicts.both_bad, n_bad, "the play is wrong:\n{history}");
            verdicts.add(fifo, &changed(&history, &mut rng));
        }
    }
    verdicts
}

fn n_values(history: &History) -> usize {
    let of = |operation: &Operation| match &operation.op {
        Op::PutMany(values) => values.len(),
        Op::GetMany(max) => *max,
        Op::Put(_) | Op::Get => 1,
    };
    history.operations().iter().map(of).sum()
}

/// The same, with one to three changes.
fn changed(history: &History, rng: &mut Rng) -> History {
    let mut operations = history.operations().to_vec();
    for _ in 0..1 + rng.below(3) {
        change(&mut operations, rng);
    }
    History::from(operations)
}

fn change(operations: &mut [Operation], rng: &mut Rng) {
    let [idx, other] = [0; 2].map(|_| rng.below(operations.len() as u64) as usize);
    let is_last = !operations[idx + 1..].iter().any(|later| later.worker == operations[idx].worker);
    match (rng.below(7), operations[idx].outcome.clone(), operations[other].outcome.clone()) {
        (0, Some(Outcome::Got(left)), Some(Outcome::Got(right))) => {
            operations[idx].outcome = Some(Outcome::Got(right));
            operations[other].outcome = Some(Outcome::Got(left));
        }
        (1, Some(Outcome::Got(_)), _) => operations[idx].outcome = Some(Outcome::Empty),
        (2, Some(Outcome::Full), _) => operations[idx].outcome = Some(Outcome::Done),
        (3, Some(Outcome::Done), _) => operations[idx].outcome = Some(Outcome::Full),
        (4, Some(_), _) if is_last => operations[idx].outcome = None,
        (5, Some(Outcome::GotMany(mut values)), _) => {
            rng.shuffle(&mut values);
            operations[idx].outcome = Some(Outcome::GotMany(values));
        }
        (6, Some(_), _) => {
            let cut = rng.below(operations[idx].end - operations[idx].call + 1);
            match rng.one_in(2) {
                true => operations[idx].call += cut,
                false => operations[idx].end -= cut,
            }
        }
        _ => {}
    }
}

#[test]
fn without_a_capacity_the_judges_agree_always() {
    let verdicts = compare(Fifo::unbounded(), 1_000);
    assert_eq!(verdicts.missed, 0, "{verdicts:?}");
    assert!(verdicts.both_good > 2_000 && verdicts.both_bad > 100, "{verdicts:?}");
}

#[test]
fn with_a_capacity_the_fast_judge_is_never_too_hard_and_seldom_too_soft() {
    for capacity in 1..=3 {
        let verdicts = compare(Fifo::bounded(capacity), capacity);
        assert!(verdicts.both_good > 2_000 && verdicts.both_bad > 100, "{verdicts:?}");
        // One in 120 is the rule. What chance makes of it in a few hundred stays far below one in 15.
        assert!(verdicts.missed * 15 < verdicts.both_bad, "{verdicts:?}");
    }
}

#[test]
fn many_values_that_go_round_in_a_circle_are_found() {
    // 3 was put before 4, which was got before 1, which was put before 2, which was got before 3. No two are wrong.
    let mut history = History::new();
    history.push(0, Op::PutMany(vec![1, 2]), 10, 20, Outcome::Done);
    history.push(1, Op::PutMany(vec![3, 4]), 10, 20, Outcome::Done);
    history.push(2, Op::GetMany(2), 30, 40, Outcome::GotMany(vec![4, 1]));
    history.push(3, Op::GetMany(2), 30, 40, Outcome::GotMany(vec![2, 3]));
    let violation = Fifo::unbounded().check(&history).expect_err("there is no order");
    assert!(violation.what.contains("the last before the first"), "{violation}");
    assert_eq!(violation.operations.len(), 8, "{violation}");
    Fifo::unbounded().check_exhaustively(&history).expect_err("there is no order");
}
