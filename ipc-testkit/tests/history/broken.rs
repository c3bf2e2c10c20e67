//! Each fault is found in a queue that has it.

use crate::queues::{Fault, Toy};
use crate::simulation::{Play, play};
use ipc_testkit::Rng;
use ipc_testkit::history::{Fifo, Rule};

const N_HISTORIES: usize = 200;

/// Many workers, often killed, with many values a call.
const ROUGH: Play = Play { n_workers: 4, n_calls: 60, kill_odds: 15, most_values: 3, is_drained: true };

/// The same without deaths, one value at a time.
const QUIET: Play = Play { kill_odds: 0, most_values: 1, ..ROUGH };

/// The rules by which a queue with room for 4 values was found to be wrong, one for each history that shows it.
fn found(fault: Fault, what: Play) -> Vec<Rule> {
    let mut rng = Rng::from_env();
    let mut rule = || Fifo::bounded(4).check(&play(what, &mut rng, &mut Toy::new(fault, 4))).err();
    let rules: Vec<Rule> = (0..N_HISTORIES).filter_map(|_| rule().map(|violation| violation.rule)).collect();
    eprintln!("{fault:?}: {} of {N_HISTORIES}", rules.len());
    rules
}

/// # Panics
///
/// If fewer of the histories show the fault than a tenth, or none by this rule.
fn finds(fault: Fault, what: Play, expected: Rule) {
    let rules = found(fault, what);
    assert!(rules.len() > N_HISTORIES / 10, "{fault:?}: {rules:?}");
    assert!(rules.contains(&expected), "{fault:?}: {rules:?}");
}

#[test]
fn a_right_queue_passes() {
    assert_eq!(found(Fault::None, QUIET), []);
    assert_eq!(found(Fault::None, ROUGH), []);
}

#[test]
fn values_that_nobody_put_are_found() {
    finds(Fault::Changes, QUIET, Rule::Invented);
    finds(Fault::GivesTooEarly, QUIET, Rule::Invented);
    finds(Fault::FullButPut, QUIET, Rule::Invented);
}

#[test]
fn values_that_come_twice_are_found() {
    finds(Fault::Repeats, QUIET, Rule::Duplicated);
    finds(Fault::RepeatsAfterWrap, QUIET, Rule::Duplicated);
}

#[test]
fn values_that_overtake_are_found() {
    finds(Fault::Stack, QUIET, Rule::Order);
    finds(Fault::OvertakesOthers, QUIET, Rule::Order);
    finds(Fault::OvertakesItself, QUIET, Rule::Order);
    finds(Fault::TurnsMany, Play { most_values: 3, ..QUIET }, Rule::Order);
}

#[test]
fn values_that_vanish_are_found() {
    finds(Fault::Drops, QUIET, Rule::Lost);
    finds(Fault::SeenLate, Play { is_drained: false, ..QUIET }, Rule::Empty);
    finds(Fault::SeenLate, QUIET, Rule::Lost);
}

#[test]
fn wrong_refusals_are_found() {
    finds(Fault::EmptyWrongly, QUIET, Rule::Empty);
    finds(Fault::FullWrongly, QUIET, Rule::Full);
}

#[test]
fn too_much_is_found() {
    finds(Fault::TakesOneMore, Play { n_workers: 2, ..QUIET }, Rule::Overfull);
}

#[test]
fn what_is_wrong_after_a_death_is_found() {
    finds(Fault::LosesTwoAtADeath, Play { most_values: 1, ..ROUGH }, Rule::Lost);
    finds(Fault::LosesAtADeathInPut, ROUGH, Rule::Lost);
    finds(Fault::TearsAtADeath, ROUGH, Rule::Lost);
    finds(Fault::PutsAfterDeath, Play { most_values: 1, ..ROUGH }, Rule::Order);
}
