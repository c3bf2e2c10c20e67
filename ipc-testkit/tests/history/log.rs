//! The log keeps what was written, whenever the writer is killed.

use ipc_testkit::history::{History, Log, Op, Operation, Outcome};
use ipc_testkit::isolated;
use ipc_testkit::kill::sweep;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a history says, without the times.
fn said(history: &History) -> Vec<(Op, Option<Outcome>)> {
    history.operations().iter().map(|operation| (operation.op.clone(), operation.outcome.clone())).collect()
}

fn write(log: &Log) {
    let mut writer = log.writer(0);
    writer.call(Op::PutMany(vec![1, 2, 3])).ret(Outcome::DonePartly(2));
    writer.call(Op::Get).ret(Outcome::Got(1));
}

/// How many records are in the log of a writer that was killed.
///
/// # Panics
///
/// If they are not the first ones of those of a writer that was not.
fn n_records(log: &Log, whole: &[(Op, Option<Outcome>)]) -> usize {
    log.died(0);
    let history = log.history();
    let in_time = |operation: &Operation| operation.call < operation.end && operation.end < u64::MAX;
    assert!(history.operations().iter().all(in_time), "{history}");
    let n_unanswered = history.operations().iter().filter(|operation| operation.outcome.is_none()).count();
    let mut expected = whole[..history.operations().len()].to_vec();
    if let Some(last) = expected.last_mut().filter(|_| n_unanswered > 0) {
        last.1 = None;
    }
    assert_eq!(said(&history), expected);
    2 * expected.len() - n_unanswered
}

#[test]
fn a_writer_killed_at_any_instruction_leaves_whole_records() {
    isolated(|| {
        let log = Log::create(1, 10);
        write(&log);
        let whole = said(&log.history());
        let mut seen = BTreeSet::new();
        let make = || Log::create(1, 10);
        let swept = sweep(1, make, write, |log, _point| {
            seen.insert(n_records(&log, &whole));
        });
        assert!(swept.row("log").passed(), "{swept:?}");
        // Elsewhere nothing is swept.
        if swept.points > 0 {
            assert_eq!(seen, (0..=4).collect(), "each record was met when it was the last one");
        }
    });
}

#[test]
fn every_call_and_answer_comes_back() {
    let log = Log::create(1, 40);
    let mut writer = log.writer(0);
    let calls = [
        (Op::Put(u64::MAX), Outcome::Done),
        (Op::PutMany(vec![]), Outcome::Done),
        (Op::PutMany(vec![1, 0]), Outcome::DonePartly(1)),
        (Op::Put(0), Outcome::Full),
        (Op::Put(2), Outcome::Refused),
        (Op::Get, Outcome::Got(u64::MAX)),
        (Op::GetMany(usize::MAX), Outcome::GotMany(vec![1, 0, 7])),
        (Op::GetMany(1), Outcome::Empty),
    ];
    for (op, outcome) in &calls {
        writer.call(op.clone()).ret(outcome.clone());
    }
    assert_eq!(said(&log.history()), calls.map(|(op, outcome)| (op, Some(outcome))));
    assert!(log.history().operations().is_sorted_by_key(|operation| operation.call));
}

#[test]
fn a_call_that_panics_has_an_end_and_no_answer() {
    let log = Log::create(1, 10);
    let mut writer = log.writer(0);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let _call = writer.call(Op::Put(1));
        panic!("in the call");
    }));
    result.expect_err("it has panicked");
    writer.call(Op::Put(2)).ret(Outcome::Done);
    let history = log.history();
    let [first, second] = history.operations() else { panic!("{history}") };
    assert!(first.outcome.is_none() && first.end < second.call, "{history}");
}

#[test]
fn the_first_note_of_a_death_ends_what_is_open() {
    let log = Log::create(2, 10);
    let mut writer = log.writer(1);
    writer.call(Op::Put(1)).ret(Outcome::Done);
    std::mem::forget(writer.call(Op::Put(2)));
    assert_eq!(log.history().operations()[1].end, u64::MAX);
    log.died(1);
    let history = log.history();
    assert!(
        history.operations()[0].end < history.operations()[1].end && history.operations()[1].end < u64::MAX
    );
    log.died(1);
    assert_eq!(log.history(), history);
    log.writer(0).call(Op::Get).ret(Outcome::Empty);
    let later = log.history();
    assert!(later.operations()[0].call >= history.operations()[1].end, "{later}");
}

#[test]
fn a_writer_is_for_one_and_has_an_end() {
    let log = Log::create(2, 2);
    let mut writer = log.writer(1);
    catch_unwind(AssertUnwindSafe(|| log.writer(1).room())).expect_err("it is taken");
    catch_unwind(AssertUnwindSafe(|| log.writer(2).room())).expect_err("there is none");
    let mut other = log.writer(0);
    other.call(Op::Put(9)).ret(Outcome::Done);
    while writer.room() > 0 {
        writer.call(Op::Get).ret(Outcome::Got(1));
    }
    catch_unwind(AssertUnwindSafe(|| writer.call(Op::PutMany((0..20).collect())).ret(Outcome::Done)))
        .expect_err("it is full");
    assert_eq!(log.history().operations()[0].op, Op::Put(9), "its neighbour is not hurt");
}
