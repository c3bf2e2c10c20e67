//! Messages of all sizes: copied one way, and handed over where they lie.

use super::bytes::Socket;
use super::crew::{Crew, Outcome};
use super::messages::{Copied, Loaned};
use super::ring::Ring;
use super::work::{apart, ping_pong, stream};
use crate::measure::{Comparison, Effort, Shown};
use crate::row::Row;

/// The sizes of messages that are copied.
pub(super) const SMALL: usize = 4 << 10;
pub(super) const LARGE: usize = 1 << 20;
/// How many bytes go one way in a run.
pub(super) const N_BYTES: usize = 128 << 20;
/// How many messages of the larger size there is room for. There is as much room for the smaller ones.
const N_LARGE: usize = 8;

/// The sizes of messages that are handed over.
const LEAST: usize = 64;
const MIDDLE: usize = 64 << 10;
const MOST: usize = 4 << 20;
/// How often a message goes back and forth in a run.
const N_ROUNDS: u64 = 4000;

/// Measures everything that has a size.
pub(super) fn rows(effort: Effort) -> Outcome<Vec<Row>> {
    let mut rows = copied(effort)?;
    rows.extend(handed_over(effort)?);
    Ok(rows)
}

/// Room for as many bytes with every contender that can be told.
pub(super) fn room(size: usize) -> usize {
    (N_LARGE * LARGE).max(2 * size)
}

fn copied(effort: Effort) -> Outcome<Vec<Row>> {
    let run = |id, work, target, size, mut peer: Crew| {
        let n_messages = (N_BYTES / size) as u64;
        let mut ours = stream(Copied::new(size, room(size))?, 1, n_messages, apart)?;
        let shown = Shown::Gigabytes(size);
        let comparison =
            Comparison { id, work, target: Some(target), n_operations: n_messages, shown, fewer: 40 };
        comparison.run(&mut ours, &mut peer, effort)
    };
    let socket = |size| stream(Socket::new(size)?, 1, (N_BYTES / size) as u64, apart);
    let ring = |size| stream(Ring::new(size, room(size))?, 1, (N_BYTES / size) as u64, apart);
    Ok(vec![
        run("S6a", "Queue, 4 KiB one way, by Unix sockets", 2.0, SMALL, socket(SMALL)?)?,
        run("S6b", "Queue, 4 KiB one way, by a bare ring", 0.8, SMALL, ring(SMALL)?)?,
        run("S6c", "Queue, 1 MiB one way, by Unix sockets", 2.0, LARGE, socket(LARGE)?)?,
        run("S6d", "Queue, 1 MiB one way, by a bare ring", 0.8, LARGE, ring(LARGE)?)?,
    ])
}

fn handed_over(effort: Effort) -> Outcome<Vec<Row>> {
    let run = |id, work, target, size, mut peer: Crew| {
        let mut ours = ping_pong(|| Loaned::new(size), N_ROUNDS)?;
        let target = Some(target);
        let comparison =
            Comparison { id, work, target, n_operations: N_ROUNDS, shown: Shown::Time, fewer: 10 };
        comparison.run(&mut ours, &mut peer, effort)
    };
    let least = || ping_pong(|| Loaned::new(LEAST), N_ROUNDS);
    #[cfg_attr(not(feature = "iceoryx2"), expect(unused_mut))]
    let mut rows = vec![
        run("S7a", "Queue, ping-pong of loans of 64 KiB, by 64 B", 1.5, MIDDLE, least()?)?,
        run("S7b", "Queue, ping-pong of loans of 4 MiB, by 64 B", 1.5, MOST, least()?)?,
    ];
    #[cfg(feature = "iceoryx2")]
    {
        let theirs = |size| ping_pong(|| Ok(super::iceoryx::IceoryxLoans::new(size)), N_ROUNDS);
        rows.extend([
            run("S7c", "Queue, ping-pong of loans of 64 B, by iceoryx2", 1.0, LEAST, theirs(LEAST)?)?,
            run("S7d", "Queue, ping-pong of loans of 64 KiB, by iceoryx2", 1.0, MIDDLE, theirs(MIDDLE)?)?,
            run("S7e", "Queue, ping-pong of loans of 4 MiB, by iceoryx2", 1.0, MOST, theirs(MOST)?)?,
        ]);
    }
    Ok(rows)
}
