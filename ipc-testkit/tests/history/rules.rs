//! Each rule at its edge: the history that just passes, and the one that just does not.

use ipc_testkit::history::{Fifo, History, Op, Outcome, Passed, Rule};

/// A call and its answer, or none.
type Step = (usize, Op, u64, u64, Option<Outcome>);

fn put(value: u64, call: u64, end: u64) -> Step {
    (0, Op::Put(value), call, end, Some(Outcome::Done))
}

fn get(value: u64, call: u64, end: u64) -> Step {
    (1, Op::Get, call, end, Some(Outcome::Got(value)))
}

fn empty(call: u64, end: u64) -> Step {
    (2, Op::Get, call, end, Some(Outcome::Empty))
}

/// A call to get by a worker that died at the end.
fn killed_get(worker: usize, call: u64, end: u64) -> Step {
    (worker, Op::Get, call, end, None)
}

fn judged(fifo: Fifo, steps: &[Step]) -> Result<Passed, Rule> {
    let mut history = History::new();
    for (worker, op, call, end, outcome) in steps.iter().cloned() {
        match outcome {
            Some(outcome) => history.push(worker, op, call, end, outcome),
            None => history.push_pending(worker, op, call, end),
        }
    }
    let (fast, slow) = (fifo.check(&history), fifo.check_exhaustively(&history));
    assert_eq!(fast.is_ok(), slow.is_ok(), "{fast:?}\n{history}");
    fast.map_err(|violation| violation.rule)
}

fn unbounded(steps: &[Step]) -> Result<Passed, Rule> {
    judged(Fifo::unbounded(), steps)
}

#[test]
fn a_get_may_begin_before_the_put_and_not_end_before_it() {
    assert!(unbounded(&[put(1, 10, 20), get(1, 0, 10)]).is_ok());
    assert_eq!(unbounded(&[put(1, 10, 20), get(1, 0, 9)]), Err(Rule::Invented));
    let refused = (0, Op::Put(1), 0, 1, Some(Outcome::Refused));
    assert_eq!(unbounded(&[refused, get(1, 10, 20)]), Err(Rule::Invented));
}

#[test]
fn values_put_at_a_time_come_in_any_order_and_others_do_not() {
    let other = |call, end| (3, Op::Put(2), call, end, Some(Outcome::Done));
    let gets = [get(2, 50, 60), get(1, 70, 80)];
    assert!(unbounded(&[&[put(1, 0, 10), other(10, 20)], &gets[..]].concat()).is_ok());
    assert_eq!(unbounded(&[&[put(1, 0, 10), other(11, 20)], &gets[..]].concat()), Err(Rule::Order));
}

#[test]
fn a_worker_has_an_order_where_the_clock_stands_still() {
    assert_eq!(unbounded(&[put(1, 0, 10), put(2, 10, 20), get(2, 30, 40), get(1, 50, 60)]), Err(Rule::Order));
}

#[test]
fn many_values_have_an_order_of_their_own() {
    let both = (0, Op::PutMany(vec![1, 2]), 0, 10, Some(Outcome::Done));
    let many = |values: [u64; 2]| (1, Op::GetMany(2), 20, 30, Some(Outcome::GotMany(values.to_vec())));
    assert!(unbounded(&[both.clone(), many([1, 2])]).is_ok());
    assert_eq!(unbounded(&[both.clone(), many([2, 1])]), Err(Rule::Order));
    assert_eq!(unbounded(&[both, get(2, 20, 30), get(1, 31, 40)]), Err(Rule::Order));
}

