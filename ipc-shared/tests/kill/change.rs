//! A process that is killed at every instruction while it changes an element of a list.
//!
//! After each the element is as before, nothing, or as after; a number that stays one of its kind is never nothing. Its
//! neighbours are as before, and it can be changed again.

use ipc_shared::{Item, ShareableList};
use ipc_testkit::kill::{Args, Row, sweep};

pub(crate) fn set_number(args: &Args) -> Row {
    run(args.scale(7, 1), "set_number", Item::Int(1), Item::Int(i64::MIN), false)
}

pub(crate) fn set_text(args: &Args) -> Row {
    run(args.scale(17, 1), "set_text", Item::from("a".repeat(50)), Item::from("b".repeat(40) + "\0"), true)
}

pub(crate) fn set_kind(args: &Args) -> Row {
    run(args.scale(17, 1), "set_kind", Item::Float(0.5), Item::from("8 bytes."), true)
}

fn run(stride: u64, label: &str, old: Item, new: Item, may_be_nothing: bool) -> Row {
    let mut row = Row::new(label);
    let (left, right) = (Item::from("left"), Item::from(b"right\0"));
    let (mut n_old, mut n_new, mut n_nothing) = (0_u64, 0_u64, 0_u64);
    let make = || ShareableList::new([left.clone(), old.clone(), right.clone()]).expect("memory is left");
    let call = |list: &ShareableList| list.set(1, new.clone()).expect("it fits");
    let swept = sweep(stride, make, call, |list, point| {
        match list.get(1) {
            Ok(item) if item == old => n_old += 1,
            Ok(item) if item == new => n_new += 1,
            Ok(Item::None) if may_be_nothing => n_nothing += 1,
            other => {
                eprintln!("{label}: {other:?} after a kill at point {point}");
                row.losses += 1;
            }
        }
        row.ok &= list.get(0).is_ok_and(|item| item == left) && list.get(2).is_ok_and(|item| item == right);
        for item in [&old, &new] {
            row.ok &= list.set(1, item.clone()).is_ok() && list.get(1).is_ok_and(|found| found == *item);
        }
    });
    (row.points, row.kills) = (swept.points, swept.points);
    row.ok &= n_old > 0 && n_new > 0 && swept.missed <= swept.points / 10;
    eprintln!(
        "{label}: {} instructions, {} points, {n_old} found the old value, {n_nothing} nothing, {n_new} the new; {} missed",
        swept.steps, swept.points, swept.missed
    );
    row
}