#[test]
fn one_death_in_a_get_loses_one_value() {
    let puts = [put(1, 0, 1), put(2, 2, 3), put(3, 4, 5)];
    let with = |rest: &[Step]| unbounded(&[&puts, rest].concat());
    assert_eq!(with(&[get(2, 20, 30), get(3, 31, 40)]), Err(Rule::Lost));
    let passed = Passed { put: 3, got: 2, lost: 1, left: 0 };
    assert_eq!(with(&[killed_get(3, 6, 9), get(2, 20, 30), get(3, 31, 40)]), Ok(passed));
    assert_eq!(with(&[killed_get(3, 6, 9), get(3, 20, 30)]), Err(Rule::Lost));
    assert!(with(&[killed_get(3, 6, 9), killed_get(4, 6, 9), get(3, 20, 30)]).is_ok());
    // It died before the value was put.
    assert_eq!(unbounded(&[killed_get(3, 0, 9), put(1, 10, 20), empty(30, 40)]), Err(Rule::Lost));
    // It called only after the queue had been found empty.
    assert_eq!(unbounded(&[put(1, 10, 20), empty(30, 40), killed_get(3, 41, 50)]), Err(Rule::Lost));
    assert!(unbounded(&[put(1, 10, 20), empty(30, 40), killed_get(3, 40, 50)]).is_ok());
}

#[test]
fn who_has_taken_what_is_found_for_all_together() {
    let puts = [put(1, 0, 1), put(2, 2, 3), put(3, 4, 5)];
    // The first of them can have taken either value, the second one only 1.
    let takers = [killed_get(3, 0, 9), killed_get(4, 0, 1), get(3, 20, 30)];
    assert_eq!(unbounded(&[puts, takers].concat()).map(|passed| passed.lost), Ok(2));
}

#[test]
fn a_value_that_is_lost_late_puts_off_the_instant_without_a_value() {
    let other = |call, end| (5, Op::Put(2), call, end, Some(Outcome::Done));
    let rest = [empty(22, 31), killed_get(3, 31, 41)];
    assert!(unbounded(&[&[put(1, 0, 10), other(18, 31)], &rest[..]].concat()).is_ok());
    assert_eq!(unbounded(&[&[put(1, 0, 10), other(18, 30)], &rest[..]].concat()), Err(Rule::Lost));
}

#[test]
fn a_value_is_lost_after_those_that_its_worker_has_put_before() {
    let both = (0, Op::PutMany(vec![1, 2]), 0, 10, Some(Outcome::Done));
    let with = |death| unbounded(&[both.clone(), get(1, 20, 30), killed_get(3, 5, death), empty(40, 50)]);
    assert!(with(20).is_ok());
    assert_eq!(with(19), Err(Rule::Lost));
}

#[test]
fn a_death_in_a_get_of_many_loses_as_many() {
    let puts = [put(1, 0, 1), put(2, 2, 3), put(3, 4, 5)];
    let killed = |max| (3, Op::GetMany(max), 6, 9, None);
    assert_eq!(unbounded(&[&puts, &[killed(2), empty(20, 30)][..]].concat()), Err(Rule::Lost));
    assert_eq!(
        unbounded(&[&puts, &[killed(3), empty(20, 30)][..]].concat()).map(|passed| passed.lost),
        Ok(3)
    );
}

#[test]
fn a_death_in_a_put_loses_nothing_of_others_and_nothing_comes_after_it() {
    let killed_put = (3, Op::Put(2), 5, 9, None);
    assert_eq!(unbounded(&[put(1, 0, 4), killed_put.clone(), empty(20, 30)]), Err(Rule::Lost));
    assert!(unbounded(&[killed_put.clone(), empty(20, 30)]).is_ok());
    assert!(unbounded(&[killed_put.clone(), get(2, 20, 30), empty(31, 40)]).is_ok());
    // It has come in after the death was known: a value that was put later came out before.
    let late = [killed_put.clone(), put(1, 10, 20), get(1, 21, 30), get(2, 31, 40)];
    assert_eq!(unbounded(&late), Err(Rule::Order));
    assert_eq!(unbounded(&[killed_put, empty(20, 30), get(2, 31, 40)]), Err(Rule::Empty));
}

#[test]
fn a_death_in_a_put_of_many_leaves_the_first_ones() {
    let killed = (0, Op::PutMany(vec![1, 2, 3]), 0, 9, None);
    assert!(unbounded(&[killed.clone(), get(1, 20, 30), get(2, 31, 40), empty(41, 50)]).is_ok());
    assert_eq!(unbounded(&[killed, get(2, 31, 40), empty(41, 50)]), Err(Rule::Lost));
}

#[test]
fn an_empty_queue_needs_one_instant_without_a_value() {
    let between =
        |first_out| [put(1, 0, 10), put(2, 20, 30), get(1, first_out, 40), get(2, 41, 60), empty(15, 35)];
    assert!(unbounded(&between(30)).is_ok());
    assert_eq!(unbounded(&between(31)), Err(Rule::Empty));
}

#[test]
fn a_full_queue_needs_one_instant_without_room() {
    let full = |call, end| (2, Op::Put(9), call, end, Some(Outcome::Full));
    let steps = |out, call| [put(1, 0, 10), put(2, 20, 30), get(1, 12, out), full(call, 50)];
    assert!(judged(Fifo::bounded(2), &steps(40, 40)).is_ok());
    assert_eq!(judged(Fifo::bounded(2), &steps(40, 41)), Err(Rule::Full));
    assert!(judged(Fifo::unbounded(), &steps(40, 41)).is_ok());
}

#[test]
fn a_queue_that_was_empty_is_not_full_of_what_was_there_before() {
    let full = (3, Op::Put(9), 32, 50, Some(Outcome::Full));
    let steps = [put(1, 0, 10), get(1, 5, 40), empty(20, 30), full];
    assert!(judged(Fifo::bounded(1), &[&steps[..2], &steps[3..]].concat()).is_ok());
    assert_eq!(judged(Fifo::bounded(1), &steps), Err(Rule::Full));
}

#[test]
fn a_queue_takes_no_more_than_it_has_room_for() {
    let steps = |out| [put(1, 0, 10), put(2, 20, 30), put(3, 40, 50), get(1, out, 60)];
    assert!(judged(Fifo::bounded(2), &steps(50)).is_ok());
    assert_eq!(judged(Fifo::bounded(2), &steps(51)), Err(Rule::Overfull));
    // Only one of three can have been lost.
    let lossy = [put(1, 0, 10), put(2, 20, 30), put(3, 40, 50), killed_get(3, 0, 60)];
    assert!(judged(Fifo::bounded(2), &lossy).is_ok());
    assert_eq!(judged(Fifo::bounded(1), &lossy), Err(Rule::Overfull));
}

#[test]
fn a_long_history_is_judged_as_well() {
    let mut history = History::new();
    for value in 0..20_000 {
        // Twenty workers of each kind, so that none has two calls at a time.
        let (worker, time) = (value as usize % 20, 10 * value);
        history.push(worker, Op::Put(value), time, time + 100, Outcome::Done);
        history.push(worker + 20, Op::Get, time + 50, time + 150, Outcome::Got(value));
        history.push(worker + 40, Op::Get, time, time + 100, Outcome::Empty);
        history.push(worker + 60, Op::Put(value + 1_000_000), time, time + 100, Outcome::Full);
    }
    let passed = Fifo::bounded(8).check(&history).unwrap_or_else(|violation| panic!("{violation}"));
    assert_eq!(passed, Passed { put: 20_000, got: 20_000, lost: 0, left: 0 });
}

#[test]
#[should_panic(expected = "puts 1 twice")]
fn values_are_different() {
    let _ = unbounded(&[put(1, 0, 1), put(1, 2, 3)]);
}

#[test]
#[should_panic(expected = "none to its call")]
fn an_answer_is_one_to_its_call() {
    let _ = unbounded(&[(0, Op::Put(1), 0, 1, Some(Outcome::Empty))]);
}
